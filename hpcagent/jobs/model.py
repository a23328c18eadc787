"""What a job is, whichever backend runs it.

Both services answer with this one model, so that a scheduler's code, and everything between the
backends and the gRPC edge, is written once. It knows neither Slurm's numbers nor protobuf: the
backends build it, ``hpcagent.server.encode`` writes it down.
"""

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from hpcagent.jobs.errors import AgentError, InvalidRequest, Violation

MAX_JOB_NUMBER = 0xFFFFFFFD
"""Largest number a Slurm job, task or component can have: the next ones mean NO_VAL, INFINITE."""

_ID_FORM = re.compile(r"(?P<job>[0-9]{1,10})(?:_(?P<task>[0-9]{1,10})|\+(?P<offset>[0-9]{1,10}))?")

# RFC 1123 as Kubernetes has it: a namespace is a label, an object's name may be several.
_LABEL = "[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_OBJECT_FORM = re.compile(rf"{_LABEL}/(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*")


class Named(enum.Enum):
    """Base of enums whose values are their names: what is written down keeps its meaning."""

    @staticmethod
    def _generate_next_value_(name: str, *_: object) -> str:
        return name


class JobState(Named):
    """The base state; a value's name is that of the proto enum without its prefix."""

    PENDING = enum.auto()
    RUNNING = enum.auto()
    SUSPENDED = enum.auto()
    COMPLETED = enum.auto()
    CANCELLED = enum.auto()
    FAILED = enum.auto()
    TIMEOUT = enum.auto()
    NODE_FAIL = enum.auto()
    PREEMPTED = enum.auto()
    BOOT_FAIL = enum.auto()
    DEADLINE = enum.auto()
    OUT_OF_MEMORY = enum.auto()
    UNKNOWN = enum.auto()


ENDED = frozenset(JobState) - {
    JobState.PENDING,
    JobState.RUNNING,
    JobState.SUSPENDED,
    JobState.UNKNOWN,
}
"""States from which only a requeue leads back."""


class JobSource(Named):
    """Who told about a job; named as the proto enum without its prefix."""

    LIVE = enum.auto()
    ACCOUNTING = enum.auto()
    JOURNAL = enum.auto()


class JobStateFlag(Named):
    """What is true of a job beside its state; named as the proto enum without its prefix."""

    LAUNCH_FAILED = enum.auto()
    REQUEUED = enum.auto()
    REQUEUE_HOLD = enum.auto()
    SPECIAL_EXIT = enum.auto()
    RESIZING = enum.auto()
    CONFIGURING = enum.auto()
    COMPLETING = enum.auto()
    STOPPED = enum.auto()
    RECONFIG_FAIL = enum.auto()
    POWER_UP_NODE = enum.auto()
    REVOKED = enum.auto()
    REQUEUE_FED = enum.auto()
    RESV_DEL_HOLD = enum.auto()
    SIGNALING = enum.auto()
    STAGE_OUT = enum.auto()
    EXPEDITING = enum.auto()


@dataclass(frozen=True, slots=True)
class JobId:
    """Names a Slurm job, array task or het component; prints and parses as Slurm does."""

    job_id: int
    array_task_id: int | None = None
    het_job_offset: int | None = None
    cluster: str = ""

    def __str__(self) -> str:
        """``123``, ``123_4`` or ``123+1``."""
        if self.array_task_id is not None:
            return f"{self.job_id}_{self.array_task_id}"
        if self.het_job_offset is not None:
            return f"{self.job_id}+{self.het_job_offset}"
        return str(self.job_id)

    @classmethod
    def parse(cls, text: str, *, field: str = "job_id.id", cluster: str = "") -> Self:
        """Read ``123``, ``123_4`` or ``123+1``. Anything else: InvalidRequest on ``field``."""
        form = _ID_FORM.fullmatch(text)
        if form is None:
            said = f"{text!r} is no job id: give 123, 123_4 (array task) or 123+1 (het component)"
            raise InvalidRequest([Violation(field, said, "JOB_ID_FORM")])
        job, task, offset = (None if part is None else int(part) for part in form.groups())
        numbers = [number for number in (job, task, offset) if number is not None]
        if not job or max(numbers) > MAX_JOB_NUMBER:
            said = f"{text!r} is no job id: its number must be 1 to {MAX_JOB_NUMBER}"
            raise InvalidRequest([Violation(field, said, "JOB_ID_RANGE")])
        return cls(job, task, offset, cluster)


@dataclass(frozen=True, slots=True)
class ObjectId(JobId):
    """Names the workload object of a Kubernetes job; it has no number."""

    job_id: int = 0
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        """``namespace/name``."""
        return f"{self.namespace}/{self.name}"

    @classmethod
    def parse(cls, text: str, *, field: str = "job_id.id", cluster: str = "") -> Self:
        """Read ``namespace/name``. Anything else: InvalidRequest on ``field``."""
        if _OBJECT_FORM.fullmatch(text) is None:
            said = f"{text!r} is no job id: give namespace/name, both as Kubernetes has them"
            raise InvalidRequest([Violation(field, said, "JOB_ID_FORM")])
        namespace, _, name = text.partition("/")
        return cls(cluster=cluster, namespace=namespace, name=name)


@dataclass(frozen=True, slots=True)
class KubernetesJob:
    """What only Kubernetes knows of a job."""

    kind: str
    """Of the workload object: ``Deployment`` or ``Job``."""
    namespace: str
    name: str
    uid: str = ""
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    replicas: int = 0
    ready_replicas: int = 0
    restart_count: int = 0
    pods: tuple[str, ...] = ()
    endpoints: Mapping[str, str] = field(default_factory=dict, hash=False)
    """``host:port`` of its Service's ports, by endpoint name."""


@dataclass(frozen=True, slots=True)
class ExitStatus:
    """How a process ended: wait(2)'s exit code, or the signal that ended it."""

    code: int = 0
    signal: int = 0
    core_dumped: bool = False


@dataclass(frozen=True, slots=True)
class JobReason:
    """Why a job is in its state: Slurm's word, and its sentence where it has one."""

    name: str
    text: str = ""
    category: str = "OTHER"
    """Name of a proto JobReasonCategory without its prefix."""
    blocking_jobs: tuple[JobId, ...] = ()
    """Jobs that it waits for."""
    blocked_by: str = ""
    """What else holds it up, as the backend names it: a partition, QOS, account, reservation..."""


@dataclass(frozen=True, slots=True)
class Tres:
    """An amount of a trackable resource; bytes of memory, else a count."""

    type: str
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class JobArray:
    """Array that a record belongs to; ``tasks`` is what the record stands for if not one task."""

    array_job_id: int
    tasks: str = ""
    max_tasks: int | None = None


@dataclass(frozen=True, slots=True)
class HetJob:
    """Heterogeneous job that a record is a component of."""

    het_job_id: int
    offset: int
    id_set: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStep:
    """A step of a job, and what it used; None is unknown."""

    id: str
    name: str
    state: JobState
    exit_status: ExitStatus | None
    start_time: float | None
    end_time: float | None
    ntasks: int
    node_list: str
    cpu_time: float
    max_rss_bytes: int | None
    disk_read_bytes: int | None
    disk_write_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as its backend has it. Times are seconds since the epoch, None where there is none.

    ``math.inf`` as a time limit is no limit; None is the partition's default, still to come.
    """

    job_id: JobId
    state: JobState
    backend_state: str
    as_of_time: float
    state_flags: tuple[JobStateFlag, ...] = ()
    request_id: str = ""
    name: str = ""
    reason: JobReason | None = None
    exit_status: ExitStatus | None = None
    derived_exit_status: ExitStatus | None = None
    raw_job_id: int = 0
    user_id: int = 0
    group_id: int = 0
    user: str = ""
    group: str = ""
    account: str = ""
    partition: str = ""
    qos: str = ""
    reservation: str = ""
    submit_time: float | None = None
    eligible_time: float | None = None
    start_time: float | None = None
    end_time: float | None = None
    deadline: float | None = None
    time_limit: float | None = None
    run_time: float = 0
    node_list: str = ""
    batch_host: str = ""
    nodes: int = 0
    cpus: int = 0
    ntasks: int = 0
    requested_tres: tuple[Tres, ...] = ()
    allocated_tres: tuple[Tres, ...] = ()
    work_dir: str = ""
    std_out: str = ""
    std_err: str = ""
    std_in: str = ""
    resolved_std_out: str = ""
    resolved_std_err: str = ""
    resolved_std_in: str = ""
    priority: int = 0
    nice: int = 0
    comment: str = ""
    admin_comment: str = ""
    system_comment: str = ""
    array: JobArray | None = None
    het_job: HetJob | None = None
    dependency: str = ""
    features: str = ""
    licenses: str = ""
    restart_count: int = 0
    requeue: bool = False
    source: JobSource = JobSource.LIVE
    steps: tuple[JobStep, ...] = ()
    kubernetes: KubernetesJob | None = None
    manifest: str = ""
    """The live objects as YAML, where they were asked for."""


@dataclass(frozen=True, slots=True)
class Warning:  # noqa: A001 - the field's word, and never meant beside Python's own here
    """Something a caller should know about a request that was done all the same."""

    name: str
    text: str
    code: int = 0


@dataclass(frozen=True, slots=True)
class OptionOrigin:
    """Where an option in force came from, with its value in sbatch's form."""

    option: str
    origin: str
    """Name of a proto Origin without its prefix."""
    value: str = ""
    line: int = 0
    """Line of the script, from 1, that it came from; 0 if it did not."""
    component: int = 0
    """The component of a heterogeneous job that it is of, from 0."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What became of a submission that the backend accepted."""

    job_id: JobId | None
    """None: the request was only validated."""
    submit_time: float
    digest: str
    request_id: str = ""
    warnings: tuple[Warning, ...] = ()
    message: str = ""
    replayed: bool = False
    """It is the answer to an earlier request: no second job was made."""
    option_origins: tuple[OptionOrigin, ...] = ()
    """Where each option in force came from; empty where the backend does not tell."""
    component_ids: tuple[JobId, ...] = ()
    """Of a heterogeneous job: its components, the leader first."""


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs are meant: all that match every condition given; each by any of its values."""

    users: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    partitions: tuple[str, ...] = ()
    states: tuple[JobState, ...] = ()
    names: tuple[str, ...] = ()
    job_ids: tuple[JobId, ...] = ()
    request_ids: tuple[str, ...] = ()
    submitted_after: float | None = None
    submitted_before: float | None = None
    namespaces: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    clusters: tuple[str, ...] = ()
    qos: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JobPage:
    """Jobs by submit time and number, and the key behind which the next page begins."""

    jobs: tuple[Job, ...]
    as_of_time: float
    next_key: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class JobResult:
    """What became of one job of a request that can mean several."""

    job_id: JobId
    warnings: tuple[Warning, ...] = ()
    error: AgentError | None = None
    """Why it was not done; None: it was."""


@dataclass(frozen=True, slots=True)
class BackendInfo:
    """What a backend tells about itself in GetAgentInfo; empty where it cannot tell yet."""

    cluster: str = ""
    library_version: str = ""
    controller_version: str = ""
    identity: str = ""
    controllers: tuple[str, ...] = ()
    max_script_bytes: int = 0
    job_options: tuple[str, ...] = ()
