"""From slurmctld's records of associations and QOS to the domain's.

Limits and use by trackable resource are lists in the order of ``tres_names``. Sources: slurmdb.h
(slurmdb_assoc_rec_t, slurmdb_qos_rec_t); sacctmgr(1); scontrol's info_assoc_mgr.c, which tells the
units: limits are minutes, use is seconds.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpcagent.jobs.accounting import (
    AccountingLimits,
    AccountingUse,
    Association,
    Qos,
    TresMinutes,
)
from hpcagent.jobs.model import Tres
from hpcagent.slurm import tres
from hpcagent.slurm.inventory.partitions import number, preempt_mode
from hpcagent.slurm.states import Record

MEMBERS: Sequence[str] = (
    "acct", "def_qos_id", "grp_jobs", "grp_submit_jobs", "grp_wall", "id", "is_def", "max_jobs",
    "max_submit_jobs", "max_wall_pj", "parent_acct", "partition", "priority", "shares_raw", "uid",
    "user",
)  # fmt: skip
QOS_MEMBERS: Sequence[str] = (
    "description", "flags", "grace_time", "grp_jobs", "grp_submit_jobs", "grp_wall", "id",
    "max_jobs_pa", "max_jobs_pu", "max_submit_jobs_pa", "max_submit_jobs_pu", "max_wall_pj", "name",
    "preempt_exempt_time", "preempt_mode", "priority", "usage_factor",
)  # fmt: skip

FLAGS: Mapping[int, str] = {
    6: "DenyOnLimit",
    3: "EnforceUsageThreshold",
    4: "NoReserve",
    1: "PartitionMaxNodes",
    0: "PartitionMinNodes",
    7: "OverPartQOS",
    2: "PartitionTimeLimit",
    5: "RequiresReservation",
    8: "NoDecay",
    9: "UsageFactorSafe",
    10: "Relative",
}
"""Words of sacctmgr by the bit, QOS_FLAG_* (slurmdb.h), in the order in which it prints them."""

_USE_PARENT = 0x7FFFFFFF
"""SLURMDB_FS_USE_PARENT: the shares are those of the account above."""

_NUMBERS: Mapping[str, str] = {
    "group_jobs": "grp_jobs",
    "group_submit_jobs": "grp_submit_jobs",
    "max_jobs": "max_jobs",
    "max_submit_jobs": "max_submit_jobs",
    "max_jobs_per_user": "max_jobs_pu",
    "max_submit_jobs_per_user": "max_submit_jobs_pu",
    "max_jobs_per_account": "max_jobs_pa",
    "max_submit_jobs_per_account": "max_submit_jobs_pa",
}
_LENGTHS: Mapping[str, str] = {
    "group_wall_time": "grp_wall",
    "max_wall_time_per_job": "max_wall_pj",
}
_TRES: Mapping[str, str] = {
    "group_tres": "grp_tres",
    "max_tres_per_job": "max_tres_pj",
    "max_tres_per_node": "max_tres_pn",
    "max_tres_per_user": "max_tres_pu",
    "max_tres_per_account": "max_tres_pa",
    "min_tres_per_job": "min_tres_pj",
}
_TRES_MINUTES: Mapping[str, str] = {
    "group_tres_minutes": "grp_tres_mins",
    "group_tres_run_minutes": "grp_tres_run_mins",
    "max_tres_minutes_per_job": "max_tres_mins_pj",
}
"""Fields of AccountingLimits by their kind, and the member of the record that each is."""


@dataclass(frozen=True, slots=True)
class Context:
    """What records of the same answer share."""

    tres_names: Sequence[str]
    qos_names: Mapping[int, str]
    """By id."""
    fairshare: bool
    """Priorities are by fair share, so that its factor means something."""


def association(record: Record, context: Context) -> Association:
    """Return the association that a record describes."""
    use = record["usage"]
    shares = number(record["shares_raw"])
    user = record["user"] or ""
    qos = (context.qos_names.get(int(one)) for one in record["qos_ids"])
    return Association(
        id=record["id"],
        account=record["acct"] or "",
        parent_account="" if user else record["parent_acct"] or "",
        user=user,
        partition=record["partition"] or "",
        is_default=record["is_def"] == 1,
        qos=tuple(sorted(name for name in qos if name)),
        default_qos=context.qos_names.get(record["def_qos_id"] or 0, ""),
        shares=None if shares == _USE_PARENT else shares,
        priority=number(record["priority"]),
        limits=_limits(record, context),
        use=None if use is None else _use(use, context),
        fairshare=use["fs_factor"] if use is not None and context.fairshare else None,
    )


def quality(record: Record, context: Context) -> Qos:
    """Return the QOS that a record describes."""
    exempt = number(record.get("preempt_exempt_time"))
    use = record["usage"]
    return Qos(
        name=record["name"],
        description=record["description"] or "",
        priority=number(record["priority"]) or 0,
        flags=tuple(word for bit, word in FLAGS.items() if (record["flags"] or 0) & (1 << bit)),
        preempts=tuple(
            sorted(context.qos_names[one] for one in record["preempts"] if one in context.qos_names)
        ),
        preempt_mode=preempt_mode(record["preempt_mode"] or None),
        grace_time=number(record["grace_time"]) or 0,
        preempt_exempt_time=exempt,
        usage_factor=1.0 if record["usage_factor"] is None else record["usage_factor"],
        limits=_limits(record, context),
        use=None if use is None else _use(use, context),
    )


def _limits(record: Record, context: Context) -> AccountingLimits:
    names = context.tres_names
    found: dict[str, Any] = {
        field: number(record[member]) for field, member in _NUMBERS.items() if member in record
    }
    for field, member in _LENGTHS.items():
        minutes = number(record[member])
        found[field] = None if minutes is None else minutes * 60
    for field, member in _TRES.items():
        found[field] = _amounts(names, record.get(member, ()))
    for field, member in _TRES_MINUTES.items():
        found[field] = _minutes(names, record.get(member, ()))
    return AccountingLimits(**found)


def _use(use: Mapping[str, Any], context: Context) -> AccountingUse:
    names = context.tres_names
    return AccountingUse(
        jobs=use["jobs"],
        submit_jobs=use["submit_jobs"],
        tres=tuple(one for one in _amounts(names, use["tres"]) if one.count),
        tres_minutes=_used_minutes(names, use["tres_secs"]),
        tres_run_minutes=_used_minutes(names, use["tres_run_secs"]),
        wall_time=float(round(use["wall_secs"])),
    )


def _amounts(names: Sequence[str], amounts: Sequence[float | None]) -> tuple[Tres, ...]:
    """Return those resources that have an amount: one without limit has none."""
    return tuple(
        tres.amount(name, int(count))
        for name, count in zip(names, amounts, strict=False)
        if count is not None and count != math.inf
    )


def _minutes(names: Sequence[str], amounts: Sequence[float | None]) -> tuple[TresMinutes, ...]:
    return tuple(
        TresMinutes(*tres.kind(name), int(count))
        for name, count in zip(names, amounts, strict=False)
        if count is not None and count != math.inf
    )


def _used_minutes(names: Sequence[str], seconds: Sequence[float]) -> tuple[TresMinutes, ...]:
    minutes = _minutes(names, [one // 60 for one in seconds])
    return tuple(one for one in minutes if one.minutes)
