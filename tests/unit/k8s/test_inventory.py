"""Nodes, and what pods request, from objects as an API server has them."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcagent.jobs.nodes import NodeState, NodeStateFlag
from hpcagent.k8s import quantities
from hpcagent.k8s.inventory import requests
from hpcagent.k8s.inventory.nodes import node, order

READY = {"type": "Ready", "status": "True"}


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", 0),
        ("4", 4),
        ("1500m", Fraction(3, 2)),
        ("100n", Fraction(1, 10_000_000)),
        ("0.5", Fraction(1, 2)),
        (".5", Fraction(1, 2)),
        ("5.", 5),
        ("4Gi", 4 << 30),
        ("1.5Gi", 3 << 29),
        ("4G", 4_000_000_000),
        ("2k", 2000),
        ("12E", 12 * 10**18),
        ("12e3", 12_000),
        ("1E2", 100),
        ("-3", -3),
    ],
)
def test_quantities_are_read_as_kubernetes_writes_them(text: str, amount: Fraction) -> None:
    assert quantities.read(text) == amount


@pytest.mark.parametrize("text", ["", "Gi", "1ki", "1Q", "1 ", " 1", "1e1000", "0x1", "1_0", "²"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no Quantity"):
        quantities.read(text)


@given(st.integers(0, quantities.MAX))
def test_what_is_written_is_read_back(amount: int) -> None:
    assert quantities.whole("cpu", quantities.read(quantities.cpu(amount))) == amount
    assert quantities.whole("memory", quantities.read(quantities.memory(amount))) == amount


def test_a_rest_counts_where_it_is_requested_and_not_where_it_is_offered() -> None:
    third = Fraction(1, 3)
    assert quantities.whole("cpu", third) == 333
    assert quantities.whole("requests.cpu", third, up=True) == 334
    assert quantities.whole("memory", third) == 0
    assert quantities.whole("memory", third, up=True) == 1
    assert quantities.whole("memory", Fraction(-1)) == 0
    assert quantities.whole("memory", Fraction(1 << 70)) == quantities.MAX


def container(cpu: str, limit: str = "", **more: str) -> dict[str, Any]:
    """A container that requests CPUs."""
    return {"resources": {"requests": {"cpu": cpu}, "limits": {"cpu": limit} if limit else {}}} | (
        dict(more)
    )


def pod(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:  # noqa: ANN401 - of a pod
    return {"metadata": {"name": "p"}, "spec": {"containers": list(containers), **spec}}


# As Kubernetes' documentation of sidecars tells: what runs at once counts, and the most of it.
@pytest.mark.parametrize(
    ("one", "cpus"),
    [
        (pod(container("1"), container("2")), 3),
        (pod(container("1"), initContainers=[container("5")]), 5),
        (pod(container("4"), initContainers=[container("5"), container("3")]), 5),
        (pod(container("1"), initContainers=[container("2", restartPolicy="Always")]), 3),
        (
            pod(
                container("1"),
                initContainers=[container("2", restartPolicy="Always"), container("5")],
            ),
            7,
        ),
        (
            pod(
                container("1"),
                initContainers=[container("5"), container("2", restartPolicy="Always")],
            ),
            5,
        ),
        (pod(container("1"), overhead={"cpu": "500m"}), Fraction(3, 2)),
        (pod(container("1"), resources={"requests": {"cpu": "8"}}), 8),
        (pod({}), 0),
    ],
)
def test_a_pod_requests_the_most_that_runs_at_once(one: dict[str, Any], cpus: Fraction) -> None:
    assert requests.requested([one]).get("cpu", 0) == cpus
    assert requests.requested([one, one]).get("cpu", 0) == 2 * cpus


def test_one_pod_without_a_limit_leaves_all_of_them_without() -> None:
    limited, open_ended = pod(container("1", "2")), pod(container("1"))
    assert requests.limits([limited, limited]) == {"cpu": 4}
    assert requests.limits([limited, open_ended]) == {}
    whole = pod(container("1"), resources={"limits": {"cpu": "3"}})
    assert requests.limits([limited, whole]) == {"cpu": 5}


def a_node(*conditions: dict[str, Any], unschedulable: bool = False) -> dict[str, Any]:
    """A node of four CPUs and two GPUs, one of which pods cannot have."""
    return {
        "metadata": {"name": "n1", "labels": {"disk": "ssd"}},
        "spec": {"unschedulable": unschedulable},
        "status": {
            "conditions": list(conditions),
            "capacity": {"cpu": "4", "memory": "8Gi", "pods": "110", "nvidia.com/gpu": "2"},
            "allocatable": {"cpu": "3500m", "memory": "7Gi", "pods": "110", "nvidia.com/gpu": "1"},
        },
    }


@pytest.mark.parametrize(
    ("status", "state", "word"),
    [
        ("True", NodeState.IDLE, "Ready"),
        ("False", NodeState.DOWN, "NotReady"),
        ("Unknown", NodeState.UNKNOWN, "NotReady"),
    ],
)
def test_the_condition_ready_decides(status: str, state: NodeState, word: str) -> None:
    time = "2026-11-25T08:00:00Z"
    ready = {**READY, "status": status, "message": "words", "lastTransitionTime": time}
    found = node(a_node(ready), [])
    assert (found.state, found.backend_state) == (state, word)
    told = ("", None) if status == "True" else ("words", 1795593600.0)
    assert (found.reason, found.reason_time) == told


def test_a_node_that_has_said_nothing_is_unknown() -> None:
    found = node(a_node(), [])
    assert (found.state, found.backend_state, found.reason) == (NodeState.UNKNOWN, "Unknown", "")


def test_pods_make_a_node_mixed_and_all_of_a_resource_makes_it_allocated() -> None:
    assert node(a_node(READY), [pod(container("1"))]).state is NodeState.MIXED
    assert node(a_node(READY), [pod(container("3500m"))]).state is NodeState.ALLOCATED
    gpu = {"resources": {"requests": {"nvidia.com/gpu": "1"}}}
    found = node(a_node(READY), [pod(gpu)])
    assert found.state is NodeState.ALLOCATED
    assert [(one.name, one.count) for one in found.gres] == [("nvidia.com/gpu", 2)]
    assert [(one.name, one.count) for one in found.gres_used] == [("nvidia.com/gpu", 1)]


@pytest.mark.parametrize("owner", ["DaemonSet", "Node"])
def test_pods_of_the_node_itself_are_no_jobs(owner: str) -> None:
    own = pod(container("100m"))
    own["metadata"]["ownerReferences"] = [{"kind": owner, "name": "proxy"}]
    found = node(a_node(READY), [own])
    assert (found.state, found.cpus_allocated, found.kubernetes.pods) == (NodeState.IDLE, 1, 1)


def test_a_cordoned_node_under_pressure_says_both() -> None:
    pressure = {"type": "DiskPressure", "status": "True", "message": "disk is full"}
    found = node(a_node(READY, pressure, unschedulable=True), [])
    assert found.state_flags == (NodeStateFlag.DRAIN, NodeStateFlag.UNDER_PRESSURE)
    assert found.backend_state == "Ready,SchedulingDisabled"
    assert found.reason == "disk is full"


def test_numbers_in_names_count_as_numbers() -> None:
    names = ["cn10", "cn2", "cn1-b", "cn1", "gpu", "cn02"]
    assert sorted(names, key=order) == ["cn1", "cn1-b", "cn02", "cn2", "cn10", "gpu"]
