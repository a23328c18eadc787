"""Without root a sandbox is the user's own: daemons and jobs all belong to that user."""

import multiprocessing
import os
import pwd
import re
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from slurm_commands import command, job_state, submit, wait_until

from hpcagent.sandbox import NotASandboxError, Sandbox

NOBODY = pwd.getpwnam("nobody")

Check = Callable[[], None]


def as_nobody(connection: Connection, check: Check) -> None:
    """Become an ordinary user for good, and say what came of the check."""
    try:
        os.setgroups([])
        os.setresgid(NOBODY.pw_gid, NOBODY.pw_gid, NOBODY.pw_gid)
        os.setresuid(NOBODY.pw_uid, NOBODY.pw_uid, NOBODY.pw_uid)
        os.chdir("/")
        os.environ.pop("XDG_RUNTIME_DIR", None)
        check()
    except BaseException:  # noqa: BLE001 - it is raised again, in the test's process
        connection.send(traceback.format_exc())
    else:
        connection.send(None)


@pytest.fixture
def ordinary_user() -> Callable[[Check], None]:
    """Runs a check as an ordinary user; forked, since that user may not see this Python's files."""
    if os.getuid() != 0:
        pytest.skip("must be root to become an ordinary user")

    def run(check: Check) -> None:
        ours, theirs = multiprocessing.Pipe()
        child = multiprocessing.get_context("fork").Process(target=as_nobody, args=(theirs, check))
        child.start()
        theirs.close()
        failure = ours.recv()
        child.join()
        assert failure is None, failure

    return run


def test_its_jobs_run_as_that_user(ordinary_user: Callable[[Check], None]) -> None:
    def check() -> None:
        with Sandbox.up() as sandbox:
            owners = {Path(f"/proc/{daemon.pid}").stat().st_uid for daemon in sandbox.daemons}
            assert owners == {NOBODY.pw_uid}
            file = sandbox.directory / "home" / "out"
            job = submit(sandbox, "id -u", f"--output={file}")
            wait_until(lambda: job_state(sandbox, job) == "COMPLETED", "the job completes")
            assert file.read_text().split() == [str(NOBODY.pw_uid)]
            shown = command(sandbox, "scontrol", "show", "job", str(job)).stdout
            assert re.search(r"UserId=nobody\(65534\) ", shown)
        assert not sandbox.directory.exists()

    ordinary_user(check)


def test_it_also_works_below_a_private_runtime_directory(
    ordinary_user: Callable[[Check], None], tmp_path_factory: pytest.TempPathFactory
) -> None:
    runtime = Path("/tmp") / f"run-{os.getpid()}"  # short: a sandbox keeps sockets below it
    runtime.mkdir(mode=0o700)
    os.chown(runtime, NOBODY.pw_uid, NOBODY.pw_gid)

    def check() -> None:
        os.environ["XDG_RUNTIME_DIR"] = str(runtime)
        with Sandbox.up(nodes=1) as sandbox:
            assert sandbox.directory.parent == runtime
            assert command(sandbox, "sinfo").stdout

    try:
        ordinary_user(check)
    finally:
        runtime.rmdir()


def test_another_users_sandbox_is_not_opened(
    ordinary_user: Callable[[Check], None], sandbox: Sandbox
) -> None:
    def check() -> None:
        with pytest.raises(NotASandboxError, match="another user"):
            Sandbox.open(sandbox.directory)

    ordinary_user(check)
