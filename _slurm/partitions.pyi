"""Reading partitions."""

from collections.abc import Sequence

from _slurm.records import Record

def load_partitions(*, members: Sequence[str] | None = None, flags: int = 0) -> list[Record]:
    """All partitions that slurmctld shows, in its order.

    `members` are names of `PARTITION_INFO_MEMBERS`, None is all. `flags` are SHOW_ALL (hidden ones
    too)... Raises SlurmError.
    """
