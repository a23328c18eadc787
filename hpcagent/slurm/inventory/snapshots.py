"""What slurmctld told a moment ago, for any number of callers.

However many ask, slurmctld is asked by one of them at a time, and not again before what it told is
older than was agreed. What callers see may be that old; `as_of_time` tells them.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeGuard, TypeVar

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import DeadlineExceeded

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Taken(Generic[Value]):
    """What was told, and when it was asked for."""

    value: Value
    as_of_time: float
    good_until: float
    """On the monotonic clock."""


class Snapshot(Generic[Value]):
    """The newest answer to one question; ``load`` asks it, an answer is good for ``max_age`` s."""

    def __init__(self, load: Callable[[Deadline], Value], max_age: float) -> None:
        self._load = load
        self._max_age = max_age
        self._taken: Taken[Value] | None = None
        self._loading = False
        self._changed = threading.Condition()

    def get(self, deadline: Deadline, since: float = 0.0) -> Taken[Value]:
        """Return an answer that is new enough, asked for by this caller if by nobody else.

        It is also from after ``since``, in seconds since the epoch.

        Raises what asking raises, to the caller who asks: those who wait for it ask themselves
        then. Raises DeadlineExceeded while another's question is under way.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._settled(since), deadline.remaining()):
                said = "slurmctld has not answered before the deadline; nothing was changed"
                raise DeadlineExceeded(said)
            if self._is_good(self._taken, since):
                return self._taken
            self._loading = True
        return self._renew(deadline)

    def forget(self) -> None:
        """Ask anew at the next call."""
        with self._changed:
            self._taken = None

    def _renew(self, deadline: Deadline) -> Taken[Value]:
        taken = None
        asked, good_until = time.time(), time.monotonic() + self._max_age
        try:
            taken = Taken(self._load(deadline), asked, good_until)
        finally:
            with self._changed:
                self._loading = False
                self._taken = self._taken if taken is None else taken
                self._changed.notify_all()
        return taken

    def _settled(self, since: float) -> bool:
        return not self._loading or self._is_good(self._taken, since)

    @staticmethod
    def _is_good(taken: Taken[Value] | None, since: float) -> TypeGuard[Taken[Value]]:
        if taken is None or taken.as_of_time < since:
            return False
        return time.monotonic() < taken.good_until
