"""From Slurm's records of reservations and licenses to the domain's.

Sources: slurm.h (reserve_info_t, slurm_license_info_t); scontrol(1).
"""

import math
from collections.abc import Sequence

from hpcagent.jobs.cluster import License, Reservation
from hpcagent.slurm import tres
from hpcagent.slurm.inventory.nodes import split
from hpcagent.slurm.states import Record

MEMBERS: Sequence[str] = (
    "accounts", "burst_buffer", "core_cnt", "end_time", "features", "groups", "licenses",
    "max_start_delay", "name", "node_cnt", "node_list", "partition", "purge_comp_time",
    "start_time", "tres_str", "users",
)  # fmt: skip
LICENSE_MEMBERS: Sequence[str] = (
    "available", "in_use", "last_consumed", "last_deficit", "last_update", "name", "remote",
    "reserved", "total",
)  # fmt: skip

_NEVER = 0xFFFFFFFF
"""INFINITE, which slurmctld also writes as the end of a reservation (reservation.c)."""


def reservation(record: Record, now: float) -> Reservation:
    """Return the reservation that a record describes, as of ``now``."""
    start, end = record["start_time"], record["end_time"]
    end = None if end == _NEVER else end
    flags = split(record["flag_words"])
    purged = any(flag.startswith("PURGE_COMP") for flag in flags)
    return Reservation(
        name=record["name"],
        active=(start or 0) <= now <= (math.inf if end is None else end),
        start_time=start,
        end_time=end,
        flags=flags,
        node_list=record["node_list"] or "",
        nodes=record["node_cnt"] or 0,
        cores=record["core_cnt"] or 0,
        tres=tres.parse(record["tres_str"] or ""),
        partition=record["partition"] or "",
        features=record["features"] or "",
        users=split(record["users"]),
        groups=split(record.get("groups")),
        accounts=split(record["accounts"]),
        licenses=record["licenses"] or "",
        burst_buffer=record["burst_buffer"] or "",
        max_start_delay=record["max_start_delay"] or None,
        purge_after=(record["purge_comp_time"] or None) if purged else None,
    )


def license_(record: Record) -> License:
    """Return the license that a record describes."""
    remote = bool(record["remote"])
    return License(
        name=record["name"],
        total=record["total"],
        used=record["in_use"],
        free=record["available"],
        reserved=record.get("reserved") or 0,
        remote=remote,
        last_consumed=record.get("last_consumed") if remote else None,
        last_deficit=record.get("last_deficit") if remote else None,
        last_update_time=record.get("last_update") if remote else None,
    )
