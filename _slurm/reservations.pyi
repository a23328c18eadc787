"""Reading reservations."""

from collections.abc import Sequence

from _slurm.records import Record

def load_reservations(*, members: Sequence[str] | None = None) -> list[Record]:
    """All reservations that slurmctld shows, in its order.

    `members` are names of RESERVE_INFO_MEMBERS, None is all. Beside them a record has `flag_words`,
    what scontrol(1) prints for the flags: `MAINT,SPEC_NODES`. Raises SlurmError.
    """
