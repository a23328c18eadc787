"""What keeps a job from starting that slurmctld would take all the same.

Asked when a job would start, slurmctld looks for nodes that are up, and for nothing else: it heeds
neither the state of the partition nor its limits, and what it cannot place now it calls impossible
for ever. A submission is judged otherwise: there, all this is no reason to refuse the job, which
waits for better times (22.05: job_scheduler.c, job_start_data; job_mgr.c, job_allocate). So what a
job would have to wait for is found out here.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpcagent.jobs.cluster import Partition, PartitionState
from hpcagent.jobs.model import JobReason
from hpcagent.jobs.nodes import Node, NodeState, NodeStateFlag
from hpcagent.slurm import hostlist, reasons

PART_CONFIG, JOB_HELD, NODES_BUSY = 2015, 2042, 2016
RESERVATION_NOT_USABLE, NODE_NOT_AVAIL, PARTITION_DOWN = 2056, 2068, 2101
"""What slurmctld says beside the id of a job that it took but cannot start (slurm_errno.h)."""

IN_THE_WAY: Mapping[str, tuple[str, int]] = {
    "ESLURM_NODES_BUSY": ("Resources", NODES_BUSY),
    "ESLURM_RESERVATION_BUSY": ("Reservation", RESERVATION_NOT_USABLE),
    "ESLURM_RESERVATION_NOT_USABLE": ("Reservation", RESERVATION_NOT_USABLE),
    "ESLURM_INVALID_TIME_VALUE": ("Reservation", RESERVATION_NOT_USABLE),
    "ESLURM_NODE_NOT_AVAIL": ("ReqNodeNotAvail", NODE_NOT_AVAIL),
}
"""What slurmctld calls an error when asked for a start, and squeue's word for it while a job waits.
The third: its reservation has not begun, or is over (reservation.c, job_test_resv)."""

UNUSABLE = frozenset({
    NodeStateFlag.DRAIN, NodeStateFlag.FAIL, NodeStateFlag.NOT_RESPONDING,
    NodeStateFlag.MAINTENANCE, NodeStateFlag.REBOOT_ISSUED, NodeStateFlag.POWERING_DOWN,
    NodeStateFlag.INVALID_REGISTRATION, NodeStateFlag.BLOCKED,
})  # fmt: skip
"""Of nodes that slurmctld does not consider while it is so, besides those that are down."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a job cannot start as things stand, and slurmctld's code for that."""

    reason: JobReason
    code: int


HELD = Obstacle(reasons.made("JobHeldUser", "it is held"), JOB_HELD)


def of_partitions(
    members: Mapping[str, Any], partitions: Iterable[Partition]
) -> dict[str, Obstacle | None]:
    """Return what each partition that is asked for has against a job, in their order."""
    known = {one.name: one for one in partitions}
    default = [name for name, one in known.items() if one.is_default]
    asked = members["partition"].split(",") if members.get("partition") else default
    return {name: next(_against(members, known[name]), None) for name in asked if name in known}


def _against(members: Mapping[str, Any], partition: Partition) -> Iterator[Obstacle]:
    name, state = partition.name, partition.state
    if state is not PartitionState.UP:
        word = "PartitionDown" if state is PartitionState.DOWN else "PartitionInactive"
        yield _of(name, word, f"partition {name} is {state.name}", PARTITION_DOWN)
    if "qos" in members:  # it may lift the limits
        return
    nodes, cpus = members.get("min_nodes") or 0, members.get("min_cpus") or 0
    most = min(partition.nodes, partition.max_nodes or math.inf)
    if nodes > most:
        said = f"partition {name} allows {most} nodes, {nodes} are asked for"
        yield _of(name, "PartitionNodeLimit", said, PART_CONFIG)
    if cpus > partition.cpus:
        said = f"partition {name} has {partition.cpus} processors, {cpus} are asked for"
        yield _of(name, "PartitionConfig", said, PART_CONFIG)
    limit, longest = members.get("time_limit"), partition.max_time
    if limit and longest is not None and limit * 60 > longest:
        said = f"partition {name} allows {longest / 60:g} min, {limit:g} are asked for"
        yield _of(name, "PartitionTimeLimit", said, PART_CONFIG)


def _of(partition: str, word: str, said: str, code: int) -> Obstacle:
    return Obstacle(reasons.made(word, said, blocked_by=partition), code)


def of_nodes(nodes: Iterable[Node], partitions: Sequence[str]) -> Obstacle | None:
    """Return the nodes of these partitions that cannot be used, if there are any."""
    unusable = sorted(
        node.name
        for node in nodes
        if not set(partitions).isdisjoint(node.partitions)
        and (node.state is NodeState.DOWN or not UNUSABLE.isdisjoint(node.state_flags))
    )
    if not unusable:
        return None
    listed = hostlist.compress(unusable)
    said = f"nodes that it might need cannot be used: {listed}"
    return Obstacle(reasons.made("ReqNodeNotAvail", said, blocked_by=listed), NODE_NOT_AVAIL)


def of_components(
    jobs: Iterable[Mapping[str, Any]],
    answers: Iterable[Mapping[str, Any]],
    partitions: Iterable[Partition],
    nodes: Iterable[Node],
) -> Obstacle | None:
    """Return that components are too large to run together, in all the nodes they may have."""
    known = tuple(partitions)
    allowed = {name for members in jobs for name in of_partitions(members, known)}
    there = sum(node.cpus for node in nodes if not allowed.isdisjoint(node.partitions))
    asked = sum(answer["cpus"] for answer in answers)
    if asked <= there:
        return None
    said = f"together its components ask for {asked} processors, their partitions have {there}"
    return Obstacle(reasons.made("Resources", said), NODES_BUSY)


def of_refusal(reason: str, reservation: str, said: str) -> Obstacle | None:
    """Return what a refusal to name a start means, if it is one that time can mend."""
    word, code = IN_THE_WAY.get(reason, ("", 0))
    if not word or (word == "Reservation" and not reservation):
        return None
    return Obstacle(reasons.made(word, said, blocked_by=reservation), code)


def of_reservations() -> Obstacle:
    """Return that other reservations have the nodes."""
    said = "nodes that it needs are reserved for others"
    return Obstacle(reasons.made("ReqNodeNotAvail", said), NODE_NOT_AVAIL)
