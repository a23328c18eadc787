"""What the gRPC edge needs of whatever runs staged tasks: the Kubernetes scheduler fulfils it.

``hpcagent.jobs.backend`` says the same of batch jobs.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.kubernetes import TaskInventory
from hpcagent.jobs.model import (
    Job,
    JobFilter,
    JobPage,
    JobResult,
    JobState,
    ObjectId,
    Submission,
    Warning,  # noqa: A004 - the field's word
)
from hpcagent.jobs.outputs import Output
from hpcagent.jobs.task import TaskSpec, TaskUpdate
from hpcagent.jobs.watch import Watch


@dataclass(frozen=True, slots=True)
class Rendering:
    """What a submission would create: YAML without the values of secrets."""

    manifest: str
    job_id: ObjectId
    digest: str
    warnings: tuple[Warning, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskBackendInfo:
    """What a backend tells about itself in GetAgentInfo."""

    clusters: tuple[str, ...]
    """By the agent's names for them, the default first."""
    client_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a job is to end: only in these states (none: any), and how fast."""

    states: tuple[JobState, ...] = ()
    grace: int | None = None
    """Seconds that processes get; None: as many as the pod says."""
    foreground: bool = False
    """Delete dependents first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """Which container's log to read, and how far; the log has both outputs."""

    job_id: ObjectId
    pod: str = ""
    """Empty: the newest."""
    container: str = ""
    """Empty: the only one."""
    previous: bool = False
    """Of the container's instance before its last restart."""
    offset: int = 0
    length: int | None = None
    """None: all there is."""
    lines: int | None = None
    """In place of the offset: begin so many lines before the end."""
    since_time: float | None = None
    """Only what was written since."""
    follow: bool = False
    """Go on until the job has ended and everything it wrote is read."""


class TaskFollower(Protocol):
    """Follows tasks for as long as callers want: events, and what containers write."""

    def watch(
        self, wanted: JobFilter, resume_token: str, deadline: Deadline
    ) -> AbstractContextManager[Watch]:
        """Begin to follow jobs, or go on with it; the deadline is for the beginning only.

        Raises InvalidRequest, Expired (the token is too old).
        """

    def read_output(self, query: LogQuery, deadline: Deadline) -> AbstractContextManager[Output]:
        """Read a log; the deadline is for finding the job. Raises NotFound, Refused."""


class TaskBackend(TaskFollower, Protocol):
    """Runs tasks on named clusters; an ``ObjectId`` without a cluster is of the default one."""

    @property
    def inventory(self) -> TaskInventory:
        """What tells about the clusters themselves."""

    def submit(self, spec: TaskSpec, deadline: Deadline) -> Submission:
        """Create a task's objects, or only check them where the spec says so."""

    def render(self, spec: TaskSpec, deadline: Deadline) -> Rendering:
        """Return what ``submit`` would create."""

    def get(self, job_id: ObjectId, deadline: Deadline, *, manifest: bool = False) -> Job:
        """Return a job, with its live manifest if asked. Raises NotFound."""

    def find(self, request_id: str, deadline: Deadline, *, manifest: bool = False) -> Job:
        """Return the job that a request made on any of the clusters. Raises NotFound."""

    def list(
        self, wanted: JobFilter, size: int, after: tuple[int, int] | None, deadline: Deadline
    ) -> JobPage:
        """Return up to ``size`` jobs behind the key ``after``.

        They are ordered by creation time in seconds and the first 63 bits of the workload's uid,
        and those two numbers are the key.
        """

    def cancel(self, job_id: ObjectId, how: Ending, deadline: Deadline) -> tuple[JobResult, ...]:
        """Delete a job's objects. That they are gone is a warning."""

    def suspend(
        self, job_id: ObjectId, grace: int | None, deadline: Deadline
    ) -> tuple[JobResult, ...]:
        """Scale a Deployment to zero, or suspend a Job."""

    def resume(self, job_id: ObjectId, deadline: Deadline) -> tuple[JobResult, ...]:
        """Give a suspended job its replicas again."""

    def update(
        self, job_id: ObjectId, change: TaskUpdate, deadline: Deadline, *, validate_only: bool
    ) -> Job:
        """Change a job, or only check it, and return it as it is now."""

    def info(self) -> TaskBackendInfo:
        """Tell what the backend is; never waits."""

    def troubles(self) -> Mapping[str, str]:
        """Return what keeps the backend from working, by the name of the check; never waits."""
