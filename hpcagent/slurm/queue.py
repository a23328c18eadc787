"""Reading the queue: one job, the job of a request, a page of jobs."""

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import InvalidRequest, NotFound, Violation
from hpcagent.jobs.identity import MAX_ID, Claim
from hpcagent.jobs.matching import has_qos, is_meant, stands_for
from hpcagent.jobs.model import Job, JobFilter, JobId, JobPage
from hpcagent.jobs.stamp import split, stamp
from hpcagent.slurm import states
from hpcagent.slurm.client import Client
from hpcagent.slurm.directory import Directory
from hpcagent.slurm.states import MEMBERS, Names, Record

_UID = re.compile(r"[0-9]{1,10}")


class Queue:
    """The jobs that slurmctld has. ``cluster`` returns its name, ``seen`` is told of every job."""

    def __init__(
        self,
        client: Client,
        directory: Directory,
        cluster: Callable[[], str],
        seen: Callable[[Sequence[Job]], None] = lambda _: None,
    ) -> None:
        self._client = client
        self._directory = directory
        self._cluster = cluster
        self._seen = seen

    def get(self, job_id: JobId, deadline: Deadline) -> Job:
        """Return one job. Raises NotFound."""
        chosen, _ = self._look_up(job_id, deadline)
        return self._job(chosen, job_id, deadline)

    def meant(self, job_id: JobId, deadline: Deadline) -> list[Job]:
        """Return all that an id means: of an array's id every record. Raises NotFound.

        Of a heterogeneous job's id every component.
        """
        chosen, records = self._look_up(job_id, deadline)
        if _is_whole(job_id) and _submitted_as(chosen) == job_id.job_id:
            return self.jobs(records, deadline)
        return [self._job(chosen, job_id, deadline)]

    def find(self, request_id: str, deadline: Deadline, *, user: int | None = None) -> Job | None:
        """Return the job that bears the mark of a request; look among one user's if told whose.

        The newest of several; of an array what the array's id means. A record that slurmctld keeps
        of what it has refused is no job of the request's.
        """
        keep = {"admin_comment_prefix": stamp(request_id)}  # other ids may begin like this one
        page = self._load(keep, None, None, deadline, user)
        marked = [
            record
            for record in page["jobs"]
            if split(record["admin_comment"])[0] == request_id and not states.is_refused(record)
        ]
        if not marked:
            return None
        number = _submitted_as(marked[-1])
        record = choose([r for r in marked if _submitted_as(r) == number], JobId(number))
        return self.jobs([record], deadline)[0] if record else None

    def page(
        self,
        wanted: JobFilter,
        size: int | None,
        after: tuple[int, int] | None,
        deadline: Deadline,
    ) -> JobPage:
        """Return a page of jobs, by submit time and number; ``size`` None: all of them.

        Some conditions are finer than what the records are filtered by on the way; so a page may
        be shorter than asked for though it is not the last.
        """
        keep = self._keep(wanted, deadline)
        page = self._load(keep, size, after, deadline, None)
        jobs = [job for job in self.jobs(page["jobs"], deadline) if is_wanted(job, wanted)]
        following = page["next_after"]
        return JobPage(tuple(jobs), time.time(), tuple(following) if following else None)

    @property
    def cluster_name(self) -> str:
        """The cluster's name; empty until slurmctld has told it."""
        return self._cluster()

    def names(self, uids: Iterable[int], gids: Iterable[int], deadline: Deadline) -> Names:
        """Return the names that users and groups have."""
        return self._directory.names(uids, gids, deadline)

    def numbered(self, numbers: Sequence[int], deadline: Deadline) -> list[Job]:
        """Return every record of the jobs with these numbers that slurmctld has."""
        return self.jobs(
            self._load({"job_ids": numbers}, None, None, deadline, None)["jobs"], deadline
        )

    def uids(self, wanted: JobFilter, deadline: Deadline) -> tuple[str, ...]:
        """Return the users of a filter by number. Raises InvalidRequest: unknown, or not ours."""
        for job_id in wanted.job_ids:
            self._check_cluster(job_id)
        return tuple(map(str, self.numbers(wanted.users, deadline)))

    # ------------------------------------------------------------------ asking

    def _look_up(self, job_id: JobId, deadline: Deadline) -> tuple[Record, Sequence[Record]]:
        """Return the record that an id means, and all that were loaded with it."""
        self._check_cluster(job_id)
        records = self._client.call("job", deadline, job_id=job_id.job_id, members=MEMBERS)
        chosen = choose(records, job_id)
        if chosen is None:
            raise NotFound(f"slurmctld has no job {job_id}")
        return chosen, records

    def _load(
        self,
        keep: dict[str, Any],
        limit: int | None,
        after: tuple[int, int] | None,
        deadline: Deadline,
        user: int | None,
    ) -> dict[str, Any]:
        page: dict[str, Any] = self._client.call(
            "jobs", deadline, members=MEMBERS, keep=keep, limit=limit, after=after, user=user
        )
        return page

    def _keep(self, wanted: JobFilter, deadline: Deadline) -> dict[str, Any]:
        """Return the conditions in ``_slurm.JobFilter``'s form; None is no condition."""
        for job_id in wanted.job_ids:
            self._check_cluster(job_id)
        marks = [stamp(request_id) for request_id in wanted.request_ids]
        return {
            "users": self.numbers(wanted.users, deadline) if wanted.users else None,
            "accounts": _some(account.lower() for account in wanted.accounts),
            "partitions": _some(wanted.partitions),
            "names": _some(wanted.names),
            "states": states.numbers_of(wanted.states) if wanted.states else None,
            "job_ids": _some(job_id.job_id for job_id in wanted.job_ids),
            "admin_comment_prefix": common_prefix(marks) if marks else None,
            "submit_from": _whole(wanted.submitted_after),
            "submit_until": _whole(wanted.submitted_before),
        }

    def numbers(self, users: Sequence[str], deadline: Deadline) -> list[int]:
        """Return uids of names and of decimal uids; every unknown name is reported at once."""
        uids: list[int] = []
        faults: list[Violation] = []
        for index, user in enumerate(users):
            uid = int(user) if _UID.fullmatch(user) else self._uid(user, deadline)
            if uid is None or uid > MAX_ID:
                said = f"user {user!r} is unknown on the agent's host"
                faults.append(Violation(f"filter.users[{index}]", said, "USER_UNKNOWN"))
            else:
                uids.append(uid)
        if faults:
            raise InvalidRequest(faults)
        return uids

    def _uid(self, name: str, deadline: Deadline) -> int | None:
        user = self._directory.facts(Claim(user=name), deadline).by_name
        return user.uid if user else None

    def _job(self, chosen: Record, job_id: JobId, deadline: Deadline) -> Job:
        """Return the job of a record, under the id of the task that was asked for."""
        (job,) = self.jobs([chosen], deadline)
        if job_id.array_task_id is not None and job.job_id.array_task_id is None:
            job = replace(job, job_id=replace(job_id, cluster=job.job_id.cluster))
        return job

    def jobs(self, records: Sequence[Record], deadline: Deadline) -> list[Job]:
        """Return the jobs of records, as of now."""
        names = self._directory.names(
            {record["user_id"] for record in records},
            {record["group_id"] for record in records},
            deadline,
        )
        now, cluster, release = time.time(), self._cluster(), self._client.release
        found = [
            states.job(record, names, cluster=cluster, now=now, release=release)
            for record in records
        ]
        self._seen(found)
        return found

    def _check_cluster(self, job_id: JobId) -> None:
        if job_id.cluster and job_id.cluster != self._cluster():
            said = f"this agent drives cluster {self._cluster()!r}, not {job_id.cluster!r}"
            raise InvalidRequest([Violation("job_id.cluster", said, "OTHER_CLUSTER")])


def choose(records: Sequence[Record], job_id: JobId) -> Record | None:
    """Return the record that an id means among those of its job; None if there is none.

    An array's own id means the record of its waiting tasks, else its last task. A task that waits
    has no record of its own, but is one of those that the array's record stands for.
    """
    number, task, offset = job_id.job_id, job_id.array_task_id, job_id.het_job_offset
    if offset is not None:
        components = [r for r in records if r["het_job_id"] == number]
        return next((r for r in components if r["het_job_offset"] == offset), None)
    if task is None:
        fits = [r for r in records if r["job_id"] == number]
        return next(iter(fits or records), None)
    array = [r for r in records if r["array_job_id"] == number]
    own = [r for r in array if r["array_task_id"] == task]
    waiting = [r for r in array if stands_for(r["array_task_str"] or "", task)]
    return next(iter(own + waiting), None)


def whole(job: Job) -> JobId:
    """Return the id that a job had when it was submitted: that of its array, if it has one.

    Of a component, that of the heterogeneous job.
    """
    if job.array is not None:
        return JobId(job.array.array_job_id, cluster=job.job_id.cluster)
    if job.het_job is not None:
        return JobId(job.het_job.het_job_id, cluster=job.job_id.cluster)
    return job.job_id


def _is_whole(job_id: JobId) -> bool:
    """Whether an id names neither one task of an array nor one component."""
    return job_id.array_task_id is None and job_id.het_job_offset is None


def _submitted_as(record: Record) -> int:
    number: int = record["array_job_id"] or record["het_job_id"] or record["job_id"]
    return number


def is_wanted(job: Job, wanted: JobFilter) -> bool:
    """Check what is finer than a record's number and the beginning of its comment, and the QOS."""
    if wanted.qos and not has_qos(job, wanted):
        return False
    if wanted.request_ids and job.request_id not in wanted.request_ids:
        return False
    return not wanted.job_ids or any(is_meant(job, job_id) for job_id in wanted.job_ids)


def _some(values: Iterable[Any]) -> list[Any] | None:
    return list(values) or None


def _whole(moment: float | None) -> int | None:
    """Slurm's times are whole seconds: "at or after 1.5" is "at or after 2"."""
    return None if moment is None else -int(-moment // 1)


def common_prefix(marks: Sequence[str]) -> str:
    """Return what all of the marks begin with."""
    first, last = min(marks), max(marks)
    length = next((i for i, c in enumerate(first) if i >= len(last) or last[i] != c), len(first))
    return first[:length]
