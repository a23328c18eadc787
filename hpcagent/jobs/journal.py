"""The record of what was submitted, and of what became of it.

An entry is written before a job is submitted and settled when the outcome is known. So a daemon
that dies in between knows afterwards that there may be a job, and every job that it did submit is
answered for to its end and beyond, whatever the backend has forgotten. It holds what a request was,
never the script or the environment: a digest stands for them.
"""

import enum
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from hpcagent.jobs.matching import stands_for
from hpcagent.jobs.model import Job, JobId, Named


class Outcome(Named):
    """What became of a submission."""

    OPEN = enum.auto()
    """Nobody knows: none was written, or the answer was lost. There may be a job."""
    ACCEPTED = enum.auto()
    REFUSED = enum.auto()


@dataclass(frozen=True, slots=True)
class Entry:
    """One submission."""

    digest: str
    """``JobSpec.digest``."""
    user_id: int
    user: str
    name: str
    asked_at: float
    """Seconds since the epoch."""
    cluster: str = ""
    request_id: str = ""
    outcome: Outcome = Outcome.OPEN
    reason: str = ""
    """Of a refusal."""
    job_id: int = 0
    """Number of the job, the array or the leader; 0 where there is none."""
    array: str = ""
    """Which tasks were asked for, as the request wrote it; empty: it is no array."""
    components: int = 1
    """How many; more than one: it is a heterogeneous job."""

    def includes(self, job_id: JobId) -> bool:
        """Whether an id means the job, or a task or component that was asked for with it."""
        if job_id.array_task_id is not None:
            return stands_for(_indexes(self.array), job_id.array_task_id)
        if job_id.het_job_offset is not None:
            return self.components > 1 and job_id.het_job_offset < self.components
        return True


def _indexes(array: str) -> str:
    """Leave out what slurmctld passes over in each part: brackets, and how many may run."""
    return ",".join(part.partition("%")[0].strip(" []") for part in array.split(","))


class Journal(Protocol):
    """Keeps entries. Safe from any thread.

    Where the file fails, ``trouble`` says so. What happened after all, and cannot be written down,
    is no error then; what is asked for and cannot be read is BackendUnavailable.
    """

    def intend(self, entry: Entry) -> int:
        """Write down that a job is about to be submitted; the entry's number.

        Raises BackendUnavailable if it cannot be written: then nothing may be submitted.
        """

    def settle(self, number: int, outcome: Outcome, job_id: int = 0, reason: str = "") -> bool:
        """Write down what became of an entry; False if it cannot be written."""

    def saw(self, jobs: Sequence[Job]) -> None:
        """Take note of how jobs are. Those that are of no entry are passed over."""

    def known(self, jobs: Sequence[Job]) -> Collection[int]:
        """Return the numbers of entries' jobs that are among these."""

    def unfinished(self) -> Collection[int]:
        """Return the numbers of jobs whose end has not been seen."""

    def lost(self, job_ids: Collection[int]) -> None:
        """Take note that the backend no longer has these jobs: no end will be seen."""

    def entry(self, request_id: str) -> Entry | None:
        """Return the newest entry of a request that was not refused."""

    def job(self, job_id: JobId) -> Job | None:
        """Return what was last seen of a job."""

    def made_by(self, request_id: str) -> Job | None:
        """Return what was last seen of the newest job that a request made."""

    def prune(self, keep_days: float) -> int:
        """Forget what is finished and older; how many entries that were."""

    def probe(self) -> None:
        """Find out whether it can be written again."""

    @property
    def trouble(self) -> str:
        """Why it cannot be written at the moment; empty: it can."""
