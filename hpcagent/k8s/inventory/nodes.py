"""From a Node of Kubernetes, and the pods on it, to the domain's: pure.

Source: Kubernetes, v1.Node; the words of ``backend_state`` are kubectl's.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

from hpcagent.jobs.kubernetes import ClusterNode, NodeParts, NodeResource, Taint, TaintEffect
from hpcagent.jobs.nodes import NodeState, NodeStateFlag
from hpcagent.jobs.spec import Gres
from hpcagent.k8s import quantities
from hpcagent.k8s.inventory import requests
from hpcagent.k8s.states import pods as pod_facts
from hpcagent.k8s.states.job import seconds

Object: TypeAlias = Mapping[str, Any]

_EFFECTS = {
    "NoSchedule": TaintEffect.NO_SCHEDULE,
    "PreferNoSchedule": TaintEffect.PREFER_NO_SCHEDULE,
    "NoExecute": TaintEffect.NO_EXECUTE,
}
_FLAGS: Mapping[str, NodeStateFlag] = {
    "NetworkUnavailable": NodeStateFlag.NETWORK_UNAVAILABLE,
    "MemoryPressure": NodeStateFlag.UNDER_PRESSURE,
    "DiskPressure": NodeStateFlag.UNDER_PRESSURE,
    "PIDPressure": NodeStateFlag.UNDER_PRESSURE,
}
"""By the condition that holds."""
_OF_THE_NODE = frozenset({"DaemonSet", "Node"})
"""Who owns pods that belong to a node itself, whatever jobs there are: agents, and static pods."""
_RUN = re.compile(r"([0-9]+)")


def order(name: str) -> list[tuple[int, str]]:
    """Order names so that numbers in them count as numbers: ``cn2`` before ``cn10``."""
    return [(int(run) if run.isdigit() else 0, run) for run in _RUN.split(name)]


def node(found: Object, pods: Sequence[Object]) -> ClusterNode:
    """Return a node; ``pods`` are those on it that have not ended."""
    status = found["status"]
    info, addresses = status.get("nodeInfo") or {}, _addresses(status)
    has, gives = (requests.amounts(status.get(part)) for part in ("capacity", "allocatable"))
    asked = requests.requested(pods)
    trouble = _trouble(found)
    return ClusterNode(
        name=found["metadata"]["name"],
        state=_state(found, pods, gives, asked),
        state_flags=tuple(_flags(found)),
        backend_state=_own_words(found),
        reason=trouble.get("message", ""),
        reason_time=_moment(trouble.get("lastTransitionTime")),
        arch=info.get("architecture", ""),
        os=info.get("osImage", ""),
        version=info.get("kubeletVersion", ""),
        hostname=addresses.get("Hostname", ""),
        address=addresses.get("InternalIP", ""),
        cpus=math.floor(has.get("cpu", 0)),
        cpus_effective=math.floor(gives.get("cpu", 0)),
        cpus_allocated=math.ceil(asked.get("cpu", 0)),
        memory_bytes=math.floor(has.get("memory", 0)),
        memory_allocated_bytes=math.ceil(asked.get("memory", 0)),
        tmp_disk_bytes=math.floor(has.get("ephemeral-storage", 0)),
        gres=tuple(Gres(name, count=math.floor(has[name])) for name in _devices(has)),
        gres_used=tuple(
            Gres(name, count=math.ceil(asked[name])) for name in _devices(has) if asked.get(name)
        ),
        kubernetes=NodeParts(
            labels=found["metadata"].get("labels") or {},
            taints=tuple(map(_taint, found["spec"].get("taints") or ())),
            resources=tuple(_resources(has, gives, asked, len(pods))),
            pods=len(pods),
        ),
    )


# ------------------------------------------------------------------------------------- its state


def _state(
    found: Object,
    pods: Iterable[Object],
    gives: Mapping[str, Fraction],
    asked: Mapping[str, Fraction],
) -> NodeState:
    ready = pod_facts.condition(found, "Ready").get("status", "Unknown")
    if ready != "True":
        return NodeState.DOWN if ready == "False" else NodeState.UNKNOWN
    if any(asked.get(name, 0) >= amount > 0 for name, amount in gives.items()):
        return NodeState.ALLOCATED
    return NodeState.MIXED if any(map(_is_a_jobs, pods)) else NodeState.IDLE


def _is_a_jobs(pod: Object) -> bool:
    owners = pod["metadata"].get("ownerReferences") or ()
    return not any(owner["kind"] in _OF_THE_NODE for owner in owners)


def _flags(found: Object) -> list[NodeStateFlag]:
    flags = [NodeStateFlag.DRAIN] if found["spec"].get("unschedulable") else []
    flags += [flag for kind, flag in _FLAGS.items() if pod_facts.is_true(found, kind)]
    return list(dict.fromkeys(flags))


def _own_words(found: Object) -> str:
    ready = pod_facts.condition(found, "Ready")
    word = ("Ready" if ready["status"] == "True" else "NotReady") if ready else "Unknown"
    return f"{word},SchedulingDisabled" if found["spec"].get("unschedulable") else word


def _trouble(found: Object) -> Mapping[str, Any]:
    """Return the condition that tells why a node cannot be used, or what it is short of."""
    ready = pod_facts.condition(found, "Ready")
    if ready and ready["status"] != "True":
        return ready  # type: ignore[no-any-return]  # JSON
    held = (pod_facts.condition(found, kind) for kind in _FLAGS if pod_facts.is_true(found, kind))
    return next(held, {})


# ------------------------------------------------------------------------------------- its parts


def _addresses(status: Object) -> dict[str, str]:
    """Return the first address of each type."""
    listed = status.get("addresses") or ()
    return {one["type"]: one["address"] for one in reversed(listed)}


def _devices(has: Mapping[str, Fraction]) -> list[str]:
    """Return the names of extended resources: all but Kubernetes' own have a domain before them."""
    return sorted(name for name in has if "/" in name)


def _resources(
    has: Mapping[str, Fraction],
    gives: Mapping[str, Fraction],
    asked: Mapping[str, Fraction],
    pods: int,
) -> Iterable[NodeResource]:
    for name in sorted(has):
        wanted = Fraction(pods) if name == "pods" else asked.get(name, Fraction(0))
        yield NodeResource(
            name=name,
            capacity=quantities.whole(name, has[name]),
            allocatable=quantities.whole(name, gives.get(name, Fraction(0))),
            requested=quantities.whole(name, wanted, up=True),
        )


def _taint(found: Object) -> Taint:
    return Taint(
        key=found["key"],
        value=found.get("value", ""),
        effect=_EFFECTS.get(found.get("effect", "")),
        added_time=_moment(found.get("timeAdded")),
    )


def _moment(time: str | None) -> float | None:
    return seconds(time) if time else None
