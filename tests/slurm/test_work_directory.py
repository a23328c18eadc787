"""Working directories that the daemon makes for jobs."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fix_daemon import Daemon
from server.refusals import refusal
from slurm.caller import Caller, Fields, fresh

from hpcagent.v1.job_pb2 import JOB_STATE_COMPLETED

THREADS = 8
ALICE = {"user_id": None, "group_id": None, "user": "alice", "group": "alice"}
TO_STDOUT = {"output": "out"}


@pytest.fixture
def homes(daemon: Daemon) -> dict[str, Path]:
    """Each user's home, below the one root of the agent."""
    return {user.name: Path(user.home) for user in daemon.sandbox.users}


def looks(path: Path) -> tuple[int, int, int]:
    """Mode, uid and gid of a directory."""
    found = path.lstat()
    assert stat.S_ISDIR(found.st_mode)
    return stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid


def make(path: Path, **how: object) -> Fields:
    return {"work_dir": str(path), "create_work_dir": how}


def test_a_job_runs_in_the_directory_that_was_made_for_it(
    caller: Caller, homes: dict[str, Path]
) -> None:
    path = homes["alice"] / fresh("run")
    script = {"script": "#!/bin/sh\npwd\n"}
    job = caller.submit({**ALICE, **script, **make(path)}, TO_STDOUT).job_id
    assert looks(path) == (0o700, 2001, 2001)
    caller.wait(job, JOB_STATE_COMPLETED)
    assert (path / "out").read_text() == f"{path}\n"


@pytest.mark.parametrize("mode", [0o750, 0o2770, 0o1777])
def test_a_directory_has_the_mode_that_was_asked_for_and_the_jobs_group(
    caller: Caller, homes: dict[str, Path], mode: int
) -> None:
    path = homes["alice"] / fresh("mode")
    caller.hold({**ALICE, "group": "hpc", **make(path, mode=mode)})
    assert looks(path) == (mode, 2001, 2100)


def test_parents_are_made_below_a_root_of_the_agents(
    caller: Caller, homes: dict[str, Path]
) -> None:
    top = homes["alice"] / fresh("top")
    caller.hold({**ALICE, **make(top / "a" / "b", mode=0o711, parents=True)})
    for path in (top, top / "a", top / "a" / "b"):
        assert looks(path) == (0o711, 2001, 2001)


def test_a_directory_that_is_there_is_left_as_it_is(caller: Caller, homes: dict[str, Path]) -> None:
    path = homes["alice"] / fresh("there")
    path.mkdir()
    path.chmod(0o755)
    for there in (path, homes["alice"].parent, Path("/")):
        before = looks(there)
        caller.hold({**ALICE, **make(there, mode=0o700)})
        assert looks(there) == before


def test_requests_for_one_directory_at_once_are_all_served(
    caller: Caller, homes: dict[str, Path]
) -> None:
    path = homes["alice"] / fresh("a") / "b" / "c"
    with ThreadPoolExecutor(THREADS) as pool:
        ask = pool.submit
        asked = [ask(caller.hold, {**ALICE, **make(path, parents=True)}) for _ in range(THREADS)]
        assert len({one.result().id for one in asked}) == THREADS
    assert looks(path) == (0o700, 2001, 2001)


def test_no_directory_is_made_where_the_user_may_not(
    caller: Caller, homes: dict[str, Path]
) -> None:
    """Not even where a link of the user's own leads."""
    closed = homes["bob"] / fresh("closed")
    closed.mkdir(mode=0o700)
    link = homes["alice"] / fresh("link")
    link.symlink_to(closed)
    straight = refusal(lambda: caller.submit({**ALICE, **make(closed / "a")}))
    assert (straight.code.name, straight.reason) == ("PERMISSION_DENIED", "WORK_DIR_NOT_ALLOWED")
    astray = refusal(lambda: caller.submit({**ALICE, **make(link / "a", parents=True)}))
    assert astray.violations == {"work_dir": "WORK_DIR_SYMLINK"}
    assert f"{link} is a symbolic link" in astray.message
    assert list(closed.iterdir()) == []
