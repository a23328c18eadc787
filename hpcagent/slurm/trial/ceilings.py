"""What a job asks for beyond that which its QOS or accounts allow to any one job.

Asked when a job would start, slurmctld does not heed these limits; nor does it refuse a job for
them, unless its QOS says DenyOnLimit. But it never starts one that alone exceeds a limit. Only that
is judged here: what other jobs use of a limit comes and goes. As in slurmctld, what the QOS of the
partition sets is not asked of the job's QOS, unless that has OverPartQOS, and what a QOS sets not
of the accounts; of these each up to the root has a say (22.05: acct_policy.c,
acct_policy_set_qos_order, _qos_job_runnable_post_select, acct_policy_job_runnable_post_select).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hpcagent.jobs.accounting import AccountingLimits, Association, Qos
from hpcagent.jobs.cluster import Partition
from hpcagent.slurm import hostlist, reasons
from hpcagent.slurm.inventory.reading import Accounts
from hpcagent.slurm.trial.obstacles import Obstacle

ACCOUNTING_POLICY = 2050
"""ESLURM_ACCOUNTING_POLICY (slurm_errno.h)."""
OF_ALL = "normal"
"""The QOS of a job where neither it nor its association names one."""

_RESOURCES: Mapping[str, tuple[str, str]] = {
    "cpu": ("Cpu", "processors"),
    "node": ("Node", "nodes"),
}
"""By the type of the trackable resource: the part of squeue's word that names it, and ours."""
_QOS_WORDS: Mapping[str, str] = {
    "group_tres": "QOSGrp{}Limit",
    "max_tres_per_job": "QOSMax{}PerJobLimit",
    "max_tres_per_account": "Max{}PerAccount",
    "max_tres_per_user": "QOSMax{}PerUserLimit",
}
_USER_WORDS: Mapping[str, str] = {
    "group_tres": "AssocGrp{}Limit",
    "max_tres_per_job": "AssocMax{}PerJobLimit",
}
_ACCOUNT_WORDS: Mapping[str, str] = {"group_tres": "AssocGrp{}Limit"}
"""Squeue's words by the limit. Of an account the others are already among those of its users."""


@dataclass(frozen=True, slots=True)
class _Ruler:
    """Who sets limits."""

    title: str
    name: str
    limits: AccountingLimits
    words: Mapping[str, str]
    wall: str = ""
    """Squeue's word for its limit of time; empty: it has a say in that through another."""
    overrides: bool = False
    """What it sets, those behind it cannot."""


@dataclass(frozen=True, slots=True)
class _Limit:
    """One limit, and what is asked for of what it limits."""

    key: tuple[str, str]
    word: str
    asked: float
    most: float
    unit: str


def of_job(
    members: Mapping[str, Any],
    answer: Mapping[str, Any],
    partition: Partition | None,
    accounts: Accounts,
) -> Obstacle | None:
    """Return the limit that a job alone exceeds if it starts as slurmctld's answer says."""
    settled: set[tuple[str, str]] = set()
    for ruler in _rulers(members, partition, accounts):
        limits = [one for one in _limits(ruler, members, answer) if one.key not in settled]
        for one in limits:
            if one.asked > one.most:
                said = f"{ruler.title} {ruler.name} allows {one.most:g} {one.unit}"
                text = f"{said}, {one.asked:g} are asked for"
                reason = reasons.made(one.word, text, blocked_by=ruler.name)
                return Obstacle(reason, ACCOUNTING_POLICY)
        if ruler.overrides:
            settled.update(one.key for one in limits)
    return None


def _limits(
    ruler: _Ruler, members: Mapping[str, Any], answer: Mapping[str, Any]
) -> Iterator[_Limit]:
    asked = {"cpu": answer["cpus"], "node": len(hostlist.expand(answer["node_list"]))}
    for field, word in ruler.words.items():
        for most in getattr(ruler.limits, field):
            if most.type in asked:
                name, unit = _RESOURCES[most.type]
                key = (field, most.type)
                yield _Limit(key, word.format(name), asked[most.type], most.count, unit)
    longest, minutes = ruler.limits.max_wall_time_per_job, members.get("time_limit")
    if ruler.wall and minutes and longest is not None:
        yield _Limit(("wall", ""), ruler.wall, minutes, longest / 60, "min")


# ------------------------------------------------------------------------------- whose limits


def _rulers(
    members: Mapping[str, Any], partition: Partition | None, accounts: Accounts
) -> Iterator[_Ruler]:
    own = _association(members, partition, accounts)
    if own is None:
        return
    for qos in _qos(members, partition, own, accounts):
        wall = "QOSMaxWallDurationPerJobLimit"
        yield _Ruler("QOS", qos.name, qos.limits, _QOS_WORDS, wall, overrides=True)
    wall = "AssocMaxWallDurationPerJobLimit"
    yield _Ruler("account", own.account, own.limits, _USER_WORDS, wall)
    for one in _above(own, accounts):
        yield _Ruler("account", one.account, one.limits, _ACCOUNT_WORDS)


def _association(
    members: Mapping[str, Any], partition: Partition | None, accounts: Accounts
) -> Association | None:
    """Return the user's right to the account; one for this very partition before one for all."""
    account = (members.get("account") or "").lower()
    where = partition.name if partition else ""
    found = [
        one
        for one, uid in accounts.associations
        if uid == members["user_id"]
        and (one.account == account if account else one.is_default)
        and one.partition in {"", where}
    ]
    return max(found, key=lambda one: one.partition, default=None)


def _qos(
    members: Mapping[str, Any], partition: Partition | None, own: Association, accounts: Accounts
) -> list[Qos]:
    """Return the QOS that have a say, the one that overrides the other first."""
    jobs = accounts.qos.get(members.get("qos") or own.default_qos or OF_ALL)
    partitions = accounts.qos.get(partition.qos) if partition else None
    order = [jobs, partitions] if jobs and "OverPartQOS" in jobs.flags else [partitions, jobs]
    return list({one.name: one for one in order if one}.values())


def _above(own: Association, accounts: Accounts) -> Iterator[Association]:
    """Yield the accounts that an association is in, up to the root."""
    by_name = {one.account: one for one, _ in accounts.associations if not one.user}
    name = own.account
    while one := by_name.pop(name, None):
        yield one
        name = one.parent_account
