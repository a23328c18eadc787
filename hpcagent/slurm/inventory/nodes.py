"""From Slurm's numbers and words about a node to the domain's.

``MEMBERS`` is what is read of node_info_t; a release that lacks one leaves it out. Sources: slurm.h
(enum node_states, NODE_STATE_*, node_info_t); scontrol(1), `show node`.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hpcagent.jobs.nodes import Node, NodeState, NodeStateFlag
from hpcagent.jobs.spec import Gres
from hpcagent.slurm import tres
from hpcagent.slurm.draft import Release
from hpcagent.slurm.states import Record

MEMBERS: Sequence[str] = (
    "arch", "boards", "boot_time", "comment", "core_spec_cnt", "cores", "cpu_load", "cpus",
    "cpus_efctv", "extra", "features", "features_act", "free_mem", "gres", "gres_used",
    "last_busy", "mcs_label", "mem_spec_limit", "name", "node_addr", "node_hostname",
    "node_state", "os", "owner", "partitions", "real_memory", "reason", "reason_time",
    "reason_uid", "resume_after", "resv_name", "slurmd_start_time", "sockets", "threads",
    "tmp_disk", "tres_fmt_str", "version", "weight",
)  # fmt: skip

STATES: Sequence[NodeState] = (
    NodeState.UNKNOWN, NodeState.DOWN, NodeState.IDLE, NodeState.ALLOCATED, NodeState.ERROR,
    NodeState.MIXED, NodeState.FUTURE,
)  # fmt: skip
"""By Slurm's number, enum node_states."""

_BASE_MASK = 0xF
"""NODE_STATE_BASE: the bits of node_state that hold the number."""

FLAGS: Mapping[int, tuple[NodeStateFlag, str]] = {
    7: (NodeStateFlag.CLOUD, "CLOUD"),
    10: (NodeStateFlag.COMPLETING, "COMPLETING"),
    9: (NodeStateFlag.DRAIN, "DRAIN"),
    19: (NodeStateFlag.DYNAMIC_FUTURE, "DYNAMIC_FUTURE"),
    26: (NodeStateFlag.DYNAMIC_NORMAL, "DYNAMIC_NORM"),
    22: (NodeStateFlag.INVALID_REGISTRATION, "INVALID_REG"),
    13: (NodeStateFlag.FAIL, "FAIL"),
    15: (NodeStateFlag.MAINTENANCE, "MAINTENANCE"),
    23: (NodeStateFlag.POWER_DOWN, "POWER_DOWN"),
    24: (NodeStateFlag.POWER_UP, "POWER_UP"),
    4: (NodeStateFlag.PERFCTRS, "PERFCTRS"),
    12: (NodeStateFlag.POWERED_DOWN, "POWERED_DOWN"),
    16: (NodeStateFlag.REBOOT_REQUESTED, "REBOOT_REQUESTED"),
    20: (NodeStateFlag.REBOOT_ISSUED, "REBOOT_ISSUED"),
    5: (NodeStateFlag.RESERVED, "RESERVED"),
    11: (NodeStateFlag.NOT_RESPONDING, "NOT_RESPONDING"),
    21: (NodeStateFlag.PLANNED, "PLANNED"),
    14: (NodeStateFlag.POWERING_UP, "POWERING_UP"),
    18: (NodeStateFlag.POWERING_DOWN, "POWERING_DOWN"),
    6: (NodeStateFlag.UNDRAIN, "UNDRAIN"),
    17: (NodeStateFlag.REBOOT_CANCELLED, "REBOOT_CANCELED"),
    25: (NodeStateFlag.POWER_DRAIN, "POWER_DRAIN"),
    27: (NodeStateFlag.BLOCKED, "BLOCKED"),
}
"""By the number of the bit, with Slurm's word, in the order in which scontrol prints them."""

PERFCTRS_UNTIL: Release = (24, 5, 0)
"""NODE_STATE_NET was removed; its bit has another meaning since 25.11."""

_NOTE = re.compile(r"\([^()]*\)")
"""What stands behind a GRES, `(S:0-1)` or `(IDX:0)`; and its type where it has none, `(null)`."""
_COUNT = re.compile(r"([0-9]+)([KMGTP]?)")
_UNITS = ("", "K", "M", "G", "T", "P")


def node(record: Record, users: Mapping[int, str], release: Release) -> Node:
    """Return the node that a record describes."""
    state, flags, words = _state(record, release)
    reason = record["reason"] or ""
    return Node(
        name=record["name"],
        state=state,
        state_flags=flags,
        backend_state=words,
        reason=reason,
        reason_time=record["reason_time"] if reason else None,
        reason_user_id=record["reason_uid"] if reason else None,
        reason_user=users.get(record["reason_uid"], "") if reason else "",
        partitions=split(record["partitions"]),
        features=split(record["features"]),
        active_features=split(record["features_act"] or record["features"]),
        reservation=record.get("resv_name") or "",
        gres=gres(record["gres"] or ""),
        gres_used=gres(record["gres_used"] or ""),
        tres=tres.parse(record["tres_fmt_str"] or ""),
        allocated_tres=tres.parse(record["alloc_tres_fmt_str"] or ""),
        weight=record["weight"] or 0,
        boot_time=record["boot_time"],
        slurmd_start_time=record["slurmd_start_time"],
        last_busy_time=record.get("last_busy"),
        resume_time=record.get("resume_after"),
        owner_user_id=record["owner"],
        **_system(record),
        **_size(record),
    )


def _system(record: Record) -> dict[str, Any]:
    return {
        "arch": record["arch"] or "",
        "os": record["os"] or "",
        "version": record["version"] or "",
        "hostname": record["node_hostname"] or "",
        "address": record["node_addr"] or "",
        "mcs_label": record["mcs_label"] or "",
        "comment": record.get("comment") or "",
        "extra": record.get("extra") or "",
    }


def _size(record: Record) -> dict[str, Any]:
    load, free = record["cpu_load"], record["free_mem"]
    return {
        "cpus": record["cpus"],
        "cpus_effective": effective_cpus(record),
        "cpus_allocated": record["alloc_cpus"],
        "cpu_load": None if load is None else load / 100,
        "sockets": record["sockets"],
        "cores_per_socket": record["cores"],
        "threads_per_core": record["threads"],
        "boards": record["boards"],
        "core_spec": record["core_spec_cnt"] or 0,
        "memory_bytes": _mebibytes(record["real_memory"]),
        "memory_allocated_bytes": _mebibytes(record["alloc_memory"]),
        "memory_free_bytes": None if free is None else _mebibytes(free),
        "memory_spec_bytes": _mebibytes(record["mem_spec_limit"]),
        "tmp_disk_bytes": _mebibytes(record["tmp_disk"]),
    }


def effective_cpus(record: Record) -> int:
    """CPUs that jobs can have; before 21.08 slurmctld does not tell of those that they cannot."""
    cpus: int = record.get("cpus_efctv") or record["cpus"]
    return cpus


def _mebibytes(number: int | None) -> int:
    return (number or 0) << 20


def _state(record: Record, release: Release) -> tuple[NodeState, tuple[NodeStateFlag, ...], str]:
    """Return the state, the flags, and both as scontrol prints them."""
    number = record["node_state"]
    base = number & _BASE_MASK
    state = STATES[base] if base < len(STATES) else NodeState.UNKNOWN
    if 0 < record["alloc_cpus"] < effective_cpus(record):  # as scontrol has it, node_info.c
        state = NodeState.MIXED
    found = [
        names
        for bit, names in FLAGS.items()
        if number & (1 << bit)
        and not (names[0] is NodeStateFlag.PERFCTRS and release >= PERFCTRS_UNTIL)
    ]
    words = "+".join((state.name, *(word for _, word in found)))
    return state, tuple(flag for flag, _ in found), words


def split(text: str | None) -> tuple[str, ...]:
    """Return the parts of a list with commas."""
    return tuple(part for part in (text or "").split(",") if part)


def gres(text: str) -> tuple[Gres, ...]:
    """Read GRES as slurmctld tells them: ``gpu:tesla:2(S:0-1),shard:8``; used ones too."""
    return tuple(_gres(item) for item in split(_NOTE.sub("", text)))


def _gres(item: str) -> Gres:
    name, *rest = item.split(":")
    count = _COUNT.fullmatch(rest[-1]) if rest else None
    if count is None:
        return Gres(name, ":".join(rest), 1)
    return Gres(name, ":".join(rest[:-1]), int(count[1]) * 1024 ** _UNITS.index(count[2]))
