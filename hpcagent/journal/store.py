"""The file: opened, brought to this release's form, and written to in transactions."""

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog

log = structlog.get_logger(__name__)

MIGRATIONS: Sequence[str] = (
    """
    CREATE TABLE entries (
        number INTEGER PRIMARY KEY,
        cluster TEXT NOT NULL,
        request_id TEXT NOT NULL,
        digest TEXT NOT NULL,
        user_id INTEGER NOT NULL,
        user TEXT NOT NULL,
        name TEXT NOT NULL,
        asked_at REAL NOT NULL,
        settled_at REAL,
        outcome TEXT NOT NULL,
        reason TEXT NOT NULL DEFAULT '',
        job_id INTEGER NOT NULL DEFAULT 0,
        array TEXT NOT NULL,  -- the tasks, as asked for
        components INTEGER NOT NULL,
        answer BLOB,  -- what the caller was told, for whoever asks again
        unfinished INTEGER NOT NULL DEFAULT 0  -- its end has not been seen, and may still come
    );
    CREATE INDEX entries_request_id ON entries (request_id) WHERE request_id != '';
    CREATE INDEX entries_job_id ON entries (job_id) WHERE job_id != 0;
    CREATE INDEX entries_unfinished ON entries (unfinished) WHERE unfinished;
    CREATE INDEX entries_asked_at ON entries (asked_at);
    CREATE TABLE jobs (
        entry INTEGER NOT NULL REFERENCES entries (number) ON DELETE CASCADE,
        id TEXT NOT NULL,  -- as Slurm prints it
        raw_job_id INTEGER NOT NULL,
        state TEXT NOT NULL,
        backend_state TEXT NOT NULL,
        ended INTEGER NOT NULL,
        seen_at REAL NOT NULL,
        job BLOB NOT NULL,
        PRIMARY KEY (entry, id)
    ) WITHOUT ROWID;
    CREATE INDEX jobs_raw_job_id ON jobs (raw_job_id);
    CREATE TABLE written (one INTEGER PRIMARY KEY CHECK (one = 1), at REAL NOT NULL);
    """,
)
"""What makes each version of the file out of the one before; the first one, out of nothing.

What has been released is never changed: a new version is a new row.
"""

_DAMAGED = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})
_BUSY_SECONDS = 1.0
"""How long a file that another process has is waited for."""


class NewerJournalError(Exception):
    """The file was written by a newer release, which this one cannot read."""


class Store:
    """A journal's file. ``path`` empty: in memory, for as long as the process lives."""

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.RLock()
        name = str(path) if path else ":memory:"
        self._connection = sqlite3.connect(
            name, isolation_level=None, check_same_thread=False, timeout=_BUSY_SECONDS
        )
        try:
            # A second daemon on the same file is turned away, and not mixed up with this one.
            self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute("PRAGMA foreign_keys = ON")
            self._migrate()
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    def rows(self, question: str, *values: object) -> list[Any]:
        """Return what a question answers."""
        with self._lock:
            return self._connection.execute(question, values).fetchall()

    def write(self, statement: str, *values: object) -> int:
        """Carry out one statement; the number of the row that it made."""
        with self.transaction() as connection:
            return connection.execute(statement, values).lastrowid or 0

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Carry out several statements, or none of them."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk may have rolled back already
                    self._connection.execute("ROLLBACK")
                raise

    def _migrate(self) -> None:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version > len(MIGRATIONS):
            said = f"version {version}, but this release knows up to {len(MIGRATIONS)}"
            raise NewerJournalError(said)
        for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
            with self.transaction() as connection:
                for statement in filter(str.strip, script.split(";\n")):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")


def open_store(path: Path) -> Store:
    """Open a file; one that is damaged is put aside under another name, and a new one begun.

    Raises OSError, sqlite3.Error, NewerJournalError.
    """
    path.touch(mode=0o600)  # SQLite makes the files beside it like this one
    try:
        return Store(path)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode not in _DAMAGED:
            raise
        damaged = f"{path.name}.damaged-{int(time.time())}"
        log.warning("journal_damaged", path=str(path), trouble=str(error), kept_as=damaged)
    path.rename(path.with_name(damaged))
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.touch(mode=0o600)
    return Store(path)
