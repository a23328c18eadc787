"""Reading licenses."""

from collections.abc import Sequence

from _slurm.records import Record

def load_licenses(*, members: Sequence[str] | None = None, flags: int = 0) -> list[Record]:
    """All licenses that slurmctld knows, in its order.

    `members` are names of LICENSE_INFO_MEMBERS, None is all. `flags` are SHOW_* of slurm.h. Raises
    SlurmError.
    """
