"""The operations that read the cluster's parts; ``calls`` has them all.

A member that the installed Slurm lacks is left out of the records: later releases tell more.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

import _slurm

SHOWN = _slurm.SHOW_ALL | _slurm.SHOW_DETAIL | _slurm.SHOW_LOCAL
"""Hidden partitions too, and GRES in use; not other clusters of a federation."""


def configuration() -> _slurm.Record:
    """Read slurmctld's configuration."""
    return _slurm.load_conf()


def nodes(members: Sequence[str], partition_members: Sequence[str]) -> _slurm.NodeList:
    """Read all nodes and partitions."""
    return _slurm.load_nodes(
        members=_known(members, _slurm.NODE_INFO_MEMBERS),
        partition_members=_known(partition_members, _slurm.PARTITION_INFO_MEMBERS),
        flags=SHOWN,
    )


def reservations(members: Sequence[str]) -> list[_slurm.Record]:
    """Read all reservations."""
    return _slurm.load_reservations(members=_known(members, _slurm.RESERVE_INFO_MEMBERS))


def licenses(members: Sequence[str]) -> list[_slurm.Record]:
    """Read all licenses."""
    known = _known(members, _slurm.LICENSE_INFO_MEMBERS)
    return _slurm.load_licenses(members=known, flags=_slurm.SHOW_ALL)


def statistics(members: Sequence[str]) -> _slurm.Record:
    """Read how slurmctld fares."""
    return _slurm.get_statistics(members=_known(members, _slurm.STATISTICS_MEMBERS))


def associations(members: Sequence[str], qos_members: Sequence[str]) -> _slurm.AssocMgr:
    """Read all associations and QOS that slurmctld has."""
    return _slurm.load_assoc_mgr(
        members=_known(members, _slurm.ASSOC_REC_MEMBERS),
        qos_members=_known(qos_members, _slurm.QOS_REC_MEMBERS),
    )


def history(
    members: Sequence[str],
    keep: Mapping[str, Any],
    after: Sequence[int] | None,
    limit: int | None,
    *,
    steps: bool,
) -> _slurm.HistoryPage:
    """Read a page of past jobs from accounting; with ``steps`` those of given ids."""
    return _slurm.load_history(
        members=_known(members, _slurm.JOB_REC_MEMBERS),
        keep=msgspec.convert(keep, _slurm.HistoryFilter),
        after=(after[0], after[1]) if after else None,
        limit=limit,
        steps=steps,
    )


def trackable_resources() -> list[_slurm.Record]:
    """Read the names of the trackable resources that accounting knows."""
    return _slurm.load_tres()


def _known(members: Iterable[str], existing: Mapping[str, str]) -> list[str]:
    return [member for member in members if member in existing]


OPERATIONS = (
    configuration, nodes, reservations, licenses, statistics, associations, history,
    trackable_resources,
)  # fmt: skip
