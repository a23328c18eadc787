"""A change log in a file, with which a watch outlives the daemon.

SQLite in WAL mode, one file for each backend. What is lost with the host's power is at most the
last changes: the backend is asked how things are, and what differs from what is kept here is told
as a change.
"""

import dataclasses
import enum
import hashlib
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import structlog

from hpcagent.jobs import model
from hpcagent.jobs.model import Job
from hpcagent.jobs.watch import Change

log = structlog.get_logger(__name__)

MOST = 100_000
"""Changes that are kept behind the floor, some 100 MB at the most."""
STEP = 1000
"""So many more may be there before the oldest are dropped."""

_TABLES = """
CREATE TABLE about (epoch TEXT NOT NULL, form TEXT NOT NULL, floor INTEGER NOT NULL);
CREATE TABLE changes (
    number INTEGER PRIMARY KEY,
    prior INTEGER,  -- the change of the same job before, unless that one was its end
    key TEXT NOT NULL,
    gone INTEGER NOT NULL,
    job BLOB NOT NULL
);
CREATE INDEX changes_prior ON changes (prior);
"""
_NEWEST = """
SELECT number, key, job FROM changes AS c
WHERE NOT gone AND NOT EXISTS (SELECT 1 FROM changes WHERE prior = c.number)
"""
_SINCE = """
SELECT c.number, c.key, c.job, c.gone, p.job FROM changes AS c
LEFT JOIN changes AS p ON p.number = c.prior
WHERE c.number > ? AND c.number <= ? ORDER BY c.number LIMIT ?
"""
# Of what falls below the floor only the newest state of each job that is still there is kept.
_DROP = (
    (
        "DELETE FROM changes WHERE number IN"
        " (SELECT prior FROM changes WHERE number > ? AND number <= ?)"
    ),
    "DELETE FROM changes WHERE gone AND number > ? AND number <= ?",
)

_DAMAGED = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Job)


class FileLog:
    """Keeps changes in a file, which only one process at a time may use.

    Raises sqlite3.Error if the file cannot be made or used.
    """

    def __init__(self, path: Path, most: int = MOST, step: int = STEP) -> None:
        self._most = most
        self._step = step
        self._lock = threading.Lock()
        self._store = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # So that a second daemon on the same file is turned away, and not mixed up with this one.
        self._store.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._store.execute("PRAGMA journal_mode = WAL")
        self._store.execute("PRAGMA synchronous = NORMAL")
        self.epoch = self._prepare()
        (self.floor,) = self._one("SELECT floor FROM about")
        (newest,) = self._one("SELECT max(number) FROM changes")
        self.number: int = max(newest or 0, self.floor)
        newest_by_key = self._store.execute(_NEWEST).fetchall()
        self._newest: dict[str, int | None] = {key: number for number, key, _ in newest_by_key}
        self._at_start = {key: _read(job) for _, key, job in newest_by_key}

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._store.close()

    def jobs(self) -> Mapping[str, Job]:
        """Return the jobs that were there when the file was opened."""
        jobs, self._at_start = self._at_start, {}
        return jobs

    def append(self, changes: Sequence[Change]) -> None:
        """Keep changes, and drop old ones now and then."""
        number = changes[-1].number if changes else self.number
        floor = (
            self.floor if number - self.floor <= self._most + self._step else number - self._most
        )
        newest = dict[str, int | None]()
        rows = [self._row(change, newest) for change in changes]
        with self._lock, self._transaction():
            self._store.executemany("INSERT INTO changes VALUES (?, ?, ?, ?, ?)", rows)
            if floor > self.floor:
                for drop in _DROP:
                    self._store.execute(drop, (self.floor, floor))
                self._store.execute("UPDATE about SET floor = ?", (floor,))
        self.number, self.floor = number, floor
        self._newest |= newest
        for key in [key for key, kept in newest.items() if kept is None]:
            del self._newest[key]

    def since(self, number: int, until: int, most: int) -> Sequence[Change]:
        """Return changes behind a number, the oldest ``most`` of them up to ``until``."""
        with self._lock:
            rows = self._store.execute(_SINCE, (number, until, most)).fetchall()
        return [
            Change(number, key, _read(job), bool(gone), before and _read(before))
            for number, key, job, gone, before in rows
        ]

    # ------------------------------------------------------------------ the file

    def _prepare(self) -> str:
        """Make the tables where they are not there, or hold jobs in another form; the epoch."""
        made = self._store.execute("SELECT 1 FROM sqlite_master WHERE name = 'about'").fetchone()
        if made:
            epoch, form = self._one("SELECT epoch, form FROM about")
            if form == _FORM:
                return str(epoch)
        epoch = secrets.token_hex(8)
        with self._transaction():
            for table in ("about", "changes"):
                self._store.execute(f"DROP TABLE IF EXISTS {table}")
            for statement in filter(str.strip, _TABLES.split(";")):
                self._store.execute(statement)
            self._store.execute("INSERT INTO about VALUES (?, ?, 0)", (epoch, _FORM))
        return epoch

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._store.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._store.execute("ROLLBACK")
            raise
        self._store.execute("COMMIT")

    def _one(self, question: str) -> Any:  # noqa: ANN401 - a row
        return self._store.execute(question).fetchone()

    def _row(
        self, change: Change, newest: dict[str, int | None]
    ) -> tuple[int, int | None, str, bool, bytes]:
        """Return a change's row; ``newest`` has the number of each job's newest among the rows."""
        key = change.key
        prior = newest[key] if key in newest else self._newest.get(key)
        newest[key] = None if change.gone else change.number
        return change.number, prior, key, change.gone, _encoder.encode(change.job)


def open_log(path: Path) -> FileLog:
    """Open a log, and begin a new one where the file is damaged: then all tokens have expired.

    Raises OSError, sqlite3.Error if there cannot be one.
    """
    try:
        return FileLog(path)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode not in _DAMAGED:
            raise
        log.warning("change_log_damaged", path=str(path), trouble=str(error))
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return FileLog(path)


def _read(form: bytes) -> Job:
    """Return a job as it was written; one of Kubernetes has an id of another class."""
    job = _decoder.decode(form)
    if (parts := job.kubernetes) is None:
        return job
    job_id = model.ObjectId(cluster=job.job_id.cluster, namespace=parts.namespace, name=parts.name)
    return dataclasses.replace(job, job_id=job_id)


def _form_of(structure: Any) -> Any:  # noqa: ANN401 - a dataclass or an enum
    """Return what the encoding of a dataclass's or an enum's values depends on."""
    if isinstance(structure, type) and issubclass(structure, enum.Enum):
        return [(word.name, word.value) for word in structure]
    return [(field.name, str(field.type)) for field in dataclasses.fields(structure)]


_STRUCTURES = (
    model.Job, model.JobId, model.ObjectId, model.KubernetesJob, model.JobArray, model.HetJob,
    model.JobReason, model.ExitStatus, model.Tres, model.JobState, model.JobStateFlag,
    model.JobSource,
)  # fmt: skip
_FORM = hashlib.sha256(repr([_form_of(one) for one in _STRUCTURES]).encode()).hexdigest()
"""Names the form in which jobs are written: a release that changes it begins a new log."""
