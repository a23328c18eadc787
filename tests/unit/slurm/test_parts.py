"""How records of nodes, partitions, reservations and accounts are read."""

import math
from typing import Any

import pytest

from hpcagent.jobs.cluster import OverSubscribe, PartitionMemory
from hpcagent.jobs.model import Tres
from hpcagent.jobs.nodes import NodeState, NodeStateFlag
from hpcagent.jobs.spec import Gres
from hpcagent.slurm.inventory import associations, nodes, partitions, reservations, rpc_names
from hpcagent.slurm.inventory.associations import Context

RELEASE = (22, 5, 8)


def node(**members: object) -> dict[str, Any]:
    """A record of a node that is idle, with 8 CPUs."""
    texts = dict.fromkeys(nodes.MEMBERS, None)
    numbers = {"node_state": 2, "cpus": 8, "cpus_efctv": 8, "alloc_cpus": 0, "alloc_memory": 0}
    return {**texts, "alloc_tres_fmt_str": None, "name": "cn1", **numbers, **members}


def partition(**members: object) -> dict[str, Any]:
    """A record of a partition without nodes."""
    texts = dict.fromkeys(partitions.MEMBERS, None)
    return {**texts, "name": "p", "state_up": 3, "max_share": 1, "job_defaults": [], **members}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ()),
        ("gpu:2", (Gres("gpu", "", 2),)),
        ("gpu:tesla:2(S:0-1)", (Gres("gpu", "tesla", 2),)),
        ("gpu:tesla:0(IDX:N/A)", (Gres("gpu", "tesla", 0),)),
        ("gpu:(null):1(IDX:0)", (Gres("gpu", "", 1),)),
        ("gpu:a100:4(S:0,1),shard:8", (Gres("gpu", "a100", 4), Gres("shard", "", 8))),
        ("lustre:4K", (Gres("lustre", "", 4096),)),
        ("craynetwork", (Gres("craynetwork", "", 1),)),
    ],
)
def test_gres_are_read_as_slurmctld_writes_them(text: str, found: tuple[Gres, ...]) -> None:
    assert nodes.gres(text) == found


@pytest.mark.parametrize(
    ("members", "state", "words"),
    [
        ({}, NodeState.IDLE, "IDLE"),
        ({"alloc_cpus": 3}, NodeState.MIXED, "MIXED"),
        ({"node_state": 3, "alloc_cpus": 8}, NodeState.ALLOCATED, "ALLOCATED"),
        ({"node_state": 1 | 1 << 9 | 1 << 11}, NodeState.DOWN, "DOWN+DRAIN+NOT_RESPONDING"),
        ({"node_state": 15}, NodeState.UNKNOWN, "UNKNOWN"),
    ],
)
def test_a_nodes_state_is_told_as_scontrol_does(
    members: dict[str, object], state: NodeState, words: str
) -> None:
    found = nodes.node(node(**members), {}, RELEASE)
    assert (found.state, found.backend_state) == (state, words)


def test_a_bit_that_has_got_another_meaning_is_not_told_by_its_old_name() -> None:
    record = node(node_state=2 | 1 << 4)
    assert nodes.node(record, {}, RELEASE).state_flags == (NodeStateFlag.PERFCTRS,)
    assert nodes.node(record, {}, (25, 11, 0)).state_flags == ()


def test_every_flag_of_a_node_has_a_bit() -> None:
    ours = {NodeStateFlag.NETWORK_UNAVAILABLE, NodeStateFlag.UNDER_PRESSURE}
    assert {flag for flag, _ in nodes.FLAGS.values()} == set(NodeStateFlag) - ours


def test_a_release_that_tells_less_of_a_node_is_enough() -> None:
    record = node()
    for later in ("cpus_efctv", "extra", "comment", "resv_name", "resume_after", "last_busy"):
        del record[later]
    found = nodes.node(record, {}, RELEASE)
    assert (found.cpus_effective, found.reservation, found.resume_time) == (8, "", None)


@pytest.mark.parametrize(
    ("share", "found"),
    [
        (0, (OverSubscribe.EXCLUSIVE, 0)),
        (1, (OverSubscribe.NO, 0)),
        (4, (OverSubscribe.YES, 4)),
        (0x8004, (OverSubscribe.FORCE, 4)),
    ],
)
def test_oversubscription_is_read(share: int, found: tuple[OverSubscribe, int]) -> None:
    told = partitions.partition(partition(max_share=share), [])
    assert (told.over_subscribe, told.max_over_subscribe) == found


@pytest.mark.parametrize(
    ("amount", "found"),
    [
        (0, None),
        (None, None),
        (1 << 63, None),
        (1 << 63 | 2000, PartitionMemory(cpu_bytes=2000 << 20)),
        (4000, PartitionMemory(node_bytes=4000 << 20)),
    ],
)
def test_a_partitions_memory_is_for_each_cpu_or_node(
    amount: int | None, found: PartitionMemory | None
) -> None:
    assert partitions.partition(partition(max_mem_per_cpu=amount), []).max_memory == found


@pytest.mark.parametrize(
    ("bits", "words"),
    [(None, ""), (0, "off"), (0x8, "cancel"), (0x8001, "suspend,gang"), (0x4002, "requeue,within")],
)
def test_a_preempt_mode_is_told_in_slurms_words(bits: int | None, words: str) -> None:
    assert partitions.preempt_mode(bits) == words


def test_limits_of_a_partition_that_are_none_are_unset() -> None:
    limits = {"max_nodes": math.inf, "max_time": math.inf, "over_time_limit": math.inf}
    told = partitions.partition(partition(**limits, default_time=None), [])
    assert (told.max_nodes, told.max_time, told.over_time_limit) == (None, math.inf, math.inf)
    assert told.default_time is None


def test_a_reservation_without_end_has_none() -> None:
    record = dict.fromkeys(reservations.MEMBERS, None)
    record |= {"name": "for ever", "start_time": 10, "end_time": 0xFFFFFFFF, "flag_words": ""}
    found = reservations.reservation(record, now=20.0)
    assert (found.active, found.end_time) == (True, None)
    assert not reservations.reservation(record, now=5.0).active


CONTEXT = Context(("cpu", "mem", "gres/gpu"), {1: "normal", 2: "high"}, fairshare=False)


def association(**members: object) -> dict[str, Any]:
    """A record of alice's association without limits."""
    nothing = dict.fromkeys(associations.MEMBERS, None)
    lists = dict.fromkeys(
        ("grp_tres", "grp_tres_mins", "grp_tres_run_mins", "max_tres_pj", "max_tres_pn",
         "max_tres_mins_pj"), [math.inf] * 3,
    )  # fmt: skip
    who = {"id": 7, "acct": "physics", "user": "alice", "uid": 2001, "qos_ids": ["1", "2", "9"]}
    return {**nothing, **lists, **who, "usage": None, **members}


def test_limits_are_in_the_domains_units() -> None:
    limits = {"grp_tres": [10, 2048, math.inf], "max_wall_pj": 60, "grp_tres_mins": [5, None, 0]}
    found = associations.association(association(**limits, grp_jobs=math.inf, max_jobs=3), CONTEXT)
    assert found.limits.group_tres == (Tres("cpu", "", 10), Tres("mem", "", 2048 << 20))
    assert found.limits.max_wall_time_per_job == 3600
    assert (found.limits.group_jobs, found.limits.max_jobs) == (None, 3)
    minutes = [(one.type, one.name, one.minutes) for one in found.limits.group_tres_minutes]
    assert minutes == [("cpu", "", 5), ("gres", "gpu", 0)]


def test_an_association_names_its_qos() -> None:
    found = associations.association(association(def_qos_id=2), CONTEXT)
    assert (found.qos, found.default_qos) == (("high", "normal"), "high")


def test_use_is_in_minutes_and_leaves_out_what_is_not_used() -> None:
    usage = {"jobs": 2, "submit_jobs": 3, "tres": [4, 0, 1], "tres_run_secs": [600, 0, 59],
             "tres_secs": [120.5, 0.0, 0.0], "wall_secs": 90.2, "fs_factor": 0.5}  # fmt: skip
    found = associations.association(association(usage=usage), CONTEXT)
    assert found.use is not None
    assert found.use.tres == (Tres("cpu", "", 4), Tres("gres", "gpu", 1))
    assert [one.minutes for one in found.use.tres_run_minutes] == [10]
    assert [one.minutes for one in found.use.tres_minutes] == [2]
    assert (found.use.wall_time, found.fairshare) == (90, None)


def test_messages_have_slurms_names() -> None:
    names = {4003: "REQUEST_SUBMIT_BATCH_JOB", 2007: "REQUEST_NODE_INFO", 9: "9"}
    assert {number: rpc_names.rpc_name(number) for number in names} == names
