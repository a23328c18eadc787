"""Reading how slurmctld fares: what sdiag(1) prints."""

from collections.abc import Sequence

from _slurm.records import Record

def get_statistics(*, members: Sequence[str] | None = None) -> Record:
    """The scheduler's statistics since their last reset; they are left as they are.

    `members` are names of STATISTICS_MEMBERS, None is all. Raises SlurmError.
    """
