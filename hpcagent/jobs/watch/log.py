"""The changes that are kept, so that a watch can be taken up again where it broke off.

A log has the newest change of every job that is still there, however old, and all changes behind
its ``floor``. So it gives the state of everything, and every change since any number that is not
below the floor.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from hpcagent.jobs.model import Job


@dataclass(frozen=True, slots=True)
class Change:
    """One job's step from one state to the next."""

    number: int
    """Counts from 1, without gaps."""
    key: str
    """Which job."""
    job: Job
    """As it is now, or was at last."""
    gone: bool = False
    """The backend no longer has it."""
    before: Job | None = None
    """As it was before; None: it was not there."""


class ChangeLog(Protocol):
    """Keeps changes. Safe from any thread."""

    @property
    def epoch(self) -> str:
        """Names the log: numbers of one log mean nothing in another."""

    @property
    def number(self) -> int:
        """The newest change's number; 0 before the first."""

    @property
    def floor(self) -> int:
        """Changes up to this number may be missing."""

    def jobs(self) -> Mapping[str, Job]:
        """Return all jobs that are there, by key, as of the newest change."""

    def append(self, changes: Sequence[Change]) -> None:
        """Keep changes, which go on from ``number``; old ones may be dropped for them."""

    def since(self, number: int, until: int, most: int) -> Sequence[Change]:
        """Return changes behind a number, the oldest ``most`` of them up to ``until``."""


class MemoryLog:
    """Keeps the last changes for as long as the process lives."""

    def __init__(self, most: int = 10_000) -> None:
        self.epoch = secrets.token_hex(8)
        self.number = 0
        self.floor = 0
        self._most = most
        self._changes: list[Change] = []

    def jobs(self) -> Mapping[str, Job]:
        """Return none: the process has just begun."""
        return {}

    def append(self, changes: Sequence[Change]) -> None:
        """Keep changes, and forget the oldest."""
        kept = [*self._changes, *changes][-self._most :]
        self._changes = kept
        if kept:
            self.floor, self.number = kept[0].number - 1, kept[-1].number

    def since(self, number: int, until: int, most: int) -> Sequence[Change]:
        """Return changes behind a number, the oldest ``most`` of them up to ``until``."""
        kept = self._changes
        begin = number - (kept[0].number - 1) if kept else 0
        found = kept[max(0, begin) : max(0, begin) + most]
        return [change for change in found if change.number <= until]
