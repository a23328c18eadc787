"""What clusters are made of: their API servers, nodes and namespaces, with capacity and use.

The use of a node is what the pods on it request, so nodes are only told together with the pods of
the whole cluster: two lists for a page, whatever its size.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from hpcagent.jobs.cluster import ClusterStatus, Controller, Page, page
from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import AgentError, NotFound
from hpcagent.jobs.kubernetes import (
    ClusterNode,
    ClusterNodeFilter,
    Namespace,
    QuotaResource,
    ResourceQuota,
    ResourceUse,
)
from hpcagent.k8s import quantities
from hpcagent.k8s.client import ApiServer, Object, Request
from hpcagent.k8s.inventory import requests
from hpcagent.k8s.inventory.nodes import node, order
from hpcagent.k8s.resources import path
from hpcagent.k8s.states.observation import listed

ANSWER_SECONDS = 5.0
"""An API server that takes longer to tell its version is told as one that does not answer."""


class KubernetesInventory:
    """What all clusters are made of; a ``hpcagent.jobs.kubernetes.TaskInventory``."""

    def __init__(self, server_of: Callable[[str], ApiServer], namespaces: Sequence[str]) -> None:
        """``server_of`` finds a cluster by name; tasks may be in ``namespaces``."""
        self._server_of = server_of
        self._namespaces = namespaces

    def status(self, cluster: str, deadline: Deadline) -> ClusterStatus:
        """Tell about a cluster, even while its API server does not answer."""
        server = self._server_of(cluster)
        began, version, error = time.monotonic(), dict[str, Any](), ""
        patience = Deadline.after(min(ANSWER_SECONDS, deadline.remaining()))
        try:
            version = server.ask(Request(method="GET", path="/version"), patience)
        except AgentError as failure:
            error = failure.message
        controller = Controller(
            host=_host(server),
            index=0,
            responding=not error,
            latency=None if error else time.monotonic() - began,
            error=error,
        )
        return ClusterStatus(
            name=server.cluster,
            version=version.get("gitVersion", ""),
            controllers=(controller,),
            platform=version.get("platform", ""),
            as_of_time=time.time(),
        )

    def nodes(
        self, cluster: str, wanted: ClusterNodeFilter, size: int, after: str, deadline: Deadline
    ) -> Page[ClusterNode]:
        """Return the nodes that match."""
        server = self._server_of(cluster)
        selector = ",".join(f"{key}={value}" for key, value in sorted(wanted.labels.items()))
        found = listed(server, "Node", "", deadline, labelSelector=selector)
        pods = defaultdict[str, list[Object]](list)
        for pod in listed(server, "Pod", "", deadline, fieldSelector=requests.UNENDED):
            pods[pod["spec"].get("nodeName", "")].append(pod)
        as_of_time = time.time()
        named = [one for one in found if _is_of(one, wanted.names)]
        nodes = (node(one, pods[one["metadata"]["name"]]) for one in named)
        chosen = [one for one in nodes if not wanted.states or one.state in wanted.states]
        return page(_ordered(chosen), size, after, as_of_time, order)

    def namespaces(
        self, cluster: str, names: tuple[str, ...], size: int, after: str, deadline: Deadline
    ) -> Page[Namespace]:
        """Return namespaces of these names, or all, that tasks may be in."""
        server = self._server_of(cluster)
        chosen = [one for one in self._namespaces if not names or one in names]
        found = [one for name in chosen if (one := _namespace(server, name, deadline)) is not None]
        return page(found, size, after, time.time())


def _host(server: ApiServer) -> str:
    """Return the URL of an API server; empty where the settings that have it cannot be read."""
    try:
        return server.host
    except AgentError:
        return ""


def _ordered(nodes: list[ClusterNode]) -> list[ClusterNode]:
    return sorted(nodes, key=lambda one: order(one.name))


def _is_of(thing: Object, names: Sequence[str]) -> bool:
    return not names or thing["metadata"]["name"] in names


def _namespace(server: ApiServer, name: str, deadline: Deadline) -> Namespace | None:
    """Return a namespace; None: there is none of the name."""
    try:
        found = server.ask(Request(method="GET", path=path("Namespace", "", name)), deadline)
    except NotFound:
        return None
    pods = listed(server, "Pod", name, deadline, fieldSelector=requests.UNENDED)
    quotas = listed(server, "ResourceQuota", name, deadline)
    return Namespace(
        name=name,
        terminating=found["status"].get("phase") == "Terminating",
        labels=found["metadata"].get("labels") or {},
        quotas=tuple(map(_quota, quotas)),
        use=_use(pods),
        pods=len(pods),
    )


def _quota(found: Object) -> ResourceQuota:
    """Return a quota, by what the API server counts against, or what it will."""
    spec, status = found["spec"], found.get("status") or {}
    hard = requests.amounts(status.get("hard") or spec.get("hard"))
    used = requests.amounts(status.get("used"))
    resources = (
        QuotaResource(
            name=name,
            hard=quantities.whole(name, most),
            used=quantities.whole(name, used[name], up=True) if name in used else 0,
        )
        for name, most in sorted(hard.items())
    )
    return ResourceQuota(
        name=found["metadata"]["name"],
        scopes=tuple(spec.get("scopes") or ()),
        resources=tuple(resources),
    )


def _use(pods: Sequence[Object]) -> tuple[ResourceUse, ...]:
    limits = requests.limits(pods)
    return tuple(
        ResourceUse(
            name=name,
            requested=quantities.whole(name, amount, up=True),
            limit=quantities.whole(name, limits[name], up=True) if name in limits else None,
        )
        for name, amount in sorted(requests.requested(pods).items())
    )
