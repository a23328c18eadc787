"""Jobs of the past, from Slurm's accounting: those that slurmctld has purged, and steps.

slurmdbd is asked by a worker process of its own, which is started when it is first needed: a
question that takes minutes, or a plugin that ends its process, costs no submission. That slurmdbd
does not answer is an error that says so: of a job that may be there nobody says that it is not.
"""

import re
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import BackendUnavailable, Kind, Refused
from hpcagent.jobs.model import ENDED, Job, JobFilter, JobId, JobPage, JobState, JobStep
from hpcagent.jobs.stamp import stamp
from hpcagent.slurm import states
from hpcagent.slurm.client import RETRY_SECONDS, Client
from hpcagent.slurm.history import accounted
from hpcagent.slurm.inventory.reading import SlurmInventory
from hpcagent.slurm.inventory.snapshots import Snapshot
from hpcagent.slurm.pool.workers import NoWorkerError, WorkerPool
from hpcagent.slurm.queue import Queue, choose, common_prefix, is_wanted
from hpcagent.slurm.states import Record

TRES_SECONDS = 300.0
"""How old the database's list of trackable resources may be."""

_PLAIN = re.compile(r"[a-z0-9_.@+-]+")
"""Names that an account can have; slurmdbd is asked for no other (``_slurm.load_history``)."""


class History:
    """Asks slurmdbd. Every method raises Refused where Slurm keeps no accounts."""

    def __init__(
        self,
        pool: WorkerPool,
        queue: Queue,
        inventory: SlurmInventory,
    ) -> None:
        self._pool = pool
        self._client = Client(pool)
        self._queue = queue
        self._inventory = inventory
        self._starting = threading.Lock()
        self._started = False
        self._tres = Snapshot(self._load_tres, TRES_SECONDS)

    def is_kept(self, deadline: Deadline) -> bool:
        """Whether there is accounting to ask."""
        return self._inventory.accounting(deadline)

    def get(self, job_id: JobId, deadline: Deadline) -> Job | None:
        """Return a job, None if accounting has none of that id."""
        records = self._load(deadline, job_ids=[job_id.job_id])["jobs"]
        chosen = choose([_as_live(record) for record in records], job_id)
        return None if chosen is None else self._jobs([chosen], deadline)[0]

    def steps(self, job_id: JobId, deadline: Deadline) -> tuple[JobStep, ...]:
        """Return the steps of a job, in the order in which they started; none if it is unknown."""
        page = self._load(deadline, steps=True, job_ids=[job_id.job_id])
        chosen = choose([_as_live(record) for record in page["jobs"]], job_id)
        found = map(accounted.step, chosen["steps"] if chosen else ())
        return tuple(sorted(found, key=lambda step: step.start_time or 0))

    def page(
        self, wanted: JobFilter, size: int, after: tuple[int, int] | None, deadline: Deadline
    ) -> JobPage:
        """Return a page of jobs, by submit time and number, as ``Queue.page`` does."""
        page = self._load(deadline, limit=size, after=after, **self._keep(wanted, after, deadline))
        records = [_as_live(record) for record in page["jobs"]]
        jobs = [job for job in self._jobs(records, deadline) if is_wanted(job, wanted)]
        following = page["next_after"]
        return JobPage(tuple(jobs), time.time(), tuple(following) if following else None)

    def settled(
        self, past: JobPage, live: JobPage, wanted: JobFilter, deadline: Deadline
    ) -> JobPage:
        """Return the page without jobs that slurmctld has in a state that was not asked for.

        Accounting learns late of what happens, and of a job that was requeued it may know the end
        of the run before. ``live`` must be newer than ``past``.
        """
        known = {job.raw_job_id for job in live.jobs}
        doubtful = [job.raw_job_id for job in past.jobs if job.raw_job_id not in known]
        if not wanted.states or not doubtful:
            return past
        # Another user's is another job: numbers are used again.
        owners = {job.raw_job_id: job.user_id for job in self._queue.numbered(doubtful, deadline)}
        jobs = (job for job in past.jobs if owners.get(job.raw_job_id) != job.user_id)
        return replace(past, jobs=tuple(jobs))

    def renew(self) -> None:
        """Take up a changed slurm.conf."""
        with self._starting:
            if self._started:
                self._pool.renew()

    def close(self) -> None:
        """End the worker; a question under way is not waited for."""
        self._pool.close(Deadline.after(0))

    # ------------------------------------------------------------------ asking

    def _keep(
        self, wanted: JobFilter, after: tuple[int, int] | None, deadline: Deadline
    ) -> dict[str, Any]:
        """Return the conditions in ``_slurm.HistoryFilter``'s form.

        A job of the next page has not ended before the last one of this page was submitted.
        """
        marks = [stamp(request_id) for request_id in wanted.request_ids]
        since = -int(-wanted.submitted_after // 1) if wanted.submitted_after is not None else 0
        until = wanted.submitted_before
        users = self._queue.numbers(wanted.users, deadline) if wanted.users else None
        accounts = [name.lower() for name in wanted.accounts if _PLAIN.fullmatch(name.lower())]
        return {
            "users": users,
            "accounts": accounts if wanted.accounts else None,
            "partitions": list(wanted.partitions) or None,
            "names": list(wanted.names) or None,
            "states": _numbers(wanted.states) if wanted.states else None,
            "job_ids": [one.job_id for one in wanted.job_ids] or None,
            "admin_comment_prefix": common_prefix(marks) if marks else None,
            "submit_from": since or None,
            "submit_until": None if until is None else -int(-until // 1),
            "ended_before": max(since, after[0] if after else 0) or None,
        }

    def _load(
        self,
        deadline: Deadline,
        *,
        limit: int | None = None,
        after: tuple[int, int] | None = None,
        steps: bool = False,
        **keep: Any,  # noqa: ANN401 - as _slurm.HistoryFilter has them
    ) -> dict[str, Any]:
        page: dict[str, Any] = self._call(
            "history",
            deadline,
            members=accounted.MEMBERS,
            keep={"cluster": self._queue.cluster_name or None, **keep},
            limit=limit,
            after=after,
            steps=steps,
        )
        return page

    def _call(self, operation: str, deadline: Deadline, **arguments: Any) -> Any:  # noqa: ANN401
        if not self.is_kept(deadline):
            said = "slurm.conf names no slurmdbd (AccountingStorageType): there is no history"
            raise Refused(said, kind=Kind.FAILED_PRECONDITION, reason="ACCOUNTING_NOT_CONFIGURED")
        self._start()
        return self._client.call(operation, deadline, **arguments)

    def _start(self) -> None:
        with self._starting:
            if self._started:
                return
            try:
                self._pool.start()
            except NoWorkerError as error:
                said = f"no worker process could be started: {self._pool.last_failure or error}"
                raise BackendUnavailable(
                    said, reason="NO_WORKER", retry_after=RETRY_SECONDS
                ) from error
            self._started = True

    def _load_tres(self, deadline: Deadline) -> Mapping[int, str]:
        found = self._call("trackable_resources", deadline)
        return {one["id"]: "/".join(filter(None, (one["type"], one["name"]))) for one in found}

    def _jobs(self, records: Sequence[Record], deadline: Deadline) -> list[Job]:
        if not records:
            return []
        names = self._queue.names(_nameless(records), _gids(records), deadline)
        context = accounted.Context(
            cluster=self._queue.cluster_name,
            tres=self._tres.get(deadline).value,
            qos=self._inventory.qos_names(deadline),
            users=names.users,
            groups=names.groups,
            now=time.time(),
        )
        return [accounted.job(record, context) for record in records]


def _numbers(wanted: Sequence[JobState]) -> list[int]:
    """Return Slurm's numbers of states that a job of the past can be told in.

    What has not ended there is told as unknown (``accounted.job``).
    """
    ended = [state for state in wanted if state in ENDED]
    unended = [state for state in states.STATES if state not in ENDED]
    return states.numbers_of([*ended, *(unended if JobState.UNKNOWN in wanted else ())])


def _nameless(records: Iterable[Record]) -> set[int]:
    return {record["uid"] for record in records if not record["user"] and record["uid"] is not None}


def _gids(records: Iterable[Record]) -> set[int]:
    return {record["gid"] for record in records if record["gid"] is not None}


def _as_live(record: dict[str, Any]) -> Record:
    """Give a record the name that slurmctld's have for its number."""
    return {**record, "job_id": record["jobid"]}


def merged(live: JobPage, past: JobPage, size: int) -> JobPage:
    """Return one page of two that begin behind the same key; a job that is in both is the live one.

    It goes as far as both are known: behind the last job of a page that is not the last there may
    be others.
    """
    known = {job.raw_job_id for job in live.jobs}
    jobs = [*live.jobs, *(job for job in past.jobs if job.raw_job_id not in known)]
    ends = [page.next_key for page in (live, past) if page.next_key is not None]
    end = min(ends, default=None)
    jobs = sorted((job for job in jobs if end is None or _key(job) <= end), key=_key)
    if len(jobs) > size:
        end = _key(jobs[size - 1])
    return JobPage(tuple(jobs[:size]), min(live.as_of_time, past.as_of_time), end)


def _key(job: Job) -> tuple[int, int]:
    return int(job.submit_time or 0), job.raw_job_id
