"""A process that makes and removes the directories of tasks, as their users.

Started as ``python -m hpcagent.k8s.directories.as_user FD``: an order comes as a line of JSON, what
became of it goes back. It has one thread, so it may take an identity as a whole, which the daemon
cannot (ADR 0004); and a file server that hangs holds nothing else.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import msgspec

from hpcagent import work_dir
from hpcagent.k8s.side_processes import answer_all


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done, and as whom."""

    operation: Literal["make", "remove"]
    path: str
    roots: tuple[str, ...]
    uid: int
    gid: int
    groups: tuple[int, ...]
    mode: int = 0
    parents: bool = False
    only_empty: bool = False


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of it: done, or the system's error."""

    made: bool = False
    number: int = 0
    """errno; 0: none."""
    text: str = ""
    path: str = ""
    """As far as the component that failed; empty: the user's identity could not be taken."""


def answer(question: bytes) -> bytes:
    """Do what an order says."""
    return msgspec.json.encode(_carry_out(msgspec.json.decode(question, type=Order)))


def _carry_out(order: Order) -> Outcome:
    try:
        with _acting_as(order):
            try:
                return Outcome(made=_do(order))
            except OSError as error:
                path = os.fsdecode(error.filename or order.path)
                return Outcome(number=error.errno or 0, text=error.strerror or "", path=path)
    except OSError as error:
        return Outcome(number=error.errno or 0, text=error.strerror or "")


def _do(order: Order) -> bool:
    if order.operation == "make":
        return work_dir.make(order.path, order.mode, order.roots, parents=order.parents)
    work_dir.remove(order.path, order.roots, only_empty=order.only_empty)
    return False


@contextmanager
def _acting_as(order: Order) -> Iterator[None]:
    """Be the user inside the block; who is that already needs no right for it."""
    uid, gid, groups = os.geteuid(), os.getegid(), os.getgroups()
    if (uid, gid) == (order.uid, order.gid) and {gid, *groups} >= set(order.groups):
        yield
        return
    os.setgroups(order.groups)
    try:
        os.setegid(order.gid)
        os.seteuid(order.uid)
        yield
    finally:
        _go_back(uid, gid, groups)


def _go_back(uid: int, gid: int, groups: list[int]) -> None:
    """Be who we were. One who cannot would do other users' work as this one, so it ends."""
    try:
        os.seteuid(uid)
        os.setegid(gid)
        os.setgroups(groups)
    except OSError as error:
        raise SystemExit(f"the agent's own credentials could not be restored: {error}") from error


if __name__ == "__main__":
    os.umask(0o077)
    answer_all(int(sys.argv[1]), answer)
