"""What happens to threads, and to the process, when one takes another identity."""

import contextlib
import ctypes
import os
import threading
from typing import Any

import _slurm

Credentials = tuple[int, int, list[int]]


def here() -> Credentials:
    """The calling thread's effective credentials."""
    return os.geteuid(), os.getegid(), sorted(os.getgroups())


def seen_inside(uid: int, gid: int, groups: list[int]) -> dict[str, Credentials]:
    """The credentials inside the block, of another thread meanwhile, and after the block."""
    inside, leave = threading.Event(), threading.Event()
    seen: dict[str, Credentials] = {"before": here()}

    def act() -> None:
        with _slurm.acting_as(uid, gid, groups):
            seen["inside"] = here()
            inside.set()
            leave.wait()
        seen["after"] = here()

    actor = threading.Thread(target=act)
    actor.start()
    inside.wait()
    seen["beside"] = here()
    leave.set()
    actor.join()
    return seen


def submitted_by(uid: int, gid: int, groups: list[int], members: dict[str, Any]) -> Any:  # noqa: ANN401
    """Submit as a user from this thread."""
    with _slurm.acting_as(uid, gid, groups):
        return _slurm.submit_batch_job(members)


def killed_by(uid: int, gid: int, job_id: int) -> None:
    """Kill a job as a user from this thread."""
    with _slurm.acting_as(uid, gid, [gid]):
        _slurm.kill_job2(str(job_id), 9)


def refused(uid: int, gid: int, groups: list[int]) -> dict[str, Any]:
    """Try to take an identity as a process that may not; what was raised, and what is left."""
    os.setgroups([1884])
    os.setresgid(1884, 1884, 1884)
    os.setresuid(1870, 1870, 1870)
    try:
        with _slurm.acting_as(uid, gid, groups):
            raised = None
    except OSError as error:
        raised = type(error).__name__, str(error)
    return {"raised": raised, "left": here()}


def half_refused(uid: int, gid: int, groups: list[int]) -> dict[str, Any]:
    """The same for a process that may set its groups but not its uid."""
    keep_only_capability_setgid()
    try:
        with _slurm.acting_as(uid, gid, groups):
            raised = None
    except OSError as error:
        raised = type(error).__name__, str(error)
    return {"raised": raised, "left": here()}


def keep_only_capability_setgid() -> None:
    """Give up every capability of the process but CAP_SETGID, and root with them."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3
    capability_setgid = 1 << 6
    data = (ctypes.c_uint32 * 6)(capability_setgid, capability_setgid, 0, 0, 0, 0)
    if libc.syscall(126 if os.uname().machine == "x86_64" else 91, header, data):  # capset(2)
        raise OSError(ctypes.get_errno(), "capset")


def never_back(uid: int, gid: int) -> None:
    """Give up, inside the block, the right to come back out of it."""
    with _slurm.acting_as(uid, gid, [gid]):
        os.setresuid(uid, uid, uid)


def twice(uid: int, gid: int) -> None:
    """Enter the same object inside itself."""
    identity = _slurm.acting_as(uid, gid, [gid])
    with identity, identity:
        pass


def after_an_error(uid: int, gid: int) -> dict[str, Credentials]:
    """The credentials after the block was left by an exception."""
    before = here()
    with contextlib.suppress(LookupError), _slurm.acting_as(uid, gid, [gid]):
        raise LookupError
    return {"before": before, "after": here()}
