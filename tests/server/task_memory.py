"""A backend that keeps tasks in memory: for tests of the edge, which need no cluster.

As ``server.memory`` it never decides whether a feature works.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import InvalidRequest, NotFound
from hpcagent.jobs.kubernetes import TaskInventory
from hpcagent.jobs.model import (
    Job,
    JobFilter,
    JobPage,
    JobResult,
    JobState,
    KubernetesJob,
    ObjectId,
    Submission,
)
from hpcagent.jobs.model import Warning as JobWarning
from hpcagent.jobs.outputs import Chunk, Notice, Output
from hpcagent.jobs.task import TaskSpec, TaskUpdate
from hpcagent.jobs.task_backend import Ending, LogQuery, Rendering, TaskBackendInfo
from hpcagent.jobs.watch import Hub, MemoryLog, Watch

NAMESPACE = "memory"


class Written:
    """What a container wrote."""

    def chunks(self) -> Iterator[Chunk]:
        """Yield two lines and the end."""
        yield Chunk(b"one\n", 0, path="pod/main")
        yield Chunk(b"two\n", 4)
        yield Chunk(b"", 8, Notice.END)

    def close(self) -> None:
        """Do nothing: there is nothing to wait for."""

    def stop(self, said: str) -> None:
        """Do nothing, as ``close``."""


@dataclass
class TaskMemory:
    """Keeps every call in ``calls``; fails with ``error`` if told to."""

    jobs: list[Job] = field(default_factory=list)
    specs: list[TaskSpec] = field(default_factory=list)
    calls: list[tuple[object, ...]] = field(default_factory=list)
    error: Exception | None = None
    trouble: dict[str, str] = field(default_factory=dict)
    hub: Hub = field(default_factory=lambda: Hub(MemoryLog()))
    output: Output = field(default_factory=Written)

    @property
    def inventory(self) -> TaskInventory:
        """None: what tells of clusters is tested on a real one."""
        raise NotImplementedError

    def submit(self, spec: TaskSpec, deadline: Deadline) -> Submission:
        """Keep the task, unless it could not be read."""
        self._enter(deadline, "submit")
        self.specs.append(spec)
        if spec.faults:
            raise InvalidRequest(spec.faults)
        job_id = None
        if not spec.validate_only:
            job_id = _id(spec)
            self.jobs.append(_job(job_id, spec))
            self.hub.publish(self.jobs[-1:], [], time.time())
        return Submission(job_id, time.time(), spec.digest(), spec.request_id, replayed=True)

    def render(self, spec: TaskSpec, deadline: Deadline) -> Rendering:
        """Return something that is no manifest."""
        self._enter(deadline, "render")
        warning = JobWarning("STDOUT_IN_LOG", "words")
        return Rendering("kind: Memory\n", _id(spec), spec.digest(), (warning,))

    def get(self, job_id: ObjectId, deadline: Deadline, *, manifest: bool = False) -> Job:
        """Return the job of that id."""
        self._enter(deadline, "get", job_id, manifest)
        for job in self.jobs:
            if job.job_id == job_id:
                return job
        raise NotFound(f"no job {job_id}")

    def find(self, request_id: str, deadline: Deadline, *, manifest: bool = False) -> Job:
        """Return the job of that request."""
        self._enter(deadline, "find", request_id, manifest)
        for job in self.jobs:
            if job.request_id == request_id:
                return job
        raise NotFound(f"no job of request_id {request_id}")

    def list(
        self, wanted: JobFilter, size: int, after: tuple[int, int] | None, deadline: Deadline
    ) -> JobPage:
        """Return jobs in the order they came; a key is a position."""
        self._enter(deadline, "list", wanted, size, after)
        begin = after[1] if after else 0
        page = self.jobs[begin : begin + size]
        more = begin + size < len(self.jobs)
        return JobPage(tuple(page), time.time(), (0, begin + size) if more else None)

    def cancel(self, job_id: ObjectId, how: Ending, deadline: Deadline) -> tuple[JobResult, ...]:
        """Keep the call."""
        self._enter(deadline, "cancel", job_id, how)
        return (JobResult(job_id),)

    def suspend(
        self, job_id: ObjectId, grace: int | None, deadline: Deadline
    ) -> tuple[JobResult, ...]:
        """Keep the call."""
        self._enter(deadline, "suspend", job_id, grace)
        return (JobResult(job_id),)

    def resume(self, job_id: ObjectId, deadline: Deadline) -> tuple[JobResult, ...]:
        """Keep the call."""
        self._enter(deadline, "resume", job_id)
        return (JobResult(job_id),)

    def update(
        self, job_id: ObjectId, change: TaskUpdate, deadline: Deadline, *, validate_only: bool
    ) -> Job:
        """Keep the call."""
        self._enter(deadline, "update", job_id, change, validate_only)
        return self.get(job_id, deadline)

    @contextmanager
    def watch(self, wanted: JobFilter, resume_token: str, deadline: Deadline) -> Iterator[Watch]:
        """Follow what is submitted."""
        self._enter(deadline, "watch", wanted, resume_token)
        watch = self.hub.watch(wanted, resume_token)
        try:
            yield watch
        finally:
            self.hub.leave(watch)

    @contextmanager
    def read_output(self, query: LogQuery, deadline: Deadline) -> Iterator[Output]:
        """Read ``output``."""
        self._enter(deadline, "read_output", query)
        yield self.output

    def info(self) -> TaskBackendInfo:
        """Return made-up facts."""
        return TaskBackendInfo(("c1", "c2"), "37.0.0")

    def troubles(self) -> Mapping[str, str]:
        """Return what the test set."""
        return dict(self.trouble)

    def _enter(self, deadline: Deadline, *call: object) -> None:
        assert not deadline.passed
        self.calls.append(call)
        if self.error is not None:
            raise self.error


def _id(spec: TaskSpec) -> ObjectId:
    return ObjectId(
        cluster=spec.cluster or "c1",
        namespace=spec.namespace or NAMESPACE,
        name=spec.task.plan.id,
    )


def _job(job_id: ObjectId, spec: TaskSpec) -> Job:
    return Job(
        job_id=job_id,
        state=JobState.PENDING,
        backend_state="0/1",
        as_of_time=time.time(),
        request_id=spec.request_id,
        name=spec.job_name,
        submit_time=time.time(),
        kubernetes=KubernetesJob("Deployment", job_id.namespace, job_id.name),
    )
