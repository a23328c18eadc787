"""Working directories, made by a real worker as their user, whom others try to lead astray."""

import ctypes
import errno
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from slurm.pools import PATIENCE, pool_of, silent

from hpcagent.jobs.deadline import Deadline
from hpcagent.slurm import wire
from hpcagent.slurm.pool.workers import WorkerPool

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="must be root to act as another user")

USER, GROUP, SHARED, OTHER = 3001, 3002, 3003, 3999
IDENTITY = {"uid": USER, "gid": GROUP, "groups": [GROUP, SHARED]}
AT_FDCWD, RENAME_EXCHANGE = -100, 2


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    """Workers of a daemon whose umask takes everything from everybody."""
    with tempfile.TemporaryDirectory() as name, silent(Path(name)) as ctld, ExitStack() as stack:
        before = os.umask(0o777)
        try:
            own = stack.enter_context(pool_of(ctld.conf, processes=1))
        finally:
            os.umask(before)
        yield own


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory of the user's, which others can reach: pytest's own are closed."""
    with tempfile.TemporaryDirectory(prefix="hpcagent-work-dir-") as name:
        home = Path(name)
        home.chmod(0o755)
        os.chown(home, USER, GROUP)
        yield home


def make(pool: WorkerPool, path: Path | str, mode: int = 0o700, **given: Any) -> wire.Reply:  # noqa: ANN401
    asked = {"mode": mode, "roots": [], "parents": False, "identity": IDENTITY, **given}
    return pool.call("make_work_dir", Deadline.after(PATIENCE), path=str(path), **asked)


def refused(reply: wire.Reply) -> tuple[int, str]:
    """Why a directory was not made, and where."""
    assert isinstance(reply, wire.Failed), reply
    assert reply.kind == "os"
    return reply.code, reply.said


def looks(path: Path) -> tuple[int, int, int]:
    found = path.lstat()
    return found.st_mode & 0o7777, found.st_uid, found.st_gid


MADE, THERE = wire.Done(value=True), wire.Done(value=False)

# ---------------------------------------------------------------------- what is made


@pytest.mark.parametrize("mode", [0o700, 0o750, 0o777, 0o000, 0o2770, 0o1777, 0o4711])
def test_a_directory_is_made_with_these_bits_as_the_user(
    pool: WorkerPool, home: Path, mode: int
) -> None:
    assert make(pool, home / "run", mode) == MADE
    assert looks(home / "run") == (mode, USER, GROUP)


def test_a_directory_of_a_group_keeps_to_that_group(pool: WorkerPool, home: Path) -> None:
    """As in a project's directory, which has the set-group-id bit."""
    os.chown(home, OTHER, SHARED)
    home.chmod(0o2775)
    assert make(pool, home / "run", 0o2770) == MADE
    assert looks(home / "run") == (0o2770, USER, SHARED)


def test_a_directory_that_is_there_is_left_as_it_is(pool: WorkerPool, home: Path) -> None:
    run = home / "run"
    run.mkdir()
    run.chmod(0o711)
    assert make(pool, run, 0o700) == THERE
    assert looks(run) == (0o711, 0, 0)


@pytest.mark.parametrize("path", ["{home}/run/", "{home}//run", "{home}/run//"])
def test_slashes_do_not_count(pool: WorkerPool, home: Path, path: str) -> None:
    assert make(pool, path.format(home=home)) == MADE
    assert looks(home / "run") == (0o700, USER, GROUP)


@pytest.mark.parametrize("path", ["/", "{home}", "{home}/", "{home}//"])
@pytest.mark.parametrize("as_root", [True, False])
def test_a_root_is_there(pool: WorkerPool, home: Path, path: str, as_root: bool) -> None:
    roots = [str(home)] if as_root else []
    assert make(pool, path.format(home=home), roots=roots) == THERE


def test_the_workers_own_identity_is_not_changed(pool: WorkerPool, home: Path) -> None:
    other = {"uid": OTHER, "gid": OTHER, "groups": [OTHER]}
    assert make(pool, home / "run", 0o700) == MADE
    assert refused(make(pool, home / "run" / "deeper", identity=other))[0] == errno.EACCES
    root = {"uid": 0, "gid": 0, "groups": [0]}
    assert make(pool, home / "run" / "deeper", identity=root) == MADE
    assert looks(home / "run" / "deeper") == (0o700, 0, 0)


# ---------------------------------------------------------------------- parents


def test_parents_are_made_below_a_root_with_the_same_bits(pool: WorkerPool, home: Path) -> None:
    assert make(pool, home / "a" / "b" / "c", 0o2750, roots=[str(home)], parents=True) == MADE
    for path in (home / "a", home / "a" / "b", home / "a" / "b" / "c"):
        assert looks(path) == (0o2750, USER, GROUP)


def test_parents_that_are_there_are_left_as_they_are(pool: WorkerPool, home: Path) -> None:
    (home / "a").mkdir()
    (home / "a").chmod(0o777)
    assert make(pool, home / "a" / "b" / "c", roots=[f"{home}/"], parents=True) == MADE
    assert looks(home / "a") == (0o777, 0, 0)


@pytest.mark.parametrize(
    ("roots", "parents"),
    [([], True), (["{home}"], False), (["{home}/other"], True), (["{home}/a/b"], True)],
)
def test_parents_are_made_nowhere_else(
    pool: WorkerPool, home: Path, roots: list[str], parents: bool
) -> None:
    under = [root.format(home=home) for root in roots]
    code, where = refused(make(pool, home / "a" / "b" / "c", roots=under, parents=parents))
    assert code == errno.ENOENT
    assert Path(where) in {home / "a", home / "a" / "b"}
    assert list(home.iterdir()) == []


def test_a_root_is_no_prefix_of_a_name(pool: WorkerPool, home: Path) -> None:
    roots = [f"{home}/pro"]
    Path(roots[0]).mkdir()
    code, where = refused(make(pool, home / "project" / "run", roots=roots, parents=True))
    assert (code, where) == (errno.ENOENT, f"{home}/project")


def test_a_root_may_be_a_symbolic_link(pool: WorkerPool, home: Path) -> None:
    (home / "disk7").mkdir()
    os.chown(home / "disk7", USER, GROUP)
    (home / "scratch").symlink_to("disk7")
    assert make(pool, home / "scratch" / "a" / "b", roots=[f"{home}/scratch"], parents=True) == MADE
    assert looks(home / "disk7" / "a" / "b") == (0o700, USER, GROUP)
    assert make(pool, home / "scratch", roots=[f"{home}/scratch"]) == THERE


# ---------------------------------------------------------------------- where it may not


def test_what_the_user_may_not_write_is_not_written(pool: WorkerPool, home: Path) -> None:
    os.chown(home, OTHER, OTHER)
    assert refused(make(pool, home / "run")) == (errno.EACCES, f"{home}/run")
    assert list(home.iterdir()) == []


def test_what_the_user_may_not_enter_is_not_entered(pool: WorkerPool, home: Path) -> None:
    (home / "closed" / "in").mkdir(parents=True)
    (home / "closed").chmod(0o700)
    path = home / "closed" / "in" / "run"
    assert refused(make(pool, path)) == (errno.EACCES, f"{home}/closed/in")


def test_a_file_is_no_directory(pool: WorkerPool, home: Path) -> None:
    (home / "file").touch()
    assert refused(make(pool, home / "file")) == (errno.ENOTDIR, f"{home}/file")
    assert refused(make(pool, home / "file" / "run")) == (errno.ENOTDIR, f"{home}/file")


def test_a_name_that_is_too_long_is_refused(pool: WorkerPool, home: Path) -> None:
    name = "n" * 256
    assert refused(make(pool, home / name)) == (errno.ENAMETOOLONG, f"{home}/{name}")


# ---------------------------------------------------------------------- astray


@pytest.fixture
def prize(home: Path) -> Path:
    """A directory of another user's, in which this one may write if it gets there."""
    prize = home / "prize"
    prize.mkdir()
    prize.chmod(0o777)
    return prize


@pytest.mark.parametrize("roots", [[], ["{home}"]])
@pytest.mark.parametrize(
    ("link", "path"),
    [("l", "l"), ("l", "l/run"), ("a/l", "a/l/run"), ("l", "l/b/run")],
)
def test_a_symbolic_link_is_never_followed(
    pool: WorkerPool, home: Path, prize: Path, roots: list[str], link: str, path: str
) -> None:
    (home / link).parent.mkdir(exist_ok=True)
    (home / link).symlink_to(prize)
    under = [root.format(home=home) for root in roots]
    reply = make(pool, home / path, 0o777, roots=under, parents=True)
    assert refused(reply) == (errno.ELOOP, f"{home}/{link}")
    assert list(prize.iterdir()) == []


def test_a_dangling_link_is_a_link_too(pool: WorkerPool, home: Path) -> None:
    (home / "l").symlink_to(home / "nothing")
    assert refused(make(pool, home / "l")) == (errno.ELOOP, f"{home}/l")
    assert not (home / "nothing").exists()


@pytest.mark.parametrize("path", ["{home}/root/../prize/run", "{home}/./run", "run", ""])
def test_dots_and_relative_paths_lead_nowhere(
    pool: WorkerPool, home: Path, prize: Path, path: str
) -> None:
    """They are refused before a worker sees them, and there once more."""
    (home / "root").mkdir()
    os.chown(home / "root", USER, GROUP)
    path = path.format(home=home)
    reply = make(pool, path, roots=[f"{home}/root"], parents=True)
    assert refused(reply) == (errno.EINVAL, path)
    assert list(prize.iterdir()) == []


def exchange(one: Path, other: Path) -> None:
    """Let two names change places in one step, renameat2(2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(AT_FDCWD, bytes(one), AT_FDCWD, bytes(other), RENAME_EXCHANGE):
        raise OSError(ctypes.get_errno(), "renameat2")


@pytest.mark.parametrize("path", ["{home}/a/run{number}", "{home}/a/b{number}/run", "{home}/a"])
def test_a_link_that_takes_a_directorys_place_leads_nowhere(
    pool: WorkerPool, home: Path, prize: Path, path: str
) -> None:
    """While the path is walked, a directory of it becomes a link and back, again and again."""
    stop = threading.Event()
    (home / "a").mkdir()
    (home / "l").symlink_to(prize)
    os.chown(home / "a", USER, GROUP)

    def swap() -> None:
        while not stop.is_set():
            exchange(home / "a", home / "l")

    swapper = threading.Thread(target=swap)
    swapper.start()
    outcomes: set[int] = set()
    try:
        for number in range(5000):
            if number > 150 and len(outcomes) > 1:
                break
            reply = make(
                pool, path.format(home=home, number=number), roots=[str(home)], parents=True
            )
            outcomes.add(0 if reply in {MADE, THERE} else refused(reply)[0])
    finally:
        stop.set()
        swapper.join()
    assert list(prize.iterdir()) == []
    assert looks(prize)[0] == 0o777
    assert outcomes == {0, errno.ELOOP}


# ---------------------------------------------------------------------- whom it cannot act for


def test_an_identity_that_cannot_be_taken_is_not_the_directorys_fault(
    pool: WorkerPool, home: Path
) -> None:
    """The kernel takes 65,536 groups at most."""
    reply = make(pool, home / "run", identity={**IDENTITY, "groups": list(range(70_000))})
    assert isinstance(reply, wire.Failed)
    assert reply.kind == "identity"
    assert f"uid {USER}" in reply.text
    assert list(home.iterdir()) == []
