"""What has changed among all jobs since the last look."""

from collections.abc import Sequence
from typing import final

from _slurm.records import JobChanges

@final
class Tracker:
    """Tells what has changed from look to look. One thread at a time may use it.

    `members` are names of JOB_INFO_MEMBERS: what is told of a job, and what counts as a change.
    """

    def __init__(self, members: Sequence[str]) -> None: ...
    def load(self, *, limit: int = ..., flags: int = 0) -> JobChanges:
        """What has changed since the last call that returned; on the first one, every job.

        At most `limit` changed records are told; `more` says that others wait for the next call.
        What slurmctld overwrote between two looks is not seen. Raises SlurmError when it refuses.
        """
