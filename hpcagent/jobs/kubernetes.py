"""What a cluster of Kubernetes is made of: nodes, and namespaces with their quotas.

The fields are those of the contract's messages, as in ``jobs.cluster``; of Node only those that
mean something in Kubernetes. Amounts are whole: thousandths of ``cpu``, bytes, else a count.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from hpcagent.jobs.cluster import ClusterStatus, Page
from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.nodes import NodeState, NodeStateFlag
from hpcagent.jobs.spec import Gres


class TaintEffect(enum.Enum):
    """What a taint does; named as the proto enum without its prefix."""

    NO_SCHEDULE = enum.auto()
    PREFER_NO_SCHEDULE = enum.auto()
    NO_EXECUTE = enum.auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Taint:
    """A taint of a node."""

    key: str
    value: str = ""
    effect: TaintEffect | None = None
    added_time: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeResource:
    """A resource of a node; the contract's KubernetesResource."""

    name: str
    capacity: int
    allocatable: int
    requested: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeParts:
    """What only Kubernetes knows of a node; the contract's KubernetesNode."""

    labels: Mapping[str, str]
    taints: tuple[Taint, ...]
    resources: tuple[NodeResource, ...]
    pods: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterNode:
    """A node; the contract's Node without what only Slurm knows."""

    name: str
    state: NodeState
    state_flags: tuple[NodeStateFlag, ...]
    backend_state: str
    reason: str
    reason_time: float | None
    arch: str
    os: str
    version: str
    hostname: str
    address: str
    cpus: int
    cpus_effective: int
    cpus_allocated: int
    memory_bytes: int
    memory_allocated_bytes: int
    tmp_disk_bytes: int
    gres: tuple[Gres, ...]
    gres_used: tuple[Gres, ...]
    kubernetes: NodeParts


@dataclass(frozen=True, slots=True)
class ClusterNodeFilter:
    """Which nodes are meant: all that match every condition given; labels all of them."""

    names: tuple[str, ...] = ()
    states: tuple[NodeState, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaResource:
    """A resource that a quota limits."""

    name: str
    hard: int
    used: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceQuota:
    """A quota of a namespace."""

    name: str
    scopes: tuple[str, ...]
    resources: tuple[QuotaResource, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceUse:
    """What pods request of a resource, and may use; None as limit: some have none."""

    name: str
    requested: int
    limit: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """A namespace."""

    name: str
    terminating: bool
    labels: Mapping[str, str]
    quotas: tuple[ResourceQuota, ...]
    use: tuple[ResourceUse, ...]
    pods: int


class TaskInventory(Protocol):
    """Tells about clusters; an empty name means the default one.

    Pages hold ``size`` items behind the name ``after``. Raises NotFound for an unknown cluster.
    """

    def status(self, cluster: str, deadline: Deadline) -> ClusterStatus:
        """Tell about a cluster, even while its API server does not answer."""

    def nodes(
        self, cluster: str, wanted: ClusterNodeFilter, size: int, after: str, deadline: Deadline
    ) -> Page[ClusterNode]:
        """Return the nodes that match. Raises Forbidden without a right in the whole cluster."""

    def namespaces(
        self, cluster: str, names: tuple[str, ...], size: int, after: str, deadline: Deadline
    ) -> Page[Namespace]:
        """Return namespaces of these names, or all, that tasks may be in."""
