"""Reading jobs: one, a user's, or a page of all of them.

`members` are names of JOB_INFO_MEMBERS, all of them for None; UnknownMemberError for another.
`flags` are SHOW_* of slurm.h. SHOW_LOCAL saves `load_job` and `load_job_user` a call to slurmctld
that asks about federations. Every function raises SlurmError when Slurm refuses.
"""

from collections.abc import Sequence
from typing import Final

from _slurm.records import JobFilter, JobPage, Record

SHOW_ALL: Final[int]
SHOW_DETAIL: Final[int]
SHOW_LOCAL: Final[int]

def reason_word(reason: int) -> str:
    """The word for a job_info_t.state_reason, as squeue(1) prints it: `Resources`, `None`."""

def load_job(job_id: int, *, members: Sequence[str] | None = None, flags: int = 0) -> list[Record]:
    """All records of one job, slurm_load_job(3): an array has one for each task that was split off.

    SlurmError 2017 when slurmctld knows no such job (any more).
    """

def load_jobs(
    *,
    members: Sequence[str] | None = None,
    keep: JobFilter | None = None,
    after: tuple[int, int] | None = None,
    limit: int | None = None,
    flags: int = 0,
) -> JobPage:
    """The page of all jobs that follows the key `after`, of at most `limit`, slurm_load_jobs(3).

    A key is a record's (submit_time, job_id). Between two pages slurmctld may have purged jobs or
    accepted new ones; each job is still seen at most once, as its key does not change.
    """

def load_job_user(
    uid: int,
    *,
    members: Sequence[str] | None = None,
    keep: JobFilter | None = None,
    after: tuple[int, int] | None = None,
    limit: int | None = None,
    flags: int = 0,
) -> JobPage:
    """The same of one user's jobs, slurm_load_job_user(3): slurmctld sends only those."""
