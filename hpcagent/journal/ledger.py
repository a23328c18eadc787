"""What is in the journal: an entry for each submission, and the jobs that came of it."""

import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import structlog

from hpcagent.jobs.errors import BackendUnavailable
from hpcagent.jobs.journal import Entry, Outcome
from hpcagent.jobs.matching import is_same
from hpcagent.jobs.model import ENDED, Job, JobId, JobStateFlag
from hpcagent.journal import remembered
from hpcagent.journal.store import Store, open_store

log = structlog.get_logger(__name__)

IN_MEMORY = None
"""In place of a path: a journal that lives as long as the process."""
DAY = 86_400.0
RETRY_SECONDS = 5.0
"""When a caller may try again whose submission could not be written down."""
_AT_ONCE = 500
"""Values in one question, of which SQLite takes 32,766; and entries forgotten at once."""
_MOST_REMEMBERED = 200_000
"""Jobs of which it is kept in memory how they were written last, so as not to write it again."""

_FIELDS = (
    "cluster", "request_id", "digest", "user_id", "user", "name", "asked_at", "outcome", "reason",
    "job_id", "array", "components",
)  # fmt: skip
_COLUMNS = ", ".join(_FIELDS)
_INTEND = f"INSERT INTO entries ({_COLUMNS}) VALUES ({', '.join('?' * len(_FIELDS))})"  # noqa: S608
_SETTLE = """
UPDATE entries SET settled_at = ?, outcome = ?, reason = ?, job_id = ?, unfinished = ?
WHERE number = ?
"""
_SAW = """
INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (entry, id) DO UPDATE SET
    raw_job_id = excluded.raw_job_id, state = excluded.state,
    backend_state = excluded.backend_state, ended = excluded.ended,
    seen_at = excluded.seen_at, job = excluded.job
"""
_FINISH = """
UPDATE entries SET unfinished = EXISTS (SELECT 1 FROM jobs WHERE entry = number AND NOT ended)
WHERE number = ?
"""
_PRUNE = """
DELETE FROM entries WHERE number IN (
    SELECT number FROM entries WHERE asked_at < ?1 AND NOT unfinished
    AND NOT EXISTS (SELECT 1 FROM jobs WHERE entry = number AND seen_at >= ?1) LIMIT ?2
)
"""
_PROBE = "INSERT OR REPLACE INTO written VALUES (1, ?)"

_encoder = msgspec.msgpack.Encoder()
_Result = TypeVar("_Result")


class FileJournal:
    """A ``hpcagent.jobs.journal.Journal`` in a file, or in memory."""

    def __init__(self, path: Path | None) -> None:
        self._store = Store(IN_MEMORY) if path is None else open_store(path)
        self._known: dict[tuple[int, str], int] = {}
        self.trouble = ""

    def close(self) -> None:
        """Let go of the file."""
        self._store.close()

    # ------------------------------------------------------------------ submissions

    def intend(self, entry: Entry) -> int:
        """Write down that a job is about to be submitted; the entry's number."""
        values = [getattr(entry, field) for field in _FIELDS]
        values[_FIELDS.index("outcome")] = entry.outcome.name
        number = self._try(lambda: self._store.write(_INTEND, *values))
        if number is None:
            said = f"the agent's journal cannot be written ({self.trouble}); nothing was sent"
            raise _unavailable(said)
        return number

    def settle(self, number: int, outcome: Outcome, job_id: int = 0, reason: str = "") -> bool:
        """Write down what became of an entry; False if it cannot be written."""
        values = (time.time(), outcome.name, reason, job_id, bool(job_id), number)
        return self._try(lambda: self._store.write(_SETTLE, *values)) is not None

    def entry(self, request_id: str) -> Entry | None:
        """Return the newest entry of a request that was not refused."""
        question = (
            f"SELECT {_COLUMNS} FROM entries WHERE request_id = ? AND outcome != 'REFUSED'"  # noqa: S608
            " ORDER BY number DESC LIMIT 1"
        )
        rows = self._rows(question, request_id) if request_id else []
        return _entry(rows[0]) if rows else None

    # ------------------------------------------------------------------ jobs

    def saw(self, jobs: Sequence[Job]) -> None:
        """Take note of how jobs are. Those that are of no entry are passed over."""
        self._try(lambda: self._saw(jobs))

    def known(self, jobs: Sequence[Job]) -> Collection[int]:
        """Return the numbers of entries' jobs that are among these."""
        return self._reading(lambda: {_submitted_as(job) for _, job in self._of_entries(jobs)})

    def unfinished(self) -> Collection[int]:
        """Return the numbers of jobs whose end has not been seen."""
        return [job_id for (job_id,) in self._rows("SELECT job_id FROM entries WHERE unfinished")]

    def lost(self, job_ids: Collection[int]) -> None:
        """Take note that the backend no longer has these jobs: no end will be seen."""
        for some in _parts(job_ids):
            statement = f"UPDATE entries SET unfinished = 0 WHERE job_id IN ({_marks(some)})"  # noqa: S608
            self._try(lambda: self._store.write(statement, *some))  # noqa: B023 - called at once

    def job(self, job_id: JobId) -> Job | None:
        """Return what was last seen of a job of ``job_id.cluster``."""
        rows = self._rows(
            f"SELECT number, {_COLUMNS} FROM entries AS e WHERE cluster = ? AND (job_id = ? OR"  # noqa: S608
            " EXISTS (SELECT 1 FROM jobs WHERE entry = e.number AND raw_job_id = ?))"
            " ORDER BY number DESC LIMIT 1",
            job_id.cluster, job_id.job_id, job_id.job_id,
        )  # fmt: skip
        return self._remembered(rows, job_id)

    def made_by(self, request_id: str) -> Job | None:
        """Return what was last seen of the newest job that a request made."""
        rows = self._rows(
            f"SELECT number, {_COLUMNS} FROM entries WHERE request_id = ? AND job_id != 0"  # noqa: S608
            " ORDER BY number DESC LIMIT 1",
            request_id,
        )
        return self._remembered(rows, None)

    # ------------------------------------------------------------------ upkeep

    def prune(self, keep_days: float) -> int:
        """Forget what is finished and older; how many entries that were."""
        before, forgotten = time.time() - keep_days * DAY, 0

        def delete() -> int:
            with self._store.transaction() as connection:
                return connection.execute(_PRUNE, (before, _AT_ONCE)).rowcount

        while some := self._try(delete):  # in parts: submissions wait for no longer than for one
            forgotten += some
        return forgotten

    def probe(self) -> None:
        """Find out whether it can be written again."""
        self._try(lambda: self._store.write(_PROBE, time.time()))

    # ------------------------------------------------------------------ within

    def _try(self, action: Callable[[], _Result]) -> _Result | None:
        """Write, or note why it cannot be done; None then."""
        try:
            result = action()
        except sqlite3.Error as error:
            if not self.trouble:
                log.warning("journal_failed", trouble=str(error))
            self.trouble = str(error) or type(error).__name__
            return None
        if self.trouble:
            log.info("journal_recovered")
            self.trouble = ""
        return result

    def _rows(self, question: str, *values: object) -> list[Any]:
        return self._reading(lambda: self._store.rows(question, *values))

    @staticmethod
    def _reading(action: Callable[[], _Result]) -> _Result:
        try:
            return action()
        except sqlite3.Error as error:
            said = f"the agent's journal cannot be read ({error})"
            raise _unavailable(said) from error

    def _saw(self, jobs: Sequence[Job]) -> None:
        now = time.time()
        news: list[tuple[int, Job, bytes]] = []
        for number, job in self._of_entries(jobs):
            form = _encoder.encode(_lasting(job))
            if self._known.get((number, str(job.job_id))) != hash(form):
                news.append((number, job, form))
        if not news:
            return
        with self._store.transaction() as connection:
            connection.executemany(
                _SAW, [_row(number, job, form, now) for number, job, form in news]
            )
            for number, job, _ in news:
                if _was_waiting_record(job):
                    gone = (number, str(job.job_id.job_id))
                    connection.execute("DELETE FROM jobs WHERE entry = ? AND id = ?", gone)
            connection.executemany(_FINISH, {(number,) for number, _, _ in news})
        if len(self._known) > _MOST_REMEMBERED:
            self._known.clear()
        self._known |= {(number, str(job.job_id)): hash(form) for number, job, form in news}

    def _of_entries(self, jobs: Sequence[Job]) -> Iterator[tuple[int, Job]]:
        """Yield the jobs that came of entries, and settle entries whose job shows up."""
        self._find_open(jobs)
        entries: dict[int, list[Any]] = {}
        for some in _parts({_submitted_as(job) for job in jobs}):
            question = (
                "SELECT job_id, number, cluster, user_id, request_id, asked_at FROM entries"  # noqa: S608
                f" WHERE job_id IN ({_marks(some)}) ORDER BY number"
            )
            entries |= {job_id: rest for job_id, *rest in self._store.rows(question, *some)}
        for job in jobs:
            number, cluster, *origin = entries.get(_submitted_as(job), [0, "", 0, "", 0.0])
            if number and job.job_id.cluster == cluster and is_same(job, *origin):
                yield number, job

    def _find_open(self, jobs: Sequence[Job]) -> None:
        """Settle entries of which nothing was known, by the marks that jobs bear."""
        marked = {job.request_id: job for job in jobs if job.request_id}
        for some in _parts(marked):
            question = (
                "SELECT number, request_id, user_id, cluster FROM entries"  # noqa: S608
                f" WHERE outcome = 'OPEN' AND request_id IN ({_marks(some)})"
            )
            for number, request_id, user_id, cluster in self._store.rows(question, *some):
                job = marked[request_id]
                if (user_id, cluster) == (job.user_id, job.job_id.cluster):
                    self.settle(number, Outcome.ACCEPTED, _submitted_as(job))

    def _remembered(self, rows: Sequence[Any], job_id: JobId | None) -> Job | None:
        if not rows:
            return None
        (number, *columns), *_ = rows
        entry = _entry(columns)
        seen = self._rows("SELECT job, backend_state, seen_at FROM jobs WHERE entry = ?", number)
        wanted = job_id or JobId(entry.job_id, cluster=entry.cluster)
        return remembered.job(entry, seen, wanted)


def open_journal(path: Path | None) -> FileJournal:
    """Open a journal. Raises OSError, sqlite3.Error, NewerJournalError if there cannot be one."""
    return FileJournal(path)


def _unavailable(said: str) -> BackendUnavailable:
    return BackendUnavailable(said, reason="JOURNAL_UNAVAILABLE", retry_after=RETRY_SECONDS)


def has_ended(job: Job) -> bool:
    """Whether no more is to come of a job, unless it is requeued."""
    return job.state in ENDED and JobStateFlag.COMPLETING not in job.state_flags


def _submitted_as(job: Job) -> int:
    if job.array is not None:
        return job.array.array_job_id
    return job.het_job.het_job_id if job.het_job else job.job_id.job_id


def _was_waiting_record(job: Job) -> bool:
    """Whether a task took over the record that stood for the array's waiting tasks: none wait."""
    return job.job_id.array_task_id is not None and job.raw_job_id == job.job_id.job_id


def _lasting(job: Job) -> Job:
    """Leave out what differs from look to look although nothing has happened."""
    return replace(job, as_of_time=0, run_time=job.run_time if has_ended(job) else 0)


def _row(number: int, job: Job, form: bytes, now: float) -> tuple[object, ...]:
    return (
        number, str(job.job_id), job.raw_job_id, job.state.name, job.backend_state,
        has_ended(job), now, form,
    )  # fmt: skip


def _entry(columns: Sequence[Any]) -> Entry:
    values = dict(zip(_FIELDS, columns, strict=True))
    return Entry(**{**values, "outcome": Outcome[values["outcome"]]})


def _parts(values: Iterable[Any]) -> Iterator[list[Any]]:
    everything = list(values)
    for begin in range(0, len(everything), _AT_ONCE):
        yield everything[begin : begin + _AT_ONCE]


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
