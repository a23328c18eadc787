"""The journal's file: what it outlives, and how the journal behaves where it fails."""

import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from unit.journals import CLUSTER, DAY, ENTRY, accepted, seen, told

from hpcagent.jobs.errors import BackendUnavailable
from hpcagent.jobs.journal import Entry, Outcome
from hpcagent.jobs.model import (
    JobId,
    JobState,
)
from hpcagent.journal import IN_MEMORY, FileJournal, NewerJournalError, open_journal
from hpcagent.journal.store import MIGRATIONS

# ------------------------------------------------------------------------------ the file


def test_everything_is_there_after_a_restart(journal_file: Path) -> None:
    first = open_journal(journal_file)
    accepted(first, 7)
    first.saw([seen("7", JobState.COMPLETED)])
    first.close()
    second = open_journal(journal_file)
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


def test_what_was_written_outlives_a_kill_between_intent_and_outcome(journal_file: Path) -> None:
    died = subprocess.run([sys.executable, "-c", WRITE_AND_DIE, str(journal_file)], check=False)
    assert died.returncode == -signal.SIGKILL
    journal = open_journal(journal_file)
    assert told(journal, "7").name == "a"
    left = journal.entry("r-2")
    assert left is not None
    assert (left.outcome, left.job_id) == (Outcome.OPEN, 0)
    journal.close()


def test_nobody_else_can_read_its_files(journal_file: Path, journal: FileJournal) -> None:
    accepted(journal, 7)
    modes = {file.name: file.stat().st_mode & 0o777 for file in journal_file.parent.iterdir()}
    assert modes == {"journal.db": 0o600, "journal.db-wal": 0o600}


def test_a_second_daemon_is_turned_away(journal_file: Path, journal: FileJournal) -> None:
    accepted(journal, 7)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        open_journal(journal_file)


def test_a_damaged_file_is_put_aside(journal_file: Path) -> None:
    journal_file.write_bytes(b"this is no database, and was never one" * 100)
    journal = open_journal(journal_file)
    accepted(journal, 7)
    assert told(journal, "7").name == "job"
    (aside,) = journal_file.parent.glob("journal.db.damaged-*")
    assert aside.read_bytes().startswith(b"this is no database")
    journal.close()


def test_a_file_of_a_newer_release_is_left_alone(journal_file: Path) -> None:
    open_journal(journal_file).close()
    with sqlite3.connect(journal_file) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    before = journal_file.read_bytes()
    with pytest.raises(NewerJournalError):
        open_journal(journal_file)
    assert journal_file.read_bytes() == before


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


def test_any_number_of_old_entries_is_forgotten(journal: FileJournal) -> None:
    long_ago = replace(ENTRY, asked_at=time.time() - 40 * DAY, request_id="")
    for _ in range(1201):
        journal.settle(journal.intend(long_ago), Outcome.REFUSED)
    assert journal.prune(30) == 1201
    assert journal.prune(30) == 0


def test_nothing_of_a_script_or_an_environment_is_in_the_file(journal_file: Path) -> None:
    """An entry has no field for them."""
    assert set(Entry.__dataclass_fields__) == {
        "digest", "user_id", "user", "name", "asked_at", "cluster", "request_id", "outcome",
        "reason", "job_id", "array", "components",
    }  # fmt: skip


# --------------------------------------------------------------------------- when it fails


@pytest.fixture
def full(journal_file: Path) -> Iterator[FileJournal]:
    """A journal whose disk is full: SQLite may have no page more."""
    ours = open_journal(journal_file)
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


def test_a_file_that_cannot_be_written_stops_submissions_only(journal_file: Path) -> None:
    journal = open_journal(journal_file)
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


def test_a_journal_that_cannot_be_read_never_says_that_there_is_no_job(journal_file: Path) -> None:
    journal = open_journal(journal_file)
    accepted(journal, 7)
    journal.close()
    with pytest.raises(BackendUnavailable):
        journal.job(JobId(7, cluster=CLUSTER))


def test_many_threads_write_at_once(journal_file: Path) -> None:
    journal = open_journal(journal_file)

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
