"""From Slurm's numbers and words about a partition to the domain's.

How many of its nodes and CPUs are in use slurmctld does not tell: they are counted here, as
sinfo(1) does (sinfo.c). Sources: slurm.h (partition_info_t, PART_FLAG_*, PARTITION_*, SHARED_FORCE,
JOB_DEF_*); slurm.conf(5), PARTITION CONFIGURATION.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hpcagent.jobs.cluster import OverSubscribe, Partition, PartitionMemory, PartitionState
from hpcagent.jobs.nodes import Node, NodeState, NodeStateFlag
from hpcagent.slurm import tres
from hpcagent.slurm.inventory.nodes import split
from hpcagent.slurm.states import Record

MEMBERS: Sequence[str] = (
    "allow_accounts", "allow_alloc_nodes", "allow_groups", "allow_qos", "alternate",
    "billing_weights_str", "def_mem_per_cpu", "default_time", "deny_accounts", "deny_qos",
    "flags", "grace_time", "max_cpus_per_node", "max_cpus_per_socket", "max_mem_per_cpu",
    "max_nodes", "max_share", "max_time", "min_nodes", "name", "nodes", "over_time_limit",
    "preempt_mode", "priority_job_factor", "priority_tier", "qos_char", "state_up", "total_cpus",
    "total_nodes", "tres_fmt_str",
)  # fmt: skip

STATES: Mapping[int, PartitionState] = {
    3: PartitionState.UP,
    1: PartitionState.DOWN,
    2: PartitionState.DRAIN,
    0: PartitionState.INACTIVE,
}
"""By PARTITION_SUBMIT (1: takes jobs) and PARTITION_SCHED (2: starts them)."""

FLAGS: Mapping[str, int] = {
    "is_default": 1 << 0,
    "hidden": 1 << 1,
    "disable_root_jobs": 1 << 2,
    "root_only": 1 << 3,
    "require_reservation": 1 << 4,
    "least_loaded_nodes": 1 << 5,
    "exclusive_user": 1 << 6,
    "power_down_on_idle": 1 << 7,
    "exclusive_topo": 1 << 16,
}
"""PART_FLAG_*, by the field that each sets."""

PREEMPT_MODES: Mapping[int, str] = {
    0x1: "suspend",
    0x2: "requeue",
    0x8: "cancel",
    0x2000: "priority",
    0x4000: "within",
    0x8000: "gang",
}
"""PREEMPT_MODE_*, in slurm.conf's words."""

DEFAULTS: Mapping[int, str] = {1: "DefCpuPerGPU", 2: "DefMemPerGPU"}
"""JOB_DEF_*, in slurm.conf's words (JobDefaults)."""

_MEM_PER_CPU = 1 << 63
_SHARED_FORCE = 0x8000

_ALLOCATED = frozenset({NodeState.ALLOCATED, NodeState.MIXED})


def partition(record: Record, nodes: Iterable[Node]) -> Partition:
    """Return the partition that a record describes; ``nodes`` are its own."""
    over, most = _sharing(record["max_share"] or 0)
    return Partition(
        name=record["name"],
        state=STATES[(record["state_up"] or 0) & 3],
        node_list=record["nodes"] or "",
        tres=tres.parse(record["tres_fmt_str"] or ""),
        tres_billing_weights=record["billing_weights_str"] or "",
        default_memory=_memory(record["def_mem_per_cpu"]),
        max_memory=_memory(record["max_mem_per_cpu"]),
        job_defaults=",".join(f"{DEFAULTS[kind]}={n}" for kind, n in record["job_defaults"]),
        alloc_nodes=record["allow_alloc_nodes"] or "",
        qos=record["qos_char"] or "",
        alternate=record["alternate"] or "",
        priority_tier=record["priority_tier"] or 0,
        priority_job_factor=record["priority_job_factor"] or 0,
        preempt_mode=preempt_mode(record["preempt_mode"]),
        grace_time=record["grace_time"] or 0,
        over_subscribe=over,
        max_over_subscribe=most,
        **_switches(record["flags"] or 0),
        **_limits(record),
        **_users(record),
        **_use(record, nodes),
    )


def _switches(flags: int) -> dict[str, Any]:
    return {name: bool(flags & bit) for name, bit in FLAGS.items()}


def _limits(record: Record) -> dict[str, Any]:
    return {
        "default_time": _seconds(record["default_time"]),
        "max_time": _seconds(record["max_time"]),
        "over_time_limit": _seconds(record["over_time_limit"]),
        "min_nodes": record["min_nodes"] or 0,
        "max_nodes": number(record["max_nodes"]),
        "max_cpus_per_node": number(record["max_cpus_per_node"]),
        "max_cpus_per_socket": number(record.get("max_cpus_per_socket")),
    }


def _users(record: Record) -> dict[str, Any]:
    names = ("allow_accounts", "deny_accounts", "allow_groups", "allow_qos", "deny_qos")
    return {name: split(record[name]) for name in names}


def _use(record: Record, nodes: Iterable[Node]) -> dict[str, Any]:
    """Count nodes and CPUs as sinfo does: allocated, idle, other."""
    counts: Counter[str] = Counter()
    for node in nodes:
        unusable = node.state is NodeState.DOWN or NodeStateFlag.DRAIN in node.state_flags
        if node.state in _ALLOCATED or NodeStateFlag.COMPLETING in node.state_flags:
            counts["nodes_allocated"] += 1
        else:
            counts["nodes_other" if unusable else "nodes_idle"] += 1
        counts["cpus_allocated"] += node.cpus_allocated
        counts["cpus_other" if unusable else "cpus_idle"] += node.cpus - node.cpus_allocated
    kinds = ("allocated", "idle", "other")
    found = {f"{what}_{kind}": counts[f"{what}_{kind}"] for what in ("nodes", "cpus")
             for kind in kinds}  # fmt: skip
    return {"nodes": record["total_nodes"] or 0, "cpus": record["total_cpus"] or 0, **found}


def _seconds(minutes: float | None) -> float | None:
    return None if minutes is None else minutes * 60


def number(limit: float | None) -> int | None:
    """Return a limit as the domain has it: None is none, which Slurm says in two ways."""
    return None if limit is None or limit == math.inf else int(limit)


def _memory(amount: float | None) -> PartitionMemory | None:
    """Read DefMemPer* and MaxMemPer*: MiB, by a bit for each CPU; 0 is no limit."""
    given = number(amount) or 0
    mebibytes = given & ~_MEM_PER_CPU
    if not mebibytes:
        return None
    if given & _MEM_PER_CPU:
        return PartitionMemory(cpu_bytes=mebibytes << 20)
    return PartitionMemory(node_bytes=mebibytes << 20)


def _sharing(share: int) -> tuple[OverSubscribe, int]:
    """Read OverSubscribe: a bit that it is forced, and the number of jobs (scontrol's way)."""
    most = share & ~_SHARED_FORCE
    if not most:
        return OverSubscribe.EXCLUSIVE, 0
    if share & _SHARED_FORCE:
        return OverSubscribe.FORCE, most
    return (OverSubscribe.NO, 0) if most == 1 else (OverSubscribe.YES, most)


def preempt_mode(bits: int | None) -> str:
    """Return the words for PREEMPT_MODE_*; empty if the cluster's own holds."""
    if bits is None:
        return ""
    return ",".join(word for bit, word in PREEMPT_MODES.items() if bits & bit) or "off"
