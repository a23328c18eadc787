from collections.abc import Sequence

from _slurm.records import JobFilter, JobPage, Record

SHOW_ALL: int
SHOW_DETAIL: int

def load_job(
    job_id: int, *, members: Sequence[str] | None = None, flags: int = 0
) -> list[Record]: ...
def load_jobs(
    *,
    members: Sequence[str] | None = None,
    keep: JobFilter | None = None,
    after: tuple[int, int] | None = None,
    limit: int | None = None,
    flags: int = 0,
) -> JobPage: ...
def load_job_user(
    uid: int,
    *,
    members: Sequence[str] | None = None,
    keep: JobFilter | None = None,
    after: tuple[int, int] | None = None,
    limit: int | None = None,
    flags: int = 0,
) -> JobPage: ...
