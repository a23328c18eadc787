"""A backend that keeps jobs in memory: for tests of the edge, which need no cluster.

It never decides whether a feature works: it takes what it is given and answers with it.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import DeadlineExceeded, InvalidRequest, NotFound
from hpcagent.jobs.estimate import Estimate
from hpcagent.jobs.inventory import Inventory
from hpcagent.jobs.model import (
    BackendInfo,
    Job,
    JobFilter,
    JobId,
    JobPage,
    JobResult,
    JobState,
    JobStep,
    Submission,
)
from hpcagent.jobs.orders import Change, Order
from hpcagent.jobs.outputs import Chunk, Output, OutputQuery
from hpcagent.jobs.spec import JobSpec
from hpcagent.jobs.watch import Hub, MemoryLog, Watch

CLUSTER = "memory"


@dataclass
class MemoryOutput:
    """Has these chunks, and notes how it ended."""

    pieces: list[Chunk] = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)

    def chunks(self) -> Iterator[Chunk]:
        """Yield what the test put there."""
        yield from self.pieces

    def close(self) -> None:
        """Note that nobody listens."""
        self.closed.set()

    def stop(self, said: str) -> None:
        """Do nothing: it ends by itself."""


@dataclass
class MemoryBackend:
    """Keeps every call in ``calls``; fails with ``error``, waits for ``gate`` if told to."""

    jobs: list[Job] = field(default_factory=list)
    specs: list[JobSpec] = field(default_factory=list)
    calls: list[tuple[str, tuple[object, ...]]] = field(default_factory=list)
    error: Exception | None = None
    trouble: dict[str, str] = field(default_factory=dict)
    others: tuple[JobResult, ...] = ()
    """Results that an order has besides."""
    gate: threading.Event | None = None
    entered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    cluster: str = CLUSTER
    expected: Estimate = field(default_factory=Estimate)
    output: Output = field(default_factory=MemoryOutput)
    hub: Hub = field(default_factory=lambda: Hub(MemoryLog(), room=100, quiet=0.05))

    @property
    def inventory(self) -> Inventory:
        """There is no cluster behind it."""
        raise NotImplementedError

    def submit(self, spec: JobSpec, deadline: Deadline) -> Submission:
        """Keep the job, unless it could not be read."""
        self._enter("submit", deadline, spec)
        self.specs.append(spec)
        if spec.faults:
            raise InvalidRequest(spec.faults)
        job_id = None
        if not spec.validate_only:
            job_id = JobId(len(self.jobs) + 1, cluster=self.cluster)
            self.jobs.append(_job(job_id, spec))
        return Submission(job_id, time.time(), spec.digest(), spec.request_id)

    def estimate(self, spec: JobSpec, deadline: Deadline) -> Estimate:
        """Return what the test set, of a job that could be read."""
        self._enter("estimate", deadline, spec)
        if spec.faults:
            raise InvalidRequest(spec.faults)
        return self.expected

    def get(self, job_id: JobId, deadline: Deadline) -> Job:
        """Return the job of that number."""
        self._enter("get", deadline, job_id)
        for job in self.jobs:
            if job.job_id.job_id == job_id.job_id:
                return job
        raise NotFound(f"no job {job_id}")

    def steps(self, job: Job, deadline: Deadline) -> tuple[JobStep, ...]:
        """There are none."""
        self._enter("steps", deadline, job)
        return ()

    def find(self, request_id: str, deadline: Deadline) -> Job:
        """Return the job of that request."""
        self._enter("find", deadline, request_id)
        for job in self.jobs:
            if job.request_id == request_id:
                return job
        raise NotFound(f"no job of request_id {request_id}")

    def list(
        self, wanted: JobFilter, size: int, after: tuple[int, int] | None, deadline: Deadline
    ) -> JobPage:
        """Return jobs in the order they came; a key is a position."""
        self._enter("list", deadline, wanted, size, after)
        begin = after[1] if after else 0
        page = self.jobs[begin : begin + size]
        more = begin + size < len(self.jobs)
        return JobPage(tuple(page), time.time(), (0, begin + size) if more else None)

    def history(
        self, wanted: JobFilter, size: int, after: tuple[int, int] | None, deadline: Deadline
    ) -> JobPage:
        """Return the same jobs as a list."""
        self._enter("history", deadline, wanted, size, after)
        return self.list(wanted, size, after, deadline)

    def control(self, order: Order, deadline: Deadline) -> tuple[JobResult, ...]:
        """Keep the call."""
        self._enter("control", deadline, order)
        return (JobResult(order.job_id), *self.others)

    def change(self, change: Change, deadline: Deadline) -> tuple[JobResult, ...]:
        """Keep the call."""
        self._enter("change", deadline, change)
        return (JobResult(change.job_id), *self.others)

    def cancel_matching(
        self, wanted: JobFilter, states: tuple[JobState, ...], deadline: Deadline
    ) -> tuple[JobResult, ...]:
        """Keep the call."""
        self._enter("cancel_matching", deadline, wanted, states)
        return (*(JobResult(job.job_id) for job in self.jobs), *self.others)

    @contextmanager
    def watch(self, wanted: JobFilter, resume_token: str, deadline: Deadline) -> Iterator[Watch]:
        """Watch what the test publishes through ``hub``."""
        self._enter("watch", deadline, wanted, resume_token)
        watch = self.hub.watch(wanted, resume_token)
        try:
            yield watch
        finally:
            self.hub.leave(watch)

    @contextmanager
    def read_output(self, query: OutputQuery, deadline: Deadline) -> Iterator[Output]:
        """Read ``output``."""
        self._enter("read_output", deadline, query)
        yield self.output

    def info(self) -> BackendInfo:
        """Return made-up facts."""
        return BackendInfo(
            cluster=self.cluster,
            library_version="22.05.8",
            identity="privileged",
            controllers=("ctl1", "ctl2"),
            max_script_bytes=4 << 20,
            job_options=("comment", "time"),
        )

    def troubles(self) -> Mapping[str, str]:
        """Return what the test set."""
        return dict(self.trouble)

    def shut(self) -> threading.Event:
        """Keep every call from now on until the event returned is set."""
        self.gate = threading.Event()
        return self.gate

    def _enter(self, verb: str, deadline: Deadline, *arguments: object) -> None:
        self.calls.append((verb, arguments))
        self.entered.release()
        if self.gate is not None and not self.gate.wait(deadline.remaining()):
            raise DeadlineExceeded("the gate stayed shut")
        if self.error is not None:
            raise self.error


def _job(job_id: JobId, spec: JobSpec) -> Job:
    return Job(
        job_id=job_id,
        state=JobState.PENDING,
        backend_state="PENDING",
        as_of_time=time.time(),
        request_id=spec.request_id,
        name=spec.name,
        user_id=spec.claim.user_id or 0,
        group_id=spec.claim.group_id or 0,
        partition=spec.partition,
        work_dir=spec.work_dir,
        comment=str(spec.options.get("comment", "")),
        nodes=spec.nodes,
        submit_time=time.time(),
    )
