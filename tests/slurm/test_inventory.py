"""What the agent tells of a cluster's parts, held against scontrol, sinfo and sdiag."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from fix_daemon import Daemon
from server.refusals import refusal
from slurm.caller import Caller, calling
from slurm_commands import command, wait_until

from hpcagent.sandbox import Sandbox
from hpcagent.v1 import cluster_pb2
from hpcagent.v1.cluster_pb2 import (
    GetClusterRequest,
    ListAccountsRequest,
    ListLicensesRequest,
    ListNodesRequest,
    ListPartitionsRequest,
    ListReservationsRequest,
    NodeFilter,
)
from hpcagent.v1.job_pb2 import JOB_STATE_RUNNING
from hpcagent.v1.slurm_agent_pb2_grpc import SlurmAgentStub

MIB = 1 << 20
MANY = 40

Facts = dict[str, str]


def shown(sandbox: Sandbox, kind: str) -> dict[str, Facts]:
    """What `scontrol --oneliner show` tells, by the name of each."""
    lines = command(sandbox, "scontrol", "--oneliner", "show", kind).stdout.splitlines()
    found = [dict(re.findall(r"(\w+)=(.*?)(?= \w+=|$)", line)) for line in lines if "=" in line]
    return {next(iter(facts.values())): facts for facts in found}


@pytest.fixture(scope="module")
def busy(caller: Caller) -> Iterator[Caller]:
    """Somebody uses a part of a node, and a GPU of it."""
    job = caller.run(
        "sleep 600",
        nodelist="node1", ntasks=3, mem_bytes=512 * MIB, gres=[{"name": "gpu", "count": 1}],
    )  # fmt: skip
    caller.wait(job, JOB_STATE_RUNNING)
    yield caller
    caller.cancel(job)


def fresh_nodes(daemon: Daemon, condition: Callable[[cluster_pb2.Node], bool]) -> None:
    """Wait until a look at the first node is new enough to show what has been done."""

    def seen() -> bool:
        return condition(daemon.stub.ListNodes(ListNodesRequest()).nodes[0])

    wait_until(seen, "a new look at the nodes")


# ------------------------------------------------------------------------------- nodes


def test_nodes_are_told_as_scontrol_shows_them(
    daemon: Daemon, busy: Caller, sandbox: Sandbox
) -> None:
    fresh_nodes(daemon, lambda node: node.cpus_allocated == 3)
    page = daemon.stub.ListNodes(ListNodesRequest())
    wanted = shown(sandbox, "nodes")
    assert [node.name for node in page.nodes] == sorted(wanted)
    for node in page.nodes:
        facts = wanted[node.name]
        assert node.backend_state == facts["State"]
        assert (node.cpus, node.cpus_allocated) == (int(facts["CPUTot"]), int(facts["CPUAlloc"]))
        assert node.memory_bytes == int(facts["RealMemory"]) * MIB
        assert node.memory_allocated_bytes == int(facts["AllocMem"]) * MIB
        assert list(node.active_features) == facts["ActiveFeatures"].split(",")
        assert sorted(node.partitions) == sorted(facts["Partitions"].strip().split(","))
        assert (node.hostname, node.version) == (facts["NodeHostName"], facts["Version"].strip())
        assert node.os == facts["OS"].strip()
        assert node.weight == int(facts["Weight"])
    first, second = page.nodes
    assert (first.state, second.state) == (
        cluster_pb2.NODE_STATE_MIXED,
        cluster_pb2.NODE_STATE_IDLE,
    )
    assert page.as_of_time.seconds


def test_a_nodes_gres_are_told_with_those_in_use(daemon: Daemon, busy: Caller) -> None:
    fresh_nodes(daemon, lambda node: node.cpus_allocated == 3)
    node = daemon.stub.ListNodes(ListNodesRequest()).nodes[0]
    (gpu,), (used,) = node.gres, node.gres_used
    assert (gpu.name, gpu.type, gpu.count) == ("gpu", "tesla", 2)
    assert (used.name, used.type, used.count) == ("gpu", "tesla", 1)
    allocated = {(one.type, one.name): one.count for one in node.allocated_tres}
    assert allocated["cpu", ""] == 3
    assert allocated["mem", ""] == 512 * MIB


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ({}, ["node1", "node2"]),
        ({"names": ["node[1-2]"]}, ["node1", "node2"]),
        ({"names": ["node2", "node7"]}, ["node2"]),
        ({"partitions": ["debug"]}, ["node1", "node2"]),
        ({"partitions": ["nowhere"]}, []),
        ({"features": ["avx512", "fast"]}, ["node1"]),
        ({"features": ["slow", "fast"]}, []),
        ({"states": [cluster_pb2.NODE_STATE_DOWN]}, []),
        ({"states": [cluster_pb2.NODE_STATE_UNSPECIFIED]}, ["node1", "node2"]),
    ],
)
def test_a_filter_keeps_the_nodes_that_match_it(
    daemon: Daemon, conditions: dict[str, list[str]], found: list[str]
) -> None:
    wanted = NodeFilter(**conditions)  # type: ignore[arg-type]
    page = daemon.stub.ListNodes(ListNodesRequest(filter=wanted))
    assert [node.name for node in page.nodes] == found


def test_nodes_are_read_page_by_page(daemon: Daemon) -> None:
    first = daemon.stub.ListNodes(ListNodesRequest(page_size=1))
    asked = ListNodesRequest(page_size=1, page_token=first.next_page_token)
    second = daemon.stub.ListNodes(asked)
    assert [node.name for page in (first, second) for node in page.nodes] == ["node1", "node2"]
    assert second.next_page_token == ""


def test_a_drained_node_says_who_drained_it_and_why(private_daemon: Daemon) -> None:
    private_daemon.wait_until_serving()
    sandbox = private_daemon.sandbox
    command(
        sandbox, "scontrol", "update", "NodeName=node1", "State=DRAIN", "Reason=new memory, soon"
    )
    fresh_nodes(private_daemon, lambda node: bool(node.reason))
    page = private_daemon.stub.ListNodes(ListNodesRequest())
    node, other = page.nodes
    assert (node.reason, node.reason_user_id, node.reason_user) == ("new memory, soon", 0, "root")
    assert node.reason_time.seconds
    assert (node.state, list(node.state_flags)) == (
        cluster_pb2.NODE_STATE_IDLE,
        [cluster_pb2.NODE_STATE_FLAG_DRAIN],
    )
    assert node.backend_state == shown(sandbox, "nodes")["node1"]["State"] == "IDLE+DRAIN"
    assert not other.reason
    assert {"reason_time", "reason_user_id"}.isdisjoint(f.name for f, _ in other.ListFields())
    partition = private_daemon.stub.ListPartitions(ListPartitionsRequest(names=["power"]))
    (power,) = partition.partitions
    assert (power.nodes_idle, power.nodes_other) == (1, 1)


# ------------------------------------------------------------------------------- partitions


def test_partitions_are_told_as_scontrol_shows_them(daemon: Daemon, sandbox: Sandbox) -> None:
    page = daemon.stub.ListPartitions(ListPartitionsRequest())
    wanted = shown(sandbox, "partitions")
    assert [partition.name for partition in page.partitions] == sorted(wanted)
    for partition in page.partitions:
        facts = wanted[partition.name]
        state = cluster_pb2.PartitionState.Name(partition.state)
        assert state == f"PARTITION_STATE_{facts['State']}"
        assert partition.is_default == (facts["Default"] == "YES")
        assert partition.root_only == (facts["RootOnly"] == "YES")
        assert (partition.nodes, partition.cpus) == (
            int(facts["TotalNodes"]),
            int(facts["TotalCPUs"]),
        )
        assert partition.node_list == facts["Nodes"]
        assert ",".join(partition.allow_groups) == facts["AllowGroups"].replace("ALL", "")
        assert not partition.HasField("max_nodes")
    short = page.partitions[[one.name for one in page.partitions].index("short")]
    assert short.max_time.value.seconds == 60
    assert page.partitions[0].max_time.HasField("value") != page.partitions[3].max_time.HasField(
        "value"
    )


def test_a_partitions_use_is_counted_as_sinfo_does(
    daemon: Daemon, busy: Caller, sandbox: Sandbox
) -> None:
    fresh_nodes(daemon, lambda node: node.cpus_allocated == 3)
    page = daemon.stub.ListPartitions(ListPartitionsRequest())
    told = command(sandbox, "sinfo", "--noheader", "--format=%R %C %F").stdout.splitlines()
    wanted = {name: (cpus, nodes) for name, cpus, nodes in map(str.split, told)}
    for one in page.partitions:
        cpus = f"{one.cpus_allocated}/{one.cpus_idle}/{one.cpus_other}/{one.cpus}"
        nodes = f"{one.nodes_allocated}/{one.nodes_idle}/{one.nodes_other}/{one.nodes}"
        assert (cpus, nodes) == wanted[one.name]


def test_partitions_of_given_names_only(daemon: Daemon) -> None:
    page = daemon.stub.ListPartitions(ListPartitionsRequest(names=["short", "nowhere"]))
    assert [partition.name for partition in page.partitions] == ["short"]


# ------------------------------------------------------------------------------- the rest


def test_licenses_are_told_with_those_in_use(daemon: Daemon, sandbox: Sandbox) -> None:
    page = daemon.stub.ListLicenses(ListLicensesRequest())
    wanted = shown(sandbox, "licenses")
    assert {one.name: (one.total, one.used, one.free) for one in page.licenses} == {
        name: (int(facts["Total"]), int(facts["Used"]), int(facts["Free"]))
        for name, facts in wanted.items()
    }
    assert not page.licenses[0].HasField("last_consumed")


def test_a_reservation_is_told_with_its_nodes_users_and_flags(private_daemon: Daemon) -> None:
    private_daemon.wait_until_serving()
    sandbox = private_daemon.sandbox
    assert not private_daemon.stub.ListReservations(ListReservationsRequest()).reservations
    made = ("ReservationName=weekly", "StartTime=now", "Duration=60", "Users=alice,bob",
            "Nodes=node2", "Flags=WEEKLY,IGNORE_JOBS")  # fmt: skip
    command(sandbox, "scontrol", "create", *made)
    wait_until(
        lambda: bool(private_daemon.stub.ListReservations(ListReservationsRequest()).reservations),
        "a new look at the reservations",
    )
    (one,) = private_daemon.stub.ListReservations(ListReservationsRequest()).reservations
    facts = shown(sandbox, "reservations")["weekly"]
    assert (one.name, one.active, list(one.users)) == ("weekly", True, ["alice", "bob"])
    assert (one.node_list, one.nodes, one.cores) == ("node2", 1, int(facts["CoreCnt"]))
    assert ",".join(one.flags) == facts["Flags"]
    assert one.end_time.seconds - one.start_time.seconds == 3600
    assert not one.HasField("purge_after")
    other = private_daemon.stub.ListReservations(ListReservationsRequest(names=["none"]))
    assert not other.reservations


def test_a_cluster_tells_its_configuration_and_its_controller(
    daemon: Daemon, sandbox: Sandbox
) -> None:
    cluster = daemon.stub.GetCluster(GetClusterRequest())
    assert (cluster.name, cluster.accounting) == ("sandbox", False)
    assert cluster.version in command(sandbox, "scontrol", "--version").stdout
    (controller,) = cluster.controllers
    assert (controller.index, controller.responding, controller.error) == (0, True, "")
    assert 0 < controller.latency.ToTimedelta().total_seconds() < 10
    assert (cluster.select_type, cluster.scheduler_type, cluster.priority_type) == (
        "select/cons_tres",
        "sched/backfill",
        "priority/basic",
    )
    assert (cluster.max_job_count, cluster.min_job_age.seconds) == (100_000, 300)
    assert cluster.boot_time.seconds <= cluster.as_of_time.seconds


def test_a_clusters_statistics_are_those_of_sdiag(private_daemon: Daemon) -> None:
    private_daemon.wait_until_serving()
    with calling(private_daemon.stub) as caller:
        caller.hold()
        caller.hold()
        caller.cancel(caller.hold())
    found = private_daemon.stub.GetCluster(GetClusterRequest()).statistics
    said = command(private_daemon.sandbox, "sdiag").stdout
    counts = dict(re.findall(r"^Jobs (\w+):\s+(\d+)$", said, re.MULTILINE))
    assert found.jobs_submitted == int(counts["submitted"]) == 3
    kinds = {rpc.type: rpc.count for rpc in found.rpcs}
    assert kinds["REQUEST_SUBMIT_BATCH_JOB"] == 3
    for name in re.findall(r"^\s+(REQUEST_\w+|MESSAGE_\w+) ", said, re.MULTILINE):
        assert name in kinds or name == "REQUEST_STATS_INFO"
    assert [rpc.count for rpc in found.rpcs] == sorted(kinds.values(), reverse=True)
    root = {rpc.user: rpc.user_id for rpc in found.rpcs_by_user}
    assert root["root"] == 0


def test_a_cluster_is_told_of_while_its_controller_is_down(private_daemon: Daemon) -> None:
    private_daemon.wait_until_serving()
    private_daemon.sandbox.slurmctld.stop()
    private_daemon.wait_until_serving(False)
    wait_until(
        lambda: not private_daemon.stub.GetCluster(GetClusterRequest()).controllers[0].responding,
        "the controller is down",
    )
    cluster = private_daemon.stub.GetCluster(GetClusterRequest())
    (controller,) = cluster.controllers
    assert (cluster.name, controller.responding) == ("sandbox", False)
    assert controller.error
    assert not cluster.HasField("statistics")
    told = refusal(lambda: private_daemon.stub.ListNodes(ListNodesRequest()))
    assert (told.code.name, told.reason) == ("UNAVAILABLE", "SLURMCTLD_UNAVAILABLE")


def test_accounts_without_accounting_are_an_honest_error(daemon: Daemon) -> None:
    told = refusal(lambda: daemon.stub.ListAccounts(ListAccountsRequest()))
    assert (told.code.name, told.reason) == ("FAILED_PRECONDITION", "ACCOUNTING_NOT_CONFIGURED")


def test_many_callers_make_slurmctld_no_more_work_than_one(daemon: Daemon) -> None:
    def nodes_rpcs() -> int:
        def told() -> int:
            rpcs = daemon.stub.GetCluster(GetClusterRequest()).statistics.rpcs
            return next((rpc.count for rpc in rpcs if rpc.type == "REQUEST_NODE_INFO"), 0)

        before = told()
        wait_until(lambda: told() >= before, "a look at the statistics")
        return told()

    fresh_nodes(daemon, lambda _: True)
    before = nodes_rpcs()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: daemon.stub.ListNodes(ListNodesRequest()), range(MANY)))
    assert nodes_rpcs() - before <= MANY / 4


def asked_wrongly(stub: SlurmAgentStub) -> dict[str, Callable[[], object]]:
    other = "elsewhere"
    return {
        "GetCluster": lambda: stub.GetCluster(GetClusterRequest(cluster=other)),
        "ListPartitions": lambda: stub.ListPartitions(ListPartitionsRequest(cluster=other)),
        "ListNodes": lambda: stub.ListNodes(ListNodesRequest(cluster=other)),
        "ListReservations": lambda: stub.ListReservations(ListReservationsRequest(cluster=other)),
        "ListLicenses": lambda: stub.ListLicenses(ListLicensesRequest(cluster=other)),
        "ListAccounts": lambda: stub.ListAccounts(ListAccountsRequest(cluster=other)),
    }


def test_another_cluster_is_refused_everywhere(daemon: Daemon) -> None:
    for call in asked_wrongly(daemon.stub).values():
        assert refusal(call).violations == {"cluster": "OTHER_CLUSTER"}


def test_every_fault_of_a_list_is_told_at_once(daemon: Daemon) -> None:
    states: list[Any] = [99]
    wanted = NodeFilter(names=[""], states=states, labels={"a": "b"})
    asked = ListNodesRequest(filter=wanted, page_size=-1, page_token="?")  # noqa: S106 - no secret
    told = refusal(lambda: daemon.stub.ListNodes(asked))
    assert told.code == grpc.StatusCode.INVALID_ARGUMENT
    assert told.violations == {
        "filter.names[0]": "EMPTY",
        "filter.states[0]": "UNKNOWN_VALUE",
        "filter.labels": "FIELD_NOT_SUPPORTED",
        "page_size": "OUT_OF_RANGE",
        "page_token": "PAGE_TOKEN_FORM",
    }


def test_a_hostlist_that_is_none_is_named(daemon: Daemon) -> None:
    wanted = NodeFilter(names=["node1", "node[1-"])
    told = refusal(lambda: daemon.stub.ListNodes(ListNodesRequest(filter=wanted)))
    assert told.violations == {"filter.names[1]": "HOSTLIST_FORM"}


def test_a_token_is_good_for_its_own_list_only(daemon: Daemon) -> None:
    token = daemon.stub.ListPartitions(ListPartitionsRequest(page_size=1)).next_page_token
    asked = ListPartitionsRequest(names=["short"], page_token=token)
    told = refusal(lambda: daemon.stub.ListPartitions(asked))
    assert told.violations == {"page_token": "PAGE_TOKEN_MISMATCH"}
