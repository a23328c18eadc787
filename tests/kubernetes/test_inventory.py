"""What K8sAgent tells of clusters themselves, on a real Kubernetes, with the roles of docs/."""

import grpc
import pytest
from fix_kubernetes import Agent
from fix_task_daemon import CLUSTER, TaskDaemon
from kubernetes_tasks import PATIENCE, manifests, named, soon, task, until
from server.refusals import refusal

from hpcagent.jobs.cluster import Page
from hpcagent.jobs.errors import Forbidden
from hpcagent.jobs.kubernetes import ClusterNode, ClusterNodeFilter, Namespace
from hpcagent.jobs.model import JobState
from hpcagent.jobs.nodes import NodeState, NodeStateFlag
from hpcagent.jobs.task import TaskResources
from hpcagent.k8s import unit
from hpcagent.k8s.client import ApiServer
from hpcagent.k8s.inventory.reading import KubernetesInventory
from hpcagent.v1 import cluster_pb2


@pytest.fixture
def inventory(server: ApiServer, agent: Agent) -> KubernetesInventory:
    return KubernetesInventory(lambda _: server, [agent.namespace])


def nodes(inventory: KubernetesInventory, **wanted: object) -> Page[ClusterNode]:
    """The first nodes that match."""
    return inventory.nodes("", ClusterNodeFilter(**wanted), 10, "", soon())  # type: ignore[arg-type]


def namespace(inventory: KubernetesInventory) -> Namespace:
    """The test's own."""
    (found,) = inventory.namespaces("", (), 10, "", soon()).items
    return found


def test_nodes_are_told_with_what_they_have(
    inventory: KubernetesInventory, everywhere: None
) -> None:
    found = nodes(inventory).items
    assert len(found) >= 2
    first = found[0]
    assert first.backend_state.startswith("Ready")
    assert first.version
    assert first.cpus > 0
    assert first.memory_bytes > 0
    assert {"cpu", "memory", "pods"} <= {one.name for one in first.kubernetes.resources}
    assert first.kubernetes.labels["kubernetes.io/hostname"] == first.name


def test_nodes_are_chosen_by_name_state_and_label_and_told_page_by_page(
    inventory: KubernetesInventory, everywhere: None
) -> None:
    names = [one.name for one in nodes(inventory).items][:2]
    (by_name,) = nodes(inventory, names=(names[1],)).items
    assert by_name.name == names[1]
    (by_label,) = nodes(inventory, labels={"kubernetes.io/hostname": names[0]}).items
    assert by_label.name == names[0]
    assert nodes(inventory, states=(NodeState.DOWN,)).items == ()
    both = ClusterNodeFilter(names=tuple(names))
    first = inventory.nodes("", both, 1, "", soon())
    assert first.next_name == names[0]
    rest = inventory.nodes("", both, 10, names[0], soon())
    assert [one.name for one in (*first.items, *rest.items)] == names


def test_what_runs_on_a_node_and_in_a_namespace_is_counted(
    server: ApiServer, agent: Agent, inventory: KubernetesInventory, everywhere: None
) -> None:
    agent.quota({"requests.cpu": "5", "limits.memory": "1Gi", "pods": "10"})
    spec = task("t", resources=TaskResources(cpu_millis=1250, memory_bytes=1 << 26))
    unit.create(server, manifests(spec, agent.namespace), soon())
    job = until(server, named(spec, agent.namespace), lambda one: one.state is JobState.RUNNING)
    (node,) = nodes(inventory, names=(job.node_list,)).items
    assert node.state in {NodeState.MIXED, NodeState.ALLOCATED}
    (cpu,) = [one for one in node.kubernetes.resources if one.name == "cpu"]
    assert cpu.requested >= 1250
    assert node.cpus_allocated >= 2
    assert node.kubernetes.pods >= 1
    found = namespace(inventory)
    assert (found.name, found.pods, found.terminating) == (agent.namespace, 1, False)
    assert {one.name: (one.requested, one.limit) for one in found.use} == {
        "cpu": (1250, 1250),
        "memory": (1 << 26, 1 << 26),
    }
    (quota,) = found.quotas
    assert {one.name: (one.hard, one.used) for one in quota.resources} == {
        "limits.memory": (1 << 30, 1 << 26),
        "pods": (10, 1),
        "requests.cpu": (5000, 1250),
    }


def test_without_the_rights_in_the_whole_cluster_both_are_refused_in_rbacs_words(
    inventory: KubernetesInventory,
) -> None:
    with pytest.raises(Forbidden, match='cannot list resource "nodes"'):
        nodes(inventory)
    with pytest.raises(Forbidden, match='cannot get resource "namespaces"'):
        namespace(inventory)


def test_a_namespace_that_is_not_there_is_left_out(server: ApiServer, agent: Agent) -> None:
    admin = ApiServer("test", agent.admin_access, pool=1, longest=30)
    both = KubernetesInventory(lambda _: admin, ["none-such", agent.namespace])
    found = both.namespaces("", (), 10, "", soon()).items
    admin.close()
    assert [one.name for one in found] == [agent.namespace]


def test_a_cordoned_node_is_told_as_drained(
    agent: Agent, inventory: KubernetesInventory, everywhere: None
) -> None:
    name = f"cordoned-{agent.namespace}"
    body = {"metadata": {"name": name}, "spec": {"unschedulable": True}}
    agent.cluster.call("POST", "/api/v1/nodes", body)
    (found,) = nodes(inventory, names=(name,)).items
    agent.cluster.call("DELETE", f"/api/v1/nodes/{name}")
    assert found.state_flags == (NodeStateFlag.DRAIN,)
    assert found.state is NodeState.UNKNOWN


def test_the_service_tells_of_the_cluster_its_nodes_and_its_namespaces(
    task_daemon: TaskDaemon,
) -> None:
    stub = task_daemon.stub
    cluster = stub.GetCluster(cluster_pb2.GetClusterRequest(), timeout=PATIENCE)
    (controller,) = cluster.controllers
    assert cluster.name == CLUSTER
    assert cluster.version.startswith("v1.")
    assert cluster.platform == "linux/amd64"
    assert (controller.host, controller.responding) == (task_daemon.agent.access.server, True)
    with task_daemon.agent.rights_everywhere():
        page = stub.ListNodes(cluster_pb2.ListNodesRequest(page_size=1), timeout=PATIENCE)
        (node,) = page.nodes
        more = stub.ListNodes(
            cluster_pb2.ListNodesRequest(page_size=1, page_token=page.next_page_token),
            timeout=PATIENCE,
        )
        assert node.name < more.nodes[0].name
        assert node.kubernetes.labels["kubernetes.io/hostname"] == node.name
        asked = cluster_pb2.ListNamespacesRequest(names=[task_daemon.namespace])
        (found,) = stub.ListNamespaces(asked, timeout=PATIENCE).namespaces
        assert found.name == task_daemon.namespace


def test_what_kubernetes_has_not_and_clusters_that_are_unknown_are_refused(
    task_daemon: TaskDaemon,
) -> None:
    stub = task_daemon.stub
    asked = cluster_pb2.ListNodesRequest(
        filter=cluster_pb2.NodeFilter(partitions=["p"], features=["f"]), page_size=-1
    )
    told = refusal(lambda: stub.ListNodes(asked, timeout=PATIENCE))
    assert told.code is grpc.StatusCode.INVALID_ARGUMENT
    assert set(told.violations) == {"filter.partitions", "filter.features", "page_size"}
    for call, kind in (
        (stub.GetCluster, cluster_pb2.GetClusterRequest),
        (stub.ListNodes, cluster_pb2.ListNodesRequest),
        (stub.ListNamespaces, cluster_pb2.ListNamespacesRequest),
    ):
        other = refusal(lambda call=call, kind=kind: call(kind(cluster="x"), timeout=PATIENCE))  # type: ignore[misc]
        assert (other.code, other.reason) == (grpc.StatusCode.NOT_FOUND, "CLUSTER_UNKNOWN")


def test_a_cluster_whose_api_server_is_away_is_told_so(agent: Agent) -> None:
    import msgspec  # noqa: PLC0415

    access = msgspec.structs.replace(agent.access, server="https://127.0.0.1:1")
    away = ApiServer("test", access, pool=1, longest=5)
    status = KubernetesInventory(lambda _: away, []).status("", soon())
    (controller,) = status.controllers
    assert (controller.host, controller.responding, status.version) == (access.server, False, "")
    assert "cannot be reached" in controller.error
