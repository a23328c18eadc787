"""Ending every job that matches a filter, each as its own user.

Only Slurm 23.11 and later have a call for it, and that one would judge the agent's right instead of
the users'. So the jobs are listed, and those of one array are ended by one call. Each job has its
own outcome, for some may be refused, or end by themselves in the meantime.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import AgentError, Kind, Refused
from hpcagent.jobs.matching import is_meant
from hpcagent.jobs.model import ENDED, Job, JobFilter, JobId, JobResult, JobState
from hpcagent.jobs.orders import Order, Verb
from hpcagent.slurm import errors
from hpcagent.slurm.control.controller import Controller, settle, tasks_of
from hpcagent.slurm.control.outcomes import Outcome
from hpcagent.slurm.control.verbs import WAYS
from hpcagent.slurm.queue import Queue

MAX_JOBS = 10_000
"""Most jobs, or array records, of one request: their results must fit into one answer."""

_WAY = WAYS[Verb.CANCEL]


def cancel_matching(
    queue: Queue,
    controller: Controller,
    wanted: JobFilter,
    states: Sequence[JobState],
    deadline: Deadline,
) -> tuple[JobResult, ...]:
    """End the jobs that match, have not ended, and are in one of the states, if any is given.

    Raises Refused, before anything is done, if there are more of them than one answer can hold.
    """
    page = queue.page(wanted, None, None, deadline)
    jobs = [
        one
        for job in page.jobs
        if job.state not in ENDED and (not states or job.state in states)
        for one in _named(job, wanted.job_ids)
    ]
    if len(jobs) > MAX_JOBS:
        said = f"{len(jobs)} jobs match; one request may cancel {MAX_JOBS}: narrow the filter"
        raise Refused(said, kind=Kind.FAILED_PRECONDITION, reason="TOO_MANY_JOBS")
    results: list[JobResult] = []
    for group in _groups(jobs):
        outcome = _end(controller, group, deadline)
        results += [outcome.of(job.job_id) for job in group]
    return tuple(results)


def _named(job: Job, job_ids: Iterable[JobId]) -> Iterable[Job]:
    """Return a job; of a record that stands for waiting tasks only those that were asked for."""
    by_task = {one for one in job_ids if one.array_task_id is not None}
    if job.array is None or not job.array.tasks or not by_task:
        return [job]
    if any(is_meant(job, one) for one in job_ids if one not in by_task):
        return [job]
    alone = replace(job.array, tasks="")
    meant = sorted(one.array_task_id or 0 for one in by_task if is_meant(job, one))
    return [
        replace(job, job_id=replace(job.job_id, array_task_id=task), array=alone) for task in meant
    ]


def _groups(jobs: Iterable[Job]) -> list[list[Job]]:
    """Put together what one call ends: tasks of one array, and components with their leader."""
    groups: dict[object, list[Job]] = {}
    for job in jobs:
        number = job.array.array_job_id if job.array else job.raw_job_id
        groups.setdefault(number, []).append(job)
    for group in list(groups.values()):
        leader = group[0].het_job
        if leader and leader.offset and leader.het_job_id in groups:
            groups[leader.het_job_id] += groups.pop(group[0].raw_job_id)
    return list(groups.values())


def _end(controller: Controller, group: Sequence[Job], deadline: Deadline) -> Outcome:
    first = group[0]
    order = Order(Verb.CANCEL, first.job_id)
    target = tasks_of(group) if first.array else str(first.job_id)
    try:
        controller.call(
            _WAY.operation, errors.CANCEL, first, deadline,
            job_id=target, **_WAY.arguments(order),
        )  # fmt: skip
    except AgentError as error:
        return settle(error, _WAY.settled)
    return Outcome()
