"""Reading jobs of the past from the accounting database, through slurmdbd.

Every call has a connection of its own, since one that is kept would go on answering as of its first
question. Every function raises AccountingError when slurmdbd does not answer, or where there is no
accounting (code 0).
"""

from collections.abc import Sequence

from _slurm.records import HistoryFilter, HistoryPage, Record

def load_tres() -> list[Record]:
    """The trackable resources that the database knows: `id`, `type`, `name` of each."""

def load_history(
    *,
    members: Sequence[str] | None = None,
    keep: HistoryFilter | None = None,
    after: tuple[int, int] | None = None,
    limit: int | None = None,
    steps: bool = False,
) -> HistoryPage:
    """The page of jobs that follows the key `after`, of at most `limit`: a key is (submit, jobid).

    `members` are names of JOB_REC_MEMBERS, None is all. Of a job that was requeued there is its
    last record. With `steps`, which takes `job_ids`, each has its steps, as records with all
    members of slurmdb_step_rec_t and slurmdb_stats_t, and `step_number`, `step_het_comp`.
    MemberRangeError for an account or a cluster whose name is not plain: slurmdbd puts it into SQL
    as it stands.
    """
