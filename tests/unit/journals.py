"""Entries and jobs for tests of the journal, and what it tells of them."""

import time
from typing import Any

from hpcagent.jobs.journal import Entry, Outcome
from hpcagent.jobs.model import Job, JobId, JobSource, JobState
from hpcagent.journal import FileJournal

CLUSTER = "c"
ENTRY = Entry("sha256:1", 1000, "alice", "job", time.time(), CLUSTER, "r-1")
DAY = 86_400.0


def seen(text: str, state: JobState, **fields: Any) -> Job:  # noqa: ANN401 - as Job has them
    """A job as slurmctld has it."""
    job_id = JobId.parse(text, cluster=CLUSTER)
    given = {"user_id": 1000, "request_id": "r-1", "raw_job_id": job_id.job_id, **fields}
    return Job(job_id=job_id, state=state, backend_state=state.name, as_of_time=1, **given)


def accepted(journal: FileJournal, number: int, entry: Entry = ENTRY) -> None:
    journal.settle(journal.intend(entry), Outcome.ACCEPTED, number)


def told(journal: FileJournal, text: str) -> Job:
    job = journal.job(JobId.parse(text, cluster=CLUSTER))
    assert job is not None
    assert job.source is JobSource.JOURNAL
    return job
