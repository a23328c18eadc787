"""What a node is. The fields are those of the contract's message Node, as in ``jobs.cluster``."""

import enum
from dataclasses import dataclass

from hpcagent.jobs.model import Tres
from hpcagent.jobs.spec import Gres


class NodeState(enum.Enum):
    """What a node is doing; named as the proto enum without its prefix."""

    UNKNOWN = enum.auto()
    DOWN = enum.auto()
    IDLE = enum.auto()
    ALLOCATED = enum.auto()
    MIXED = enum.auto()
    FUTURE = enum.auto()
    ERROR = enum.auto()


class NodeStateFlag(enum.Enum):
    """What is true of a node beside its state; named as the proto enum without its prefix."""

    DRAIN = enum.auto()
    UNDRAIN = enum.auto()
    COMPLETING = enum.auto()
    NOT_RESPONDING = enum.auto()
    FAIL = enum.auto()
    MAINTENANCE = enum.auto()
    RESERVED = enum.auto()
    PLANNED = enum.auto()
    CLOUD = enum.auto()
    POWERING_UP = enum.auto()
    POWERING_DOWN = enum.auto()
    POWERED_DOWN = enum.auto()
    POWER_UP = enum.auto()
    POWER_DOWN = enum.auto()
    POWER_DRAIN = enum.auto()
    REBOOT_REQUESTED = enum.auto()
    REBOOT_CANCELLED = enum.auto()
    REBOOT_ISSUED = enum.auto()
    DYNAMIC_FUTURE = enum.auto()
    DYNAMIC_NORMAL = enum.auto()
    INVALID_REGISTRATION = enum.auto()
    BLOCKED = enum.auto()
    PERFCTRS = enum.auto()
    NETWORK_UNAVAILABLE = enum.auto()
    UNDER_PRESSURE = enum.auto()


@dataclass(frozen=True, slots=True)
class NodeFilter:
    """Which nodes are meant: all that match every condition given; each by any of its values.

    All of the features must be active.
    """

    names: tuple[str, ...] = ()
    partitions: tuple[str, ...] = ()
    states: tuple[NodeState, ...] = ()
    features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node."""

    name: str
    state: NodeState
    state_flags: tuple[NodeStateFlag, ...]
    backend_state: str
    reason: str
    reason_time: float | None
    reason_user_id: int | None
    reason_user: str
    partitions: tuple[str, ...]
    features: tuple[str, ...]
    active_features: tuple[str, ...]
    reservation: str
    arch: str
    os: str
    version: str
    hostname: str
    address: str
    cpus: int
    cpus_effective: int
    cpus_allocated: int
    cpu_load: float | None
    sockets: int
    cores_per_socket: int
    threads_per_core: int
    boards: int
    core_spec: int
    memory_bytes: int
    memory_allocated_bytes: int
    memory_free_bytes: int | None
    memory_spec_bytes: int
    tmp_disk_bytes: int
    gres: tuple[Gres, ...]
    gres_used: tuple[Gres, ...]
    tres: tuple[Tres, ...]
    allocated_tres: tuple[Tres, ...]
    weight: int
    boot_time: float | None
    slurmd_start_time: float | None
    last_busy_time: float | None
    resume_time: float | None
    owner_user_id: int | None
    mcs_label: str
    comment: str
    extra: str
