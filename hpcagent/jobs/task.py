"""What a task shall be, as a request asks for it: the domain's form of SubmitTaskRequest.

It keeps the original system's StagedTask whole, the plan within it included, so that what is wrong
can be told by the path at which the caller wrote it. What is in force where both say something is
asked of ``StagedTask``. Lengths of time are whole seconds, as Kubernetes keeps them.
"""

import enum
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Self, TypeAlias

from hpcagent.jobs.errors import Violation
from hpcagent.jobs.identity import Claim

DEFAULT_MODE = 0o700
"""Mode bits of a task's directory where the request gives none."""
SCRYPT = {"n": 1 << 14, "r": 8, "p": 1, "dklen": 32}
"""The cost of trying one value of a secret: 16 MiB and about 50 ms (RFC 7914, section 2)."""


class Workload(enum.Enum):
    """What kind of object runs a task; named as the proto enum without its prefix."""

    DEPLOYMENT = enum.auto()
    JOB = enum.auto()


# ------------------------------------------------------------------ the original's StagedTask


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The directory of a task."""

    dir: str
    run_dir: str = ""
    """Where the task sees it; empty: the same path."""
    mode: int = DEFAULT_MODE
    leave_dir: bool = False
    create: bool | None = None
    """Make it first. None: as the profile says."""
    parents: bool = False

    @property
    def mount_path(self) -> str:
        """Where the task sees it."""
        return self.run_dir or self.dir


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file, or directory, of a task."""

    path: str
    url: str = ""
    directory: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A directory of the nodes that a container sees."""

    host_path: str
    mount_path: str
    name: str = ""
    """Empty: made of its place in the list."""
    read_only: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read Docker's short form, ``HOST_PATH:MOUNT_PATH[:ro]``. Raises ValueError."""
        host_path, colon, rest = text.partition(":")
        mount_path, _, mode = rest.partition(":")
        if not colon or mode not in {"", "ro", "rw"}:
            raise ValueError(text)
        return cls(host_path=host_path, mount_path=mount_path, read_only=mode == "ro")


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTaskPlan:
    """What a task runs."""

    id: str = ""
    container_image: str = ""
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    workdir: str = ""
    volumes: tuple[Volume, ...] = ()
    inputs: tuple[File, ...] = ()
    outputs: tuple[File, ...] = ()
    stdin: str = ""
    stdout: str = ""
    stderr: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedTask:
    """A task whose files are in place."""

    plan: StageTaskPlan
    stage: Stage | None = None
    inputs: tuple[File, ...] = ()
    outputs: tuple[File, ...] = ()
    volumes: tuple[str, ...] = ()
    """In Docker's short form; beside those of the plan."""
    stdin: str = ""
    stdout: str = ""
    stderr: str = ""

    def files(self, kind: str) -> Iterator[tuple[str, File]]:
        """Yield the ``inputs`` or ``outputs`` in force, each with its path in the request."""
        own: tuple[File, ...] = getattr(self, kind)
        place, chosen = ("task", own) if own else ("task.plan", getattr(self.plan, kind))
        for index, one in enumerate(chosen):
            yield f"{place}.{kind}[{index}]", one

    def stream(self, name: str) -> tuple[str, str]:
        """Return the file of ``stdin``, ``stdout`` or ``stderr``, after its path in the request."""
        own: str = getattr(self, name)
        return (f"task.{name}", own) if own else (f"task.plan.{name}", getattr(self.plan, name))


# ---------------------------------------------------------------------- what it needs of a cluster


@dataclass(frozen=True, slots=True)
class Device:
    """An extended resource by its full name, ``nvidia.com/gpu``, and how many."""

    name: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskResources:
    """What each replica needs; None is the profile's."""

    cpu_millis: int | None = None
    memory_bytes: int | None = None
    devices: tuple[Device, ...] = ()
    shm_size_bytes: int | None = None
    ephemeral_storage_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What only a Job of Kubernetes has; None is no limit, no replacement, the profile's."""

    seconds: int | None = None
    backoff_limit: int | None = None
    ttl_after_finished: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A port of the task that is to be reached."""

    name: str
    target_port: int
    protocol: str = "TCP"
    source_port: int = 0
    """Port of the Service; 0: ``target_port``."""
    control: int = 0
    type: int = 0

    @property
    def port(self) -> int:
        """Port of the Service."""
        return self.source_port or self.target_port


@dataclass(frozen=True, slots=True, kw_only=True)
class Toleration:
    """A taint that is put up with; ``effect`` in the proto's words, empty: any."""

    key: str = ""
    operator: str = "EQUAL"
    value: str = ""
    effect: str = ""
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Those that a container gets and loses, without ``CAP_``."""

    add: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()


# --------------------------------------------------------------------------------------- probes


@dataclass(frozen=True, slots=True)
class ExecAction:
    """A command in the container that must succeed."""

    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HttpGetAction:
    """An HTTP request that must be answered well."""

    port: int
    path: str = ""
    https: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TcpAction:
    """A TCP port that must be open."""

    port: int


@dataclass(frozen=True, slots=True)
class GrpcAction:
    """A gRPC health service that must say SERVING."""

    port: int
    service: str = ""


ProbeHandler: TypeAlias = ExecAction | HttpGetAction | TcpAction | GrpcAction


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """How Kubernetes finds out whether a container fares well; None and 0 are its defaults."""

    handler: ProbeHandler
    initial_delay: int | None = None
    period: int | None = None
    timeout: int | None = None
    success_threshold: int = 0
    failure_threshold: int = 0


# --------------------------------------------------------------------------------------- the whole


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """One task. Frozen: what a request asked for does not change on its way down."""

    claim: Claim
    task: StagedTask
    home: str = ""
    cluster: str = ""
    namespace: str = ""
    partition: str = ""
    job_name: str = ""
    app: str = ""
    resources: TaskResources = TaskResources()
    workload: Workload = Workload.DEPLOYMENT
    replicas: int | None = None
    batch: Batch | None = None
    endpoints: tuple[Endpoint, ...] = ()
    image_pull_policy: str = ""
    """In the proto's words; empty: the profile's."""
    image_pull_secrets: tuple[str, ...] = ()
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    capabilities: Capabilities | None = None
    run_as_user: bool | None = None
    secret_env: Mapping[str, str] = field(default_factory=dict, repr=False)
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    startup_probe: Probe | None = None
    termination_grace_period: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    request_id: str = ""
    validate_only: bool = False
    faults: tuple[Violation, ...] = ()
    """What could not even be read; the backend reports it together with what it finds itself."""

    def digest(self) -> str:
        """Return ``sha256:...`` of all that makes the task, so that equal requests are equal.

        The ``request_id`` does not count, nor whether the request was a trial: they say how to
        ask, not what for. Secrets count, but a digest is written where secrets must not be: so
        that nobody can try likely values against it, each trial is made dear.
        """
        return self._digest

    @cached_property
    def _digest(self) -> str:
        content = {part.name: getattr(self, part.name) for part in fields(self)}
        for how in ("request_id", "validate_only", "faults"):
            del content[how]
        secrets = content.pop("secret_env")
        form = _json(content)
        if secrets:
            salt = hashlib.sha256(form).digest()
            form += hashlib.scrypt(_json(secrets), salt=salt, **SCRYPT)
        return "sha256:" + hashlib.sha256(form).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskUpdate:
    """What shall be changed of a task; None stays as it is."""

    replicas: int | None = None
    image: str | None = None
    cpu_millis: int | None = None
    memory_bytes: int | None = None
    devices: tuple[Device, ...] | None = None


def _json(content: object) -> bytes:
    form = json.dumps(content, sort_keys=True, separators=(",", ":"), default=_plain)
    return form.encode(errors="surrogatepass")


def _plain(value: object) -> object:
    """Return a part of a task as JSON has it; a handler with its name, else two could be alike."""
    if isinstance(value, enum.Enum):
        return value.name
    names = [part.name for part in fields(value)]  # type: ignore[arg-type] # a dataclass, by now
    parts = {name: getattr(value, name) for name in names}
    return {"": type(value).__name__, **parts}
