"""A process that acts as users: here without the right to."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from hpcagent.k8s.directories.as_user import Order, Outcome, answer

PROGRAM = """
import os, sys
from hpcagent.k8s.directories.as_user import answer
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
sys.stdout.buffer.write(answer(sys.stdin.buffer.read()))
"""


def order(path: Path, uid: int, gid: int) -> bytes:
    """Make a directory."""
    wanted = Order(
        operation="make", path=str(path), roots=(), uid=uid, gid=gid, groups=(gid,), mode=0o700
    )
    return msgspec.json.encode(wanted)


def test_who_is_the_user_already_needs_no_right(tmp_path: Path) -> None:
    asked = order(tmp_path / "a", os.geteuid(), os.getegid())
    assert msgspec.json.decode(answer(asked), type=Outcome) == Outcome(made=True)
    assert (tmp_path / "a").is_dir()


@pytest.mark.skipif(os.getuid() != 0, reason="must be root to lay down its rights")
def test_an_agent_without_the_right_says_so_and_makes_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=order(tmp_path / "a", 3001, 3002),
        stdout=subprocess.PIPE,
        check=True,
    )
    outcome = msgspec.json.decode(done.stdout, type=Outcome)
    assert (outcome.number, outcome.path) == (1, "")
    assert not (tmp_path / "a").exists()
