"""Doing something with a job that exists, as its user.

slurmctld would let the privileged agent do it to anybody's job. So it is asked with the credentials
of the job's user, and judges that user's right. What each verb asks for is in ``verbs``; here is
what they share: whom a job belongs to, one call for all tasks that it shall reach, and what
slurmctld answered for each of them.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from hpcagent import config
from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import AgentError, Forbidden, Kind, NotFound, Refused
from hpcagent.jobs.matching import stands_for
from hpcagent.jobs.model import ENDED, Job, JobId, JobResult, JobState
from hpcagent.jobs.model import Warning as JobWarning
from hpcagent.jobs.orders import Change, Order
from hpcagent.slurm import errors
from hpcagent.slurm.client import Client
from hpcagent.slurm.control import changes, outcomes
from hpcagent.slurm.control.outcomes import Outcome
from hpcagent.slurm.control.verbs import FINISHED, WAYS, Verdict, Way
from hpcagent.slurm.directory import Directory
from hpcagent.slurm.history.past import Past
from hpcagent.slurm.queue import Queue

DONE = Outcome()
_DECIDED = (Refused, Forbidden, NotFound)
"""What slurmctld answers about a job; all else is about the call, and so about the request."""


class Controller:
    """Carries out orders."""

    def __init__(
        self,
        rules: config.Policy,
        client: Client,
        directory: Directory,
        jobs: tuple[Queue, Past],
    ) -> None:
        self._rules = rules
        self._client = client
        self._directory = directory
        self._queue, self._past = jobs

    def carry_out(self, order: Order, deadline: Deadline) -> tuple[JobResult, ...]:
        """Do what an order says, task by task of an array. Raises NotFound, Forbidden, Refused.

        That a job is already as it shall be is a warning.
        """
        try:
            jobs = self._queue.meant(order.job_id, deadline)
        except NotFound:
            job = self._past.job(order.job_id, deadline)
            if job is None:
                raise
            return self._forgotten(order, job, deadline)
        self._directory.owner(jobs[0], deadline)
        require(order.states, order.job_id, jobs)
        way = WAYS[order.verb]
        verdicts = [way.judge(order, job) for job in jobs]
        open_jobs = [job for job, verdict in zip(jobs, verdicts, strict=True) if verdict is None]
        done: dict[JobId, Outcome] = {}
        for target, meant in _targets(order, way, open_jobs, whole=len(open_jobs) == len(jobs)):
            done |= self._ask(order, way, target, meant, deadline)
        found = [
            _foreseen(verdict) if verdict else done[job.job_id]
            for job, verdict in zip(jobs, verdicts, strict=True)
        ]
        return outcomes.results(order.job_id, jobs, found)

    def _forgotten(self, order: Order, job: Job, deadline: Deadline) -> tuple[JobResult, ...]:
        """Answer for a job that slurmctld has forgotten, which it does with those that ended."""
        self._directory.owner(job, deadline)
        require(order.states, order.job_id, [job])
        way = WAYS[order.verb]
        outcome = settle(_gone(order.job_id, way.ended), way.settled)
        return outcomes.results(order.job_id, [job], [outcome])

    def change(self, change: Change, deadline: Deadline) -> tuple[JobResult, ...]:
        """Make a change to a job, or only check it where the change says so.

        Raises NotFound, Forbidden, InvalidRequest with every violation, or what slurmctld refuses.
        """
        try:
            jobs = self._queue.meant(change.job_id, deadline)
        except NotFound:
            job = self._past.job(change.job_id, deadline)
            if job is None:
                raise
            self._directory.owner(job, deadline)
            raise _gone(change.job_id, FINISHED) from None
        self._directory.owner(jobs[0], deadline)
        members = changes.members(change, jobs[0], self._client.release)
        if change.validate_only:
            return outcomes.results(change.job_id, jobs, [DONE] * len(jobs))
        about = errors.Call(
            "UPDATE", describes_job=True, options=change.options.keys(), changes_job=True
        )
        replies = self.call(
            "update", about, jobs[0], deadline, job_id=str(change.job_id), members=members
        )
        answered = self.outcomes(replies, jobs, about)
        found = [answered[job.job_id] for job in jobs]
        return outcomes.results(change.job_id, jobs, found)

    def call(
        self,
        operation: str,
        about: errors.Call,
        job: Job,
        deadline: Deadline,
        *,
        privileged: bool = False,
        **arguments: Any,  # noqa: ANN401 - the operation's own
    ) -> list[Mapping[str, Any]]:
        """Change a job as its user, or with the agent's own right, and return Slurm's replies."""
        owner = self._directory.owner(job, deadline)
        identity = None if privileged else asdict(owner)
        replies: list[Mapping[str, Any]] = self._client.call(
            operation, deadline, about, identity=identity, **arguments
        )
        return replies

    def outcomes(
        self,
        replies: Sequence[Mapping[str, Any]],
        jobs: Sequence[Job],
        about: errors.Call,
        settled: frozenset[str] = frozenset(),
    ) -> dict[JobId, Outcome]:
        """Return what slurmctld answered for each of the jobs of one array, or the one job."""
        judged = [(reply["tasks"], self._judged(reply, about, settled)) for reply in replies]
        return {job.job_id: _answer(judged, job) for job in jobs}

    # ------------------------------------------------------------------ asking

    def _ask(
        self, order: Order, way: Way, target: str, jobs: Sequence[Job], deadline: Deadline
    ) -> dict[JobId, Outcome]:
        about = errors.Call(order.verb.name)
        settled = way.settled | (way.settled_for_tasks if jobs[0].array else frozenset())
        privileged = way.operators_only and self._rules.suspend_as_agent
        try:
            replies = self.call(
                way.operation, about, jobs[0], deadline,
                privileged=privileged, job_id=target, **way.arguments(order),
            )  # fmt: skip
        except _DECIDED as error:
            return dict.fromkeys((job.job_id for job in jobs), settle(error, settled))
        return self.outcomes(replies, jobs, about, settled)

    def _judged(
        self, reply: Mapping[str, Any], about: errors.Call, settled: frozenset[str]
    ) -> Outcome:
        if not reply["code"]:
            return DONE
        error = errors.refusal(
            reply["code"], reply["text"], reply["said"], version=self._client.release, call=about
        )
        return settle(error, settled)


def _targets(
    order: Order, way: Way, jobs: Sequence[Job], *, whole: bool
) -> Iterator[tuple[str, Sequence[Job]]]:
    """Yield what to name to slurmctld, one call each, with the records that it reaches."""
    if jobs and way.by_number and jobs[0].array:
        yield from ((_alone(job), [job]) for job in jobs)
    elif jobs:
        named = whole or not jobs[0].array
        yield (str(order.job_id) if named else tasks_of(jobs)), jobs


def require(states: Sequence[JobState], job_id: JobId, jobs: Sequence[Job]) -> None:
    """Refuse a job, or an array with a task that has not ended, in another state than these."""
    if not states:
        return
    alive = [job for job in jobs if job.state not in ENDED] or jobs
    others = sorted({job.state.name for job in alive if job.state not in states})
    if others:
        said = f"job {job_id} is {' and '.join(others)}"
        raise Refused(said, kind=Kind.FAILED_PRECONDITION, reason="JOB_STATE")


def settle(error: AgentError, settled: frozenset[str]) -> Outcome:
    """Return a refusal as an outcome; one that says "it is so already" is only worth a warning."""
    if error.reason not in settled:
        return Outcome(error)
    warning = JobWarning(error.reason, error.message, int(error.metadata["errno"]))
    return Outcome(warnings=(warning,))


def tasks_of(jobs: Sequence[Job]) -> str:
    """Write some records of one array as slurmctld reads them: ``123_0,4-7``."""
    indexes = [
        job.array.tasks.partition("%")[0]
        if job.array and job.array.tasks
        else str(job.job_id.array_task_id)
        for job in jobs
    ]
    return f"{jobs[0].job_id.job_id}_{','.join(indexes)}"


def _alone(job: Job) -> str:
    """Name one task of an array by its own number, unless that is the array's: all tasks'."""
    is_first = job.array is not None and job.raw_job_id == job.array.array_job_id
    return tasks_of([job]) if is_first else str(job.raw_job_id)


def _gone(job_id: JobId, name: str) -> AgentError:
    return errors.foreseen(name, f"job {job_id} is not in the queue any more")


def _foreseen(verdict: Verdict) -> Outcome:
    if isinstance(verdict, AgentError):
        return Outcome(verdict)
    return Outcome(warnings=(verdict,)) if verdict else DONE


def _answer(judged: Sequence[tuple[str, Outcome]], job: Job) -> Outcome:
    """Return the outcome of the reply that has a job's task; where none does, it is done."""
    task = job.job_id.array_task_id
    if task is None and job.array and job.array.tasks:
        task = first_task(job.array.tasks)
    fits = (outcome for tasks, outcome in judged if not tasks or stands_for(tasks, task or 0))
    return next(fits, DONE)


def first_task(tasks: str) -> int:
    """Return the first index of an expression: of ``4-7,9%2`` 4."""
    return int("".join(itertools.takewhile(str.isdigit, tasks)))
