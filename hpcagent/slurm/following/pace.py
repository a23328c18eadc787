"""When slurmctld is looked at next: often enough, and never so often that it is a burden.

A look at a queue in which nothing has changed costs slurmctld a millisecond, one at ten thousands
of jobs a good part of a second under its lock on jobs. So the time between two looks grows with
what the last one took.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

SHARE = 20.0
"""The time between two looks is at least so many times what the last one took: 5 % of it."""
HASTE = 5.0
"""The same where somebody waits for the look, or the agent itself has just changed something."""
GAP = 0.05
"""Least seconds between two looks, however many ask for one."""
LONGEST = 30.0
"""Most seconds between two looks. Where slurmctld forgets sooner how a job ended, there is less."""


def for_ever() -> float:
    """Forget nothing."""
    return math.inf


@dataclass(slots=True)
class Pace:
    """Tells when to look; ``least`` are the seconds between two looks that nobody hurries.

    ``kept`` tells for how many seconds slurmctld knows how a job ended: two looks fall into them.
    """

    least: float
    kept: Callable[[], float] = for_ever
    clock: Callable[[], float] = time.monotonic
    _ended: float = field(default=float("-inf"), init=False)
    _took: float = field(default=0.0, init=False)

    def looked(self, began: float) -> None:
        """Note a look that has just ended."""
        self._ended = self.clock()
        self._took = self._ended - began

    def due(self, *, hurried: bool) -> float:
        """Return in how many seconds the next look is due."""
        pause = max(GAP, HASTE * self._took) if hurried else max(self.least, SHARE * self._took)
        longest = min(LONGEST, self.kept() / 2)
        return max(0.0, self._ended + min(pause, longest) - self.clock())
