"""What a cluster is made of, and how its control plane fares.

The fields are those of the contract's messages, by name and in the domain's units: seconds since
the epoch for times, seconds for lengths, bytes for memory, None for what is unset and ``math.inf``
for a limit of time that is none. ``hpcagent.server.encode.mirror`` relies on the names.
"""

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from hpcagent.jobs.model import Tres

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """A part of a list that is ordered by name, and the name behind which the next part begins."""

    items: tuple[Item, ...]
    as_of_time: float
    next_name: str | None = None


def name_of(item: Any) -> str:  # noqa: ANN401 - any of a cluster's parts
    """Return the name of a part."""
    name: str = item.name
    return name


def page(
    items: Sequence[Item],
    size: int,
    after: str,
    as_of_time: float,
    order: Callable[[str], Any] = str,
    key: Callable[[Item], str] = name_of,
) -> Page[Item]:
    """Cut the page behind ``after`` out of a list that is in order."""
    rest = [item for item in items if not after or order(key(item)) > order(after)]
    shown = tuple(rest[:size])
    return Page(shown, as_of_time, key(shown[-1]) if len(rest) > size else None)


# ------------------------------------------------------------------------------- control plane


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """One host of a control plane."""

    host: str
    index: int
    responding: bool
    latency: float | None = None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleCycles:
    """The cycles of one scheduler."""

    count: int
    last: float
    max: float
    total: float
    depth: int
    last_depth: int | None = None
    last_depth_tried: int | None = None
    queue_length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcStatistics:
    """RPCs of one kind (``type``), or of one user (``user_id``)."""

    type: str | None = None
    user_id: int | None = None
    user: str = ""
    count: int
    total_time: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerStatistics:
    """How slurmctld fares; counts are since ``since_time``."""

    since_time: float | None
    server_threads: int
    agent_queue_size: int
    agents: int
    agent_threads: int
    dbd_agent_queue_size: int
    jobs_submitted: int
    jobs_started: int
    jobs_completed: int
    jobs_cancelled: int
    jobs_failed: int
    jobs_pending: int
    jobs_running: int
    job_states_time: float | None
    main: ScheduleCycles
    backfill: ScheduleCycles
    backfilled_jobs: int
    backfilled_jobs_since_reset: int
    backfilled_het_components: int
    last_backfill_time: float | None
    backfill_active: bool
    gettimeofday_latency: float
    rpcs: tuple[RpcStatistics, ...]
    rpcs_by_user: tuple[RpcStatistics, ...]
    pending_rpcs: tuple[RpcStatistics, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterStatus:
    """A cluster, and how its control plane fares."""

    name: str
    version: str
    controllers: tuple[Controller, ...]
    statistics: SchedulerStatistics | None = None
    boot_time: float | None = None
    select_type: str = ""
    scheduler_type: str = ""
    priority_type: str = ""
    accounting: bool = False
    accounting_enforce: tuple[str, ...] = ()
    max_job_count: int = 0
    max_array_size: int = 0
    min_job_age: float | None = None
    platform: str = ""
    as_of_time: float


# ------------------------------------------------------------------------------- its parts


class PartitionState(enum.Enum):
    """What a partition does with jobs; named as the proto enum without its prefix."""

    UP = enum.auto()
    DOWN = enum.auto()
    DRAIN = enum.auto()
    INACTIVE = enum.auto()


class OverSubscribe(enum.Enum):
    """Whether the jobs of a partition share resources; named as the proto enum."""

    NO = enum.auto()
    YES = enum.auto()
    FORCE = enum.auto()
    EXCLUSIVE = enum.auto()


@dataclass(frozen=True, slots=True)
class PartitionMemory:
    """An amount of memory of a partition's jobs: for each CPU or for each node."""

    cpu_bytes: int | None = None
    node_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A partition."""

    name: str
    state: PartitionState
    is_default: bool
    hidden: bool
    root_only: bool
    disable_root_jobs: bool
    require_reservation: bool
    exclusive_user: bool
    exclusive_topo: bool
    least_loaded_nodes: bool
    power_down_on_idle: bool
    node_list: str
    nodes: int
    nodes_allocated: int
    nodes_idle: int
    nodes_other: int
    cpus: int
    cpus_allocated: int
    cpus_idle: int
    cpus_other: int
    tres: tuple[Tres, ...]
    tres_billing_weights: str
    default_time: float | None
    max_time: float | None
    over_time_limit: float | None
    min_nodes: int
    max_nodes: int | None
    max_cpus_per_node: int | None
    max_cpus_per_socket: int | None
    default_memory: PartitionMemory | None
    max_memory: PartitionMemory | None
    job_defaults: str
    allow_accounts: tuple[str, ...]
    deny_accounts: tuple[str, ...]
    allow_groups: tuple[str, ...]
    allow_qos: tuple[str, ...]
    deny_qos: tuple[str, ...]
    alloc_nodes: str
    qos: str
    alternate: str
    priority_tier: int
    priority_job_factor: int
    preempt_mode: str
    grace_time: float
    over_subscribe: OverSubscribe
    max_over_subscribe: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """A reservation."""

    name: str
    active: bool
    start_time: float | None
    end_time: float | None
    flags: tuple[str, ...]
    node_list: str
    nodes: int
    cores: int
    tres: tuple[Tres, ...]
    partition: str
    features: str
    users: tuple[str, ...]
    groups: tuple[str, ...]
    accounts: tuple[str, ...]
    licenses: str
    burst_buffer: str
    max_start_delay: float | None
    purge_after: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class License:
    """A license."""

    name: str
    total: int
    used: int
    free: int
    reserved: int
    remote: bool
    last_consumed: int | None = None
    last_deficit: int | None = None
    last_update_time: float | None = None
