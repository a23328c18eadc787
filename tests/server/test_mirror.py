"""What mirrors the domain's dataclasses has the same fields, in their own form."""

import math
import re
from dataclasses import fields
from typing import Any

import pytest
import tree
from google.protobuf.message import Message

from hpcagent.jobs import accounting, cluster, kubernetes, nodes
from hpcagent.jobs.model import Tres
from hpcagent.server.encode.mirror import message
from hpcagent.v1 import cluster_pb2, job_pb2

MIRRORS: dict[type[Any], type[Message]] = {
    cluster.ClusterStatus: cluster_pb2.Cluster,
    cluster.Controller: cluster_pb2.Controller,
    cluster.SchedulerStatistics: cluster_pb2.SchedulerStatistics,
    cluster.ScheduleCycles: cluster_pb2.ScheduleCycles,
    cluster.RpcStatistics: cluster_pb2.RpcStatistics,
    cluster.Partition: cluster_pb2.Partition,
    cluster.PartitionMemory: cluster_pb2.PartitionMemory,
    cluster.Reservation: cluster_pb2.Reservation,
    cluster.License: cluster_pb2.License,
    nodes.Node: cluster_pb2.Node,
    accounting.Association: cluster_pb2.Association,
    accounting.Qos: cluster_pb2.Qos,
    accounting.AccountingLimits: cluster_pb2.AccountingLimits,
    accounting.AccountingUse: cluster_pb2.AccountingUse,
    accounting.TresMinutes: cluster_pb2.TresMinutes,
    kubernetes.NodeParts: cluster_pb2.KubernetesNode,
    kubernetes.NodeResource: cluster_pb2.KubernetesResource,
    kubernetes.Taint: cluster_pb2.Taint,
    kubernetes.Namespace: cluster_pb2.Namespace,
    kubernetes.ResourceQuota: cluster_pb2.ResourceQuota,
    kubernetes.QuotaResource: cluster_pb2.QuotaResource,
    kubernetes.ResourceUse: cluster_pb2.ResourceUse,
    Tres: job_pb2.Tres,
}
KUBERNETES = {"kubernetes"}
"""Fields that Slurm has nothing for."""


@pytest.mark.parametrize(("record", "mirror"), MIRRORS.items(), ids=lambda kind: kind.__name__)
def test_every_field_of_the_contract_is_the_domains_too(
    record: type[Any], mirror: type[Message]
) -> None:
    ours = {field.name for field in fields(record)}
    assert ours == set(mirror.DESCRIPTOR.fields_by_name) - KUBERNETES


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (cluster.PartitionState, cluster_pb2.PartitionState),
        (cluster.OverSubscribe, cluster_pb2.PartitionOverSubscribe),
        (kubernetes.TaintEffect, cluster_pb2.TaintEffect),
        (nodes.NodeState, cluster_pb2.NodeState),
        (nodes.NodeStateFlag, cluster_pb2.NodeStateFlag),
    ],
)
def test_every_word_of_an_enum_is_the_domains_too(ours: Any, theirs: Any) -> None:  # noqa: ANN401
    prefix = theirs.keys()[0].removesuffix("UNSPECIFIED")
    assert [prefix + one.name for one in ours] == theirs.keys()[1:]


def test_a_node_of_kubernetes_has_what_the_contract_says_that_it_has() -> None:
    ours = {field.name for field in fields(kubernetes.ClusterNode)}
    theirs = {field.name: field for field in cluster_pb2.Node.DESCRIPTOR.fields}
    assert ours <= theirs.keys()
    comments = re.findall(
        r"((?: *//.*\n)+) *(?:repeated |optional )?[\w.]+ (\w+) = \d+;",
        re.split(r"message (?:Kubernetes)?Node {", tree.text("proto/hpcagent/v1/cluster.proto"))[1],
    )
    told = {name for comment, name in comments if "Kubernetes" in comment and name in theirs}
    assert told <= ours
    slurms = {name for comment, name in comments if "Slurm only" in comment}
    assert not slurms & ours


def test_values_take_the_fields_form() -> None:
    told = message(
        cluster_pb2.License,
        cluster.License(name="a\udcff", total=1, used=0, free=1, reserved=0, remote=True,
                        last_consumed=0, last_update_time=1.5),
    )  # fmt: skip
    assert told.name == "a\N{REPLACEMENT CHARACTER}"
    assert (told.HasField("last_consumed"), told.HasField("last_deficit")) == (True, False)
    assert (told.last_update_time.seconds, told.last_update_time.nanos) == (1, 500_000_000)


def test_a_oneof_is_what_is_given_of_it() -> None:
    by_user = cluster.RpcStatistics(user_id=0, user="root", count=3)
    assert message(cluster_pb2.RpcStatistics, by_user).WhichOneof("subject") == "user_id"
    memory = cluster.PartitionMemory(node_bytes=1)
    assert message(cluster_pb2.PartitionMemory, memory).WhichOneof("per") == "node_bytes"


def test_a_limit_of_time_may_be_none() -> None:
    limits = accounting.AccountingLimits(max_wall_time_per_job=60)
    told = message(cluster_pb2.AccountingLimits, limits)
    assert (told.max_wall_time_per_job.seconds, told.HasField("group_wall_time")) == (60, False)
    assert math.inf not in [value for _, value in told.ListFields()]
