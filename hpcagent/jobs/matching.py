"""Whether a job is one of those that a filter means.

Slurm's queue is filtered where it is read, in C. What comes as an event is filtered here, by the
same rules: every condition that is given must hold, each by any of its values.
"""

import re
from collections.abc import Callable, Mapping

from hpcagent.jobs.model import Job, JobFilter, JobId, ObjectId

_NONE = ((), None)
"""Conditions that are not given."""
AT_ONCE = 600.0
"""Seconds between the request and the job that it makes: munge lets clocks differ by half of it."""
_RANGE = re.compile(r"([0-9]+)(?:-([0-9]+)(?::([0-9]+))?)?")


Matcher = Callable[[Job], bool]


def matcher(wanted: JobFilter) -> Matcher:
    """Return what tells whether a job meets every condition of a filter."""
    given = [meets for name, meets in _CONDITIONS.items() if getattr(wanted, name) not in _NONE]
    return lambda job: all(meets(job, wanted) for meets in given)


def is_meant(job: Job, job_id: JobId) -> bool:
    """Tell whether an id means a job.

    An array's id means all its tasks, a heterogeneous job's all its components; and a task that
    waits is meant by the record which stands for it.
    """
    if isinstance(job_id, ObjectId) or isinstance(job.job_id, ObjectId):
        return str(job_id) == str(job.job_id)
    array = job.array.array_job_id if job.array else None
    leader = job.het_job.het_job_id if job.het_job else None
    if job_id.array_task_id is not None:
        return array == job_id.job_id and _has_task(job, job_id.array_task_id)
    if job_id.het_job_offset is not None:
        same = job.het_job is not None and job.het_job.offset == job_id.het_job_offset
        return leader == job_id.job_id and same
    return job_id.job_id in {job.job_id.job_id, job.raw_job_id, array, leader}


def is_same(job: Job, user_id: int, request_id: str, submitted_at: float) -> bool:
    """Tell whether a job is the one that was submitted so, and no later one of the same number.

    Numbers are given again when all have been used, and when the backend has lost its state. The
    mark of a request is certain. Of a job without one the time tells, which only a requeue changes.
    """
    if job.user_id != user_id:
        return False
    if job.request_id:
        return job.request_id == request_id
    later = (job.submit_time or submitted_at) - submitted_at
    return later >= -AT_ONCE and (later <= AT_ONCE or job.restart_count > 0)


def stands_for(tasks: str, task: int) -> bool:
    """Tell whether an index expression (``0-9:3,12%2``) has a task.

    libslurm shortens a long one with ``...``, in the middle of a number if need be: then any task
    behind the last that it names whole counts (slurm_protocol_defs.c, xlate_array_task_str).
    """
    expression, _, _ = tasks.partition("%")
    last = -1
    for part in expression.split(","):
        form = _RANGE.fullmatch(part)
        if form is None:
            return part.endswith("...") and task > last
        low, high, step = int(form[1]), int(form[2] or form[1]), int(form[3] or 1)
        if low <= task <= high and (task - low) % step == 0:
            return True
        last = high
    return False


def _has_task(job: Job, task: int) -> bool:
    if job.job_id.array_task_id is not None:
        return job.job_id.array_task_id == task
    return job.array is not None and stands_for(job.array.tasks, task)


def _by_user(job: Job, wanted: JobFilter) -> bool:
    return str(job.user_id) in wanted.users or (bool(job.user) and job.user in wanted.users)


def _by_account(job: Job, wanted: JobFilter) -> bool:
    """Slurm keeps accounts in lower case, whatever was asked for."""
    return job.account.lower() in {account.lower() for account in wanted.accounts}


def has_qos(job: Job, wanted: JobFilter) -> bool:
    """Whether a job has one of the QOS, which Slurm keeps in lower case, whatever was asked for."""
    return job.qos.lower() in {qos.lower() for qos in wanted.qos}


def _by_partition(job: Job, wanted: JobFilter) -> bool:
    return not frozenset(job.partition.split(",")).isdisjoint(wanted.partitions)


def _by_id(job: Job, wanted: JobFilter) -> bool:
    return any(is_meant(job, job_id) for job_id in wanted.job_ids)


def _by_namespace(job: Job, wanted: JobFilter) -> bool:
    return job.kubernetes is not None and job.kubernetes.namespace in wanted.namespaces


def _by_labels(job: Job, wanted: JobFilter) -> bool:
    """All of them, each with its value."""
    borne = job.kubernetes.labels if job.kubernetes else {}
    return wanted.labels.items() <= borne.items()


def _not_before(job: Job, wanted: JobFilter) -> bool:
    return job.submit_time is not None and job.submit_time >= (wanted.submitted_after or 0)


def _before(job: Job, wanted: JobFilter) -> bool:
    return job.submit_time is not None and job.submit_time < (wanted.submitted_before or 0)


_CONDITIONS: Mapping[str, Callable[[Job, JobFilter], bool]] = {
    "states": lambda job, wanted: job.state in wanted.states,
    "request_ids": lambda job, wanted: job.request_id in wanted.request_ids,
    "job_ids": _by_id,
    "users": _by_user,
    "names": lambda job, wanted: job.name in wanted.names,
    "accounts": _by_account,
    "qos": has_qos,
    "partitions": _by_partition,
    "namespaces": _by_namespace,
    "labels": _by_labels,
    "clusters": lambda job, wanted: job.job_id.cluster in wanted.clusters,
    "submitted_after": _not_before,
    "submitted_before": _before,
}
"""By the field of JobFilter: how it is met. The cheapest, and the most telling, first."""
