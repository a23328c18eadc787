"""What became of each record of a job, told as one answer.

An array has as many outcomes as it has records, and a caller who meant all of it wants to hear of
those that differ. And what was refused as a whole is an error of the request, not an answer to it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hpcagent.jobs.errors import AgentError
from hpcagent.jobs.model import Job, JobId, JobResult
from hpcagent.jobs.model import Warning as JobWarning


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one record."""

    error: AgentError | None = None
    warnings: tuple[JobWarning, ...] = ()

    @property
    def kind(self) -> tuple[str, ...]:
        """What makes it the same as another record's."""
        reasons = [self.error.reason] if self.error else []
        return (*reasons, *(warning.name for warning in self.warnings))

    def of(self, job_id: JobId) -> JobResult:
        """Return it as the result of that job."""
        return JobResult(job_id, self.warnings, self.error)


def results(
    asked: JobId, jobs: Sequence[Job], outcomes: Sequence[Outcome]
) -> tuple[JobResult, ...]:
    """Return the answer for all records that an id meant; raise what all of them ended in.

    Of an array first that of the array itself: what holds for the tasks that wait, else for most;
    then those of the tasks for which it does not.
    """
    main = _main(jobs, outcomes)
    others = [
        outcome.of(job.job_id)
        for job, outcome in zip(jobs, outcomes, strict=True)
        if outcome.kind != main.kind
    ]
    if main.error and not others:
        raise main.error
    others.sort(key=lambda result: result.job_id.array_task_id or 0)
    return (main.of(named(jobs[0], asked)), *others)


def named(job: Job, asked: JobId) -> JobId:
    """Return the id to answer with: the one asked for, where it means an array or a whole job."""
    group = job.array.array_job_id if job.array else job.het_job.het_job_id if job.het_job else 0
    alone = asked.array_task_id is None and asked.het_job_offset is None
    if alone and asked.job_id == group:
        return replace(asked, cluster=job.job_id.cluster)
    return job.job_id


def _main(jobs: Sequence[Job], outcomes: Sequence[Outcome]) -> Outcome:
    waiting = (o for job, o in zip(jobs, outcomes, strict=True) if job.array and job.array.tasks)
    ((most, _),) = Counter(outcome.kind for outcome in outcomes).most_common(1)
    return next(waiting, next(outcome for outcome in outcomes if outcome.kind == most))
