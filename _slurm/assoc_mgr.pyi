"""Reading associations and QOS as slurmctld holds them: their limits, and how much is used."""

from collections.abc import Sequence

from _slurm.records import AssocMgr

def load_assoc_mgr(
    *, members: Sequence[str] | None = None, qos_members: Sequence[str] | None = None
) -> AssocMgr:
    """All associations and QOS that slurmctld has, none where it has no accounting.

    `members` are names of ASSOC_REC_MEMBERS and `qos_members` of QOS_REC_MEMBERS, None is all. What
    records have beside them is told by AssocMgr. Raises SlurmError.
    """
