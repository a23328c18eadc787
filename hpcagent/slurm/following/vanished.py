"""Jobs that left slurmctld before their end was seen: accounting is asked how they ended.

slurmdbd learns late what happens: slurmctld tells it in the background, and keeps what is to be
told while slurmdbd is down. So a job of which it has no end yet is asked about again for a while,
and only then called unknown. One look asks for a bounded time; what is left waits for the next.
"""

import enum
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import AgentError
from hpcagent.jobs.model import Job, JobState
from hpcagent.jobs.watch import key_of

log = structlog.get_logger(__name__)

PATIENCE_SECONDS = 60.0
"""For so long an end is asked for that accounting has not, or cannot tell."""
AGAIN_SECONDS = 2.0
"""Time between two questions about the same job, and between two to a slurmdbd that is down."""
BUDGET_SECONDS = 2.0
"""After so long a look asks about no further job: it has others to tell of, and watchers wait."""
QUESTION_SECONDS = 10.0
"""How long one answer may take. It is MessageTimeout's default (slurm.conf(5))."""


class NoEnd(enum.Enum):
    """Why it cannot be told how a job ended."""

    YET = enum.auto()
    """Accounting may still learn it."""
    EVER = enum.auto()
    """Nobody is left who could know."""


Ending = Callable[[Job, Deadline], Job | NoEnd]
"""Tells how a job ended that slurmctld no longer has. Raises AgentError if it cannot be asked."""


def nobody_knows(job: Job, deadline: Deadline) -> NoEnd:  # noqa: ARG001 - an Ending
    """Know nothing: neither accounting nor a journal is there."""
    return NoEnd.EVER


@dataclass(slots=True)
class _Case:
    """A job whose end is asked for."""

    job: Job
    due: float
    """When to ask about it."""
    until: float | None = None
    """When it is given up; None: nobody has been asked yet."""


class Vanished:
    """Holds such jobs until their end is known, or is not going to be. For one thread."""

    def __init__(self, ending: Ending, clock: Callable[[], float] = time.monotonic) -> None:
        self._ending = ending
        self._clock = clock
        self._cases: dict[str, _Case] = {}
        self._silent = False
        """Accounting could not be asked last time."""

    def add(self, job: Job) -> None:
        """Ask about a job from now on, which is given as it was seen last."""
        self._cases.setdefault(key_of(job), _Case(job, self._clock()))

    def drop(self, job: Job) -> None:
        """Ask no more: slurmctld has the job again."""
        self._cases.pop(key_of(job), None)

    def settle(self) -> list[Job]:
        """Ask, and return the jobs that are done with: as they ended, or unknown."""
        began, done = self._clock(), list[Job]()
        for case in sorted(self._cases.values(), key=lambda one: one.due):
            if case.due > began or self._clock() - began > BUDGET_SECONDS:
                break
            try:
                told = self._ending(case.job, Deadline.after(QUESTION_SECONDS))
            except AgentError as error:
                return done + self._fall_silent(case, error)
            self._hear()
            if isinstance(told, Job) or told is NoEnd.EVER or self._is_given_up(case):
                del self._cases[key_of(case.job)]
                done.append(told if isinstance(told, Job) else _unknown(case.job))
        return done

    def _is_given_up(self, case: _Case) -> bool:
        """Note that an end could not be told this time; return whether that was the last."""
        now = self._clock()
        case.due = now + AGAIN_SECONDS
        case.until = now + PATIENCE_SECONDS if case.until is None else case.until
        return now >= case.until

    def _fall_silent(self, asked: _Case, error: AgentError) -> list[Job]:
        """Ask about no job for a moment; return those that are given up."""
        if not self._silent:
            log.warning("vanished_jobs_wait_for_accounting", error=error.message)
            self._silent = True
        key = key_of(asked.job)
        self._cases[key] = self._cases.pop(key)  # behind the others: it may be the one to blame
        given_up = [case.job for case in self._cases.values() if self._is_given_up(case)]
        for job in given_up:
            self.drop(job)
        return [_unknown(job) for job in given_up]

    def _hear(self) -> None:
        if self._silent:
            log.info("vanished_jobs_found_accounting")
            self._silent = False


def _unknown(job: Job) -> Job:
    return replace(job, state=JobState.UNKNOWN, as_of_time=time.time())
