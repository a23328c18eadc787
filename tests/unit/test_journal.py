"""What the journal remembers, and how it behaves where its file does not."""

import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hpcagent.jobs.errors import BackendUnavailable
from hpcagent.jobs.journal import Entry, Outcome
from hpcagent.jobs.model import (
    ExitStatus,
    HetJob,
    Job,
    JobArray,
    JobId,
    JobSource,
    JobState,
    JobStateFlag,
)
from hpcagent.journal import IN_MEMORY, FileJournal, NewerJournalError, open_journal
from hpcagent.journal.store import MIGRATIONS

CLUSTER = "c"
ENTRY = Entry("sha256:1", 1000, "alice", "job", time.time(), CLUSTER, "r-1")
DAY = 86_400.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[FileJournal]:
    ours = open_journal(path)
    yield ours
    ours.close()


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


# ------------------------------------------------------------------------ what it remembers


def test_an_end_that_was_seen_is_final(journal: FileJournal) -> None:
    accepted(journal, 7)
    ended = seen("7", JobState.FAILED, exit_status=ExitStatus(code=3), run_time=5.0)
    journal.saw([seen("7", JobState.RUNNING)])
    assert list(journal.unfinished()) == [7]
    journal.saw([ended])
    assert list(journal.unfinished()) == []
    kept = told(journal, "7")
    assert replace(kept, as_of_time=1, source=JobSource.LIVE) == ended
    assert time.time() - kept.as_of_time < 60


@pytest.mark.parametrize("state", [JobState.PENDING, JobState.RUNNING, JobState.SUSPENDED])
def test_a_job_that_was_not_seen_to_its_end_is_unknown(
    journal: FileJournal, state: JobState
) -> None:
    accepted(journal, 7)
    journal.saw([seen("7", state)])
    kept = told(journal, "7")
    assert (kept.state, kept.backend_state) == (JobState.UNKNOWN, state.name)
    assert kept.reason is not None
    assert kept.reason.name == "NotSeenToEnd"
    assert state.name in kept.reason.text


def test_a_job_that_still_completes_is_not_seen_to_its_end(journal: FileJournal) -> None:
    accepted(journal, 7)
    journal.saw([seen("7", JobState.CANCELLED, state_flags=(JobStateFlag.COMPLETING,))])
    assert list(journal.unfinished()) == [7]
    assert told(journal, "7").state is JobState.UNKNOWN


def test_a_job_that_was_never_seen_is_told_by_its_request(journal: FileJournal) -> None:
    accepted(journal, 7)
    kept = told(journal, "7")
    assert (kept.state, kept.name, kept.user, kept.request_id) == (
        JobState.UNKNOWN, "job", "alice", "r-1",
    )  # fmt: skip
    assert journal.made_by("r-1") == kept
    assert journal.job(JobId(8, cluster=CLUSTER)) is None
    assert journal.job(JobId(7, cluster="other")) is None


def test_a_requeued_job_is_unfinished_again(journal: FileJournal) -> None:
    accepted(journal, 7)
    journal.saw([seen("7", JobState.FAILED)])
    journal.saw([seen("7", JobState.PENDING, restart_count=1)])
    assert list(journal.unfinished()) == [7]
    assert told(journal, "7").state is JobState.UNKNOWN


def test_tasks_of_an_array_are_kept_one_by_one(journal: FileJournal) -> None:
    accepted(journal, 7)
    waiting = JobArray(7, "1-3%1")
    journal.saw([
        seen("7", JobState.PENDING, array=waiting),
        seen("7_0", JobState.COMPLETED, array=JobArray(7), raw_job_id=8),
    ])  # fmt: skip
    assert told(journal, "7_0").state is JobState.COMPLETED
    assert told(journal, "8").job_id == JobId(7, 0, cluster=CLUSTER)
    assert told(journal, "7_2").job_id == JobId(7, 2, cluster=CLUSTER)
    assert told(journal, "7_2").state is told(journal, "7").state is JobState.UNKNOWN
    assert journal.job(JobId(7, 4, cluster=CLUSTER)) is None
    tasks = [
        seen(f"7_{task}", JobState.COMPLETED, array=JobArray(7), raw_job_id=raw)
        for task, raw in ((1, 9), (2, 10), (3, 7))
    ]
    journal.saw(tasks)
    assert list(journal.unfinished()) == []
    assert told(journal, "7").job_id.array_task_id == 3


@pytest.mark.parametrize("array", ["0-3,8", "[0-1],2-3%1,8", "0-8:4,1-3%2"])
def test_a_task_that_nobody_saw_is_one_of_those_that_were_asked_for(
    journal: FileJournal, array: str
) -> None:
    accepted(journal, 7, replace(ENTRY, array=array))
    for _ in range(2):  # at first none of them was seen
        for task in (0, 3, 8):
            kept = told(journal, f"7_{task}")
            assert (kept.job_id.array_task_id, kept.state) == (task, JobState.UNKNOWN)
            assert kept.backend_state == ""
        for unknown in (JobId(7, 9, cluster=CLUSTER), JobId(7, None, 0, CLUSTER)):
            assert journal.job(unknown) is None
        journal.saw([seen("7_1", JobState.COMPLETED, array=JobArray(7), raw_job_id=8)])


def test_a_component_that_nobody_saw_is_one_of_those_that_were_asked_for(
    journal: FileJournal,
) -> None:
    accepted(journal, 7, replace(ENTRY, components=2))
    accepted(journal, 8)
    assert told(journal, "7+1").state is JobState.UNKNOWN
    for unknown in (
        JobId(7, None, 2, CLUSTER),
        JobId(7, 0, None, CLUSTER),
        JobId(8, None, 0, CLUSTER),
    ):
        assert journal.job(unknown) is None


def test_components_are_kept_one_by_one(journal: FileJournal) -> None:
    accepted(journal, 7)
    journal.saw([
        seen("7+0", JobState.COMPLETED, het_job=HetJob(7, 0), raw_job_id=7),
        seen("7+1", JobState.FAILED, het_job=HetJob(7, 1), raw_job_id=8),
    ])  # fmt: skip
    assert told(journal, "7+1").state is JobState.FAILED
    assert told(journal, "7").job_id == JobId(7, None, 0, CLUSTER)


@pytest.mark.parametrize(
    "other",
    [
        seen("8", JobState.RUNNING),
        seen("7", JobState.RUNNING, user_id=1001),
        seen("7", JobState.RUNNING, request_id="r-2"),
        replace(seen("7", JobState.RUNNING), job_id=JobId(7, cluster="other")),
    ],
    ids=["number", "user", "request_id", "cluster"],
)
def test_a_job_of_somebody_elses_is_passed_over(journal: FileJournal, other: Job) -> None:
    accepted(journal, 7)
    journal.saw([other])
    assert told(journal, "7").backend_state == ""


def test_the_newest_of_several_jobs_of_one_request_counts(journal: FileJournal) -> None:
    accepted(journal, 7)
    accepted(journal, 8)
    journal.saw([seen("7", JobState.COMPLETED), seen("8", JobState.FAILED)])
    made = journal.made_by("r-1")
    assert made is not None
    assert (made.job_id.job_id, made.state) == (8, JobState.FAILED)


# ---------------------------------------------------------------------------- the outcome


def test_an_entry_tells_what_became_of_it(journal: FileJournal) -> None:
    assert journal.entry("r-1") is None
    number = journal.intend(ENTRY)
    assert journal.entry("r-1") == ENTRY
    journal.settle(number, Outcome.REFUSED, reason="ESLURM_X")
    assert journal.entry("r-1") is None
    accepted(journal, 7)
    assert journal.entry("r-1") == replace(ENTRY, outcome=Outcome.ACCEPTED, job_id=7)
    assert journal.entry("") is None


def test_an_open_entry_is_settled_by_the_job_that_bears_its_mark(journal: FileJournal) -> None:
    journal.intend(ENTRY)
    journal.saw([seen("9", JobState.RUNNING, user_id=1001)])
    assert list(journal.unfinished()) == []
    journal.saw([seen("9", JobState.RUNNING)])
    assert list(journal.unfinished()) == [9]
    assert told(journal, "9").backend_state == "RUNNING"


def test_a_lost_job_is_not_looked_for_again(journal: FileJournal) -> None:
    accepted(journal, 7)
    journal.saw([seen("7", JobState.RUNNING)])
    journal.lost([7])
    assert list(journal.unfinished()) == []
    assert told(journal, "7").state is JobState.UNKNOWN


# ------------------------------------------------------------------------------ the file


def test_everything_is_there_after_a_restart(path: Path) -> None:
    first = open_journal(path)
    accepted(first, 7)
    first.saw([seen("7", JobState.COMPLETED)])
    first.close()
    second = open_journal(path)
    assert told(second, "7").state is JobState.COMPLETED
    second.close()


WRITE_AND_DIE = """
import os, signal, sys
from pathlib import Path
from hpcagent.jobs.journal import Entry, Outcome
from hpcagent.journal import open_journal
journal = open_journal(Path(sys.argv[1]))
journal.settle(journal.intend(Entry("d", 1000, "alice", "a", 1.0, "c", "r-1")), Outcome.ACCEPTED, 7)
journal.intend(Entry("d", 1000, "alice", "b", 2.0, "c", "r-2"))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_written_outlives_a_kill_between_intent_and_outcome(path: Path) -> None:
    died = subprocess.run([sys.executable, "-c", WRITE_AND_DIE, str(path)], check=False)
    assert died.returncode == -signal.SIGKILL
    journal = open_journal(path)
    assert told(journal, "7").name == "a"
    left = journal.entry("r-2")
    assert left is not None
    assert (left.outcome, left.job_id) == (Outcome.OPEN, 0)
    journal.close()


def test_a_second_daemon_is_turned_away(path: Path, journal: FileJournal) -> None:
    accepted(journal, 7)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        open_journal(path)


def test_a_damaged_file_is_put_aside(path: Path) -> None:
    path.write_bytes(b"this is no database, and was never one" * 100)
    journal = open_journal(path)
    accepted(journal, 7)
    assert told(journal, "7").name == "job"
    (aside,) = path.parent.glob("journal.db.damaged-*")
    assert aside.read_bytes().startswith(b"this is no database")
    journal.close()


def test_a_file_of_a_newer_release_is_left_alone(path: Path) -> None:
    open_journal(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(NewerJournalError):
        open_journal(path)
    assert path.read_bytes() == before


def test_old_entries_are_forgotten_and_unfinished_or_late_ones_are_not(
    journal: FileJournal,
) -> None:
    long_ago = replace(ENTRY, asked_at=time.time() - 40 * DAY, request_id="")
    for number in (7, 8, 9):
        accepted(journal, number, long_ago)
    accepted(journal, 10)
    journal.lost([7])
    journal.saw([seen("8", JobState.RUNNING, request_id="")])
    journal.saw([seen("9", JobState.COMPLETED, request_id="")])
    assert journal.prune(30) == 1
    assert journal.job(JobId(7, cluster=CLUSTER)) is None
    assert [told(journal, text).job_id.job_id for text in ("8", "9", "10")] == [8, 9, 10]
    assert journal.prune(0) == 1  # what has ended; the others may still


def test_nothing_of_a_script_or_an_environment_is_in_the_file(path: Path) -> None:
    """An entry has no field for them."""
    assert set(Entry.__dataclass_fields__) == {
        "digest", "user_id", "user", "name", "asked_at", "cluster", "request_id", "outcome",
        "reason", "job_id", "array", "components",
    }  # fmt: skip


# --------------------------------------------------------------------------- when it fails


@pytest.fixture
def full(path: Path) -> Iterator[FileJournal]:
    """A journal whose disk is full: SQLite may have no page more."""
    ours = open_journal(path)
    accepted(ours, 7)
    (pages,) = ours._store.rows("PRAGMA page_count")[0]
    ours._store.rows(f"PRAGMA max_page_count = {pages}")
    yield ours
    ours.close()


def fill(journal: FileJournal) -> BackendUnavailable:
    """Submit until it cannot be written down any more."""
    for _ in range(1000):
        try:
            journal.intend(replace(ENTRY, name="n" * 1000))
        except BackendUnavailable as refused:
            return refused
    pytest.fail("there is room for more")


def test_on_a_full_disk_nothing_is_submitted_and_health_says_why(full: FileJournal) -> None:
    error = fill(full)
    assert (error.reason, error.retry_after) == ("JOURNAL_UNAVAILABLE", 5.0)
    assert "full" in full.trouble


def test_what_was_kept_can_be_read_on_a_full_disk(full: FileJournal) -> None:
    fill(full)
    full.saw([seen("7", JobState.COMPLETED, comment="c" * 100_000)])
    assert told(full, "7").state is JobState.UNKNOWN


def test_once_there_is_room_again_it_recovers_by_itself(full: FileJournal) -> None:
    fill(full)
    full._store.rows("PRAGMA max_page_count = 1000000")
    full.probe()
    assert full.trouble == ""
    assert full.intend(ENTRY)


def test_a_file_that_cannot_be_written_stops_submissions_only(path: Path) -> None:
    journal = open_journal(path)
    accepted(journal, 7)
    journal._store.rows("PRAGMA query_only = 1")
    with pytest.raises(BackendUnavailable, match="readonly"):
        journal.intend(ENTRY)
    assert not journal.settle(1, Outcome.REFUSED)
    assert told(journal, "7").name == "job"
    journal._store.rows("PRAGMA query_only = 0")
    assert journal.settle(1, Outcome.ACCEPTED, 7)
    assert journal.trouble == ""
    journal.close()


def test_a_journal_that_cannot_be_read_never_says_that_there_is_no_job(path: Path) -> None:
    journal = open_journal(path)
    accepted(journal, 7)
    journal.close()
    with pytest.raises(BackendUnavailable):
        journal.job(JobId(7, cluster=CLUSTER))


def test_many_threads_write_at_once(path: Path) -> None:
    journal = open_journal(path)

    def work(worker: int) -> None:
        for index in range(50):
            number = worker * 1000 + index
            entry = replace(ENTRY, request_id=f"r-{number}")
            journal.settle(journal.intend(entry), Outcome.ACCEPTED, number)
            journal.saw([seen(str(number), JobState.COMPLETED, request_id=f"r-{number}")])

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(journal.unfinished()) == []
    assert told(journal, "8049").state is JobState.COMPLETED
    (count,) = journal._store.rows("SELECT count(*) FROM jobs WHERE ended")[0]
    assert count == 400
    journal.close()


def test_a_journal_without_a_file_is_one_as_well() -> None:
    journal = FileJournal(IN_MEMORY)
    accepted(journal, 7)
    assert told(journal, "7").name == "job"
    journal.close()
