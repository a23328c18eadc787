"""What is asked about a cluster's parts: GetClusterRequest, ListPartitionsRequest and so on."""

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from typing import TypeAlias

from hpcagent.jobs.accounting import AccountFilter
from hpcagent.jobs.errors import InvalidRequest, Violation
from hpcagent.jobs.kubernetes import ClusterNodeFilter
from hpcagent.jobs.nodes import NodeFilter, NodeState
from hpcagent.server import paging
from hpcagent.server.decode.unknown import unknown_fields
from hpcagent.server.decode.values import Faults, not_supported, word
from hpcagent.v1 import cluster_pb2

Listing: TypeAlias = (
    cluster_pb2.ListPartitionsRequest
    | cluster_pb2.ListNodesRequest
    | cluster_pb2.ListReservationsRequest
    | cluster_pb2.ListLicensesRequest
    | cluster_pb2.ListAccountsRequest
    | cluster_pb2.ListNamespacesRequest
)


@dataclass(frozen=True, slots=True)
class Place:
    """Which page of a list by name: what it is bound to, how many, and behind which name."""

    binding: paging.Binding
    size: int
    after: str


@dataclass(frozen=True, slots=True)
class NamesQuery:
    """Parts of these names, or all; and which page of them."""

    names: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class NodesQuery:
    """Which nodes, and which page of them."""

    wanted: NodeFilter
    place: Place


@dataclass(frozen=True, slots=True)
class ClusterNodesQuery:
    """Which nodes of a cluster of Kubernetes, and which page of them."""

    wanted: ClusterNodeFilter
    place: Place


@dataclass(frozen=True, slots=True)
class AccountsQuery:
    """Which associations, and which page of them."""

    wanted: AccountFilter
    place: Place


def check_cluster_query(request: cluster_pb2.GetClusterRequest, cluster: str) -> None:
    """Check what GetCluster is asked for. Raises InvalidRequest with every violation."""
    faults: Faults = list(unknown_fields(request))
    _check_cluster(request.cluster, cluster, faults)
    _refuse(faults)


def names_query(
    request: cluster_pb2.ListPartitionsRequest
    | cluster_pb2.ListReservationsRequest
    | cluster_pb2.ListLicensesRequest,
    cluster: str,
) -> NamesQuery:
    """Read what is asked for by names only. Raises InvalidRequest with every violation."""
    faults: Faults = list(unknown_fields(request))
    names = _texts(request.names, "names", faults)
    place = _place(request, cluster, faults)
    _refuse(faults)
    return NamesQuery(names, place)


def nodes_query(request: cluster_pb2.ListNodesRequest, cluster: str) -> NodesQuery:
    """Read what ListNodes is asked for. Raises InvalidRequest with every violation."""
    faults: Faults = list(unknown_fields(request))
    asked = request.filter
    if asked.labels:
        faults.append(not_supported("filter.labels"))
    wanted = NodeFilter(
        names=_texts(asked.names, "filter.names", faults),
        partitions=_texts(asked.partitions, "filter.partitions", faults),
        states=_node_states(asked.states, faults),
        features=_texts(asked.features, "filter.features", faults),
    )
    place = _place(request, cluster, faults)
    _refuse(faults)
    return NodesQuery(wanted, place)


def cluster_nodes_query(request: cluster_pb2.ListNodesRequest, cluster: str) -> ClusterNodesQuery:
    """Read what ListNodes is asked for of Kubernetes. Raises InvalidRequest with every violation.

    ``cluster`` is the one that is meant, to which page tokens are bound.
    """
    faults: Faults = list(unknown_fields(request))
    asked = request.filter
    for name in ("partitions", "features"):
        if getattr(asked, name):
            faults.append(not_supported(f"filter.{name}"))
    wanted = ClusterNodeFilter(
        names=_texts(asked.names, "filter.names", faults),
        states=_node_states(asked.states, faults),
        labels=dict(asked.labels),
    )
    place = _place(request, "", faults, bound_to=cluster)
    _refuse(faults)
    return ClusterNodesQuery(wanted, place)


def namespaces_query(request: cluster_pb2.ListNamespacesRequest, cluster: str) -> NamesQuery:
    """Read what ListNamespaces is asked for, as ``cluster_nodes_query`` does."""
    faults: Faults = list(unknown_fields(request))
    names = _texts(request.names, "names", faults)
    place = _place(request, "", faults, bound_to=cluster)
    _refuse(faults)
    return NamesQuery(names, place)


def accounts_query(request: cluster_pb2.ListAccountsRequest, cluster: str) -> AccountsQuery:
    """Read what ListAccounts is asked for. Raises InvalidRequest with every violation."""
    faults: Faults = list(unknown_fields(request))
    wanted = AccountFilter(
        users=_texts(request.users, "users", faults),
        accounts=tuple(one.lower() for one in _texts(request.accounts, "accounts", faults)),
        partitions=_texts(request.partitions, "partitions", faults),
    )
    place = _place(request, cluster, faults)
    _refuse(faults)
    return AccountsQuery(wanted, place)


def _place(request: Listing, cluster: str, faults: Faults, *, bound_to: str = "") -> Place:
    """Read which page is asked for; a token is bound to all other fields, and to a cluster."""
    _check_cluster(request.cluster, cluster, faults)
    if request.page_size < 0:
        said = f"is {request.page_size}; it must be 0 to {paging.MAX_SIZE}"
        faults.append(Violation("page_size", said, "OUT_OF_RANGE"))
    wanted = deepcopy(request)
    for name in ("cluster", "page_size", "page_token"):
        wanted.ClearField(name)
    wanted.cluster = bound_to
    binding = paging.Binding.of(wanted)
    after = binding.name(request.page_token)
    if isinstance(after, Violation):
        faults.append(after)
        after = ""
    return Place(binding, paging.size(request.page_size), after)


def _check_cluster(asked: str, cluster: str, faults: Faults) -> None:
    if asked and cluster and asked != cluster:
        said = f"this agent drives cluster {cluster!r}, not {asked!r}"
        faults.append(Violation("cluster", said, "OTHER_CLUSTER"))


def _texts(texts: Iterable[str], path: str, faults: Faults) -> tuple[str, ...]:
    given = tuple(texts)
    for index, text in enumerate(given):
        if not text:
            faults.append(Violation(f"{path}[{index}]", "is empty: leave it out", "EMPTY"))
    return given


def _node_states(numbers: Iterable[int], faults: Faults) -> tuple[NodeState, ...]:
    given = list(numbers)
    if cluster_pb2.NODE_STATE_UNSPECIFIED in given:
        return ()
    enum = cluster_pb2.NodeState.DESCRIPTOR
    words = [word(enum, one, f"filter.states[{i}]", faults) for i, one in enumerate(given)]
    return tuple(NodeState[state] for state in words if state is not None)


def _refuse(faults: Faults) -> None:
    if faults:
        raise InvalidRequest(faults)
