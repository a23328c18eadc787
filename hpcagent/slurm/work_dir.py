"""Asking a worker to make a job's working directory, and saying why it could not."""

import errno
from collections.abc import Sequence
from dataclasses import asdict

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import Forbidden, InvalidRequest, Kind, Refused, Violation
from hpcagent.jobs.identity import Identity
from hpcagent.jobs.spec import JobSpec, WorkDirRequest
from hpcagent.slurm.client import Client, FileError

MAX_MODE = 0o7777

_WORDS = {
    errno.ELOOP: ("is a symbolic link, which is not followed here", "WORK_DIR_SYMLINK"),
    errno.ENOTDIR: ("is no directory", "WORK_DIR_NOT_A_DIRECTORY"),
    errno.ENOENT: (
        "does not exist; create_work_dir.parents makes it below the agent's work_dir_roots only",
        "WORK_DIR_PARENT_MISSING",
    ),
    errno.ENAMETOOLONG: ("is too long a name for its file system", "WORK_DIR_NAME_TOO_LONG"),
    errno.EACCES: ("cannot be entered or written by the user", "WORK_DIR_NOT_ALLOWED"),
    errno.EPERM: ("cannot be made by the user", "WORK_DIR_NOT_ALLOWED"),
}
_NOT_ALLOWED = frozenset({errno.EACCES, errno.EPERM})


def check(wanted: WorkDirRequest | None) -> list[Violation]:
    """Return what is wrong with the request for a directory."""
    if wanted is None or 0 <= wanted.mode <= MAX_MODE:
        return []
    said = f"is {wanted.mode}; it must be 0 to {MAX_MODE} (octal 7777)"
    return [Violation("create_work_dir.mode", said, "OUT_OF_RANGE")]


def make(
    client: Client, spec: JobSpec, identity: Identity, roots: Sequence[str], deadline: Deadline
) -> None:
    """Make the directory as the user; one that is there already is left as it is."""
    wanted = spec.create_work_dir or WorkDirRequest()
    try:
        client.call(
            "make_work_dir",
            deadline,
            path=spec.work_dir,
            mode=wanted.mode,
            roots=roots,
            parents=wanted.parents,
            identity=asdict(identity),
        )
    except FileError as error:
        raise _refusal(error) from error


def _refusal(error: FileError) -> Exception:
    said, reason = _WORDS.get(error.number, (error.text, "WORK_DIR_NOT_MADE"))
    said = f"{error.path} {said}"
    violation = Violation("work_dir", said, reason)
    if error.number in _NOT_ALLOWED:
        return Forbidden(said, reason=reason, violations=[violation])
    if error.number in _WORDS:
        return InvalidRequest([violation])
    return Refused(
        f"the working directory could not be made: {said}",
        kind=Kind.FAILED_PRECONDITION,
        reason=reason,
        violations=[violation],
    )
