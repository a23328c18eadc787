import pytest
from native.child import Child, Raised
from slurm_commands import command

from hpcagent.sandbox import Sandbox

SHOW_ALL, SHOW_DETAIL = 1, 2
LOADERS = ["load_nodes", "load_reservations", "load_licenses", "get_statistics", "load_assoc_mgr"]


@pytest.mark.parametrize("loader", LOADERS)
def test_a_call_before_the_start_is_refused(offline: Child, loader: str) -> None:
    with pytest.raises(Raised, match="RuntimeError"):
        offline.call(loader)


@pytest.mark.parametrize("loader", LOADERS)
def test_a_member_that_there_is_not_is_refused_by_name(native: Child, loader: str) -> None:
    with pytest.raises(Raised, match="UnknownMemberError") as refused:
        native.call(loader, members=["colour"])
    assert refused.value.attributes["member"] == "colour"


def test_a_node_knows_its_partitions_and_what_jobs_have_of_it(native: Child) -> None:
    found = native.call(
        "load_nodes", members=["name", "partitions"], partition_members=["name"], flags=SHOW_ALL
    )
    names = [partition["name"] for partition in found["partitions"]]
    assert {"power", "debug", "down"} < set(names)
    node = found["nodes"][0]
    assert node["name"] == "node1"
    assert set(node["partitions"].split(",")) == set(names)
    assert {"alloc_cpus", "alloc_memory", "alloc_tres_fmt_str"} < node.keys()
    assert found["partitions"][0].keys() == {"name", "job_defaults"}


def test_defaults_of_a_partitions_jobs_are_read(private_sandbox: Sandbox) -> None:
    defaults = "JobDefaults=DefCpuPerGPU=4,DefMemPerGPU=2000"
    command(private_sandbox, "scontrol", "update", "PartitionName=debug", defaults)
    with Child(private_sandbox.env) as child:
        child.call("init", str(private_sandbox.conf))
        found = child.call("load_nodes", partition_members=["name"])["partitions"]
    assert {one["name"]: one["job_defaults"] for one in found}["debug"] == [[1, 4], [2, 2000]]


def test_licenses_are_read(native: Child) -> None:
    licenses = native.call("load_licenses", members=["name", "total"], flags=SHOW_ALL)
    assert {one["name"]: one["total"] for one in licenses} == {"matlab": 4, "fluent": 2}


def test_statistics_have_vectors_as_long_as_each_other(native: Child) -> None:
    vectors = [f"rpc_type_{what}" for what in ("id", "cnt", "time")]
    found = native.call("get_statistics", members=["rpc_type_size", *vectors])
    assert {len(found[name]) for name in vectors} == {found["rpc_type_size"]}
    assert sum(found["rpc_type_cnt"]) > 0


def test_without_accounting_there_are_no_associations(native: Child) -> None:
    found = native.call("load_assoc_mgr")
    assert (found["associations"], found["qos"]) == ([], [])
    assert found["tres_names"][:2] == ["cpu", "mem"]
