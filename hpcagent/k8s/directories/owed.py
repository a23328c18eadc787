"""The directories that the agent made and has to remove: kept in a file, and believed.

What stands in Kubernetes is not: whoever may change annotations there could have the agent remove
any user's files. SQLite in WAL mode; what is lost with the host's power is a directory that stays.
"""

import sqlite3
import threading
from pathlib import Path

import msgspec

_TABLE = (
    "CREATE TABLE IF NOT EXISTS owed (path TEXT PRIMARY KEY, entry BLOB NOT NULL) WITHOUT ROWID"
)


class Owed(msgspec.Struct, frozen=True, kw_only=True):
    """A directory, as whom it was made, and the workload that it was made for."""

    path: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    cluster: str
    namespace: str
    kind: str
    name: str
    digest: str
    """Of the request: another workload may be given the same name."""
    selector: dict[str, str]
    """Labels of the workload's pods."""
    made_at: float
    """Seconds since the epoch."""
    created: bool = False
    """The workload has been made; else that is not known yet."""


class OwedFile:
    """The list in a file; without one it lives as long as the process. Raises sqlite3.Error."""

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.Lock()
        name = str(path) if path else ":memory:"
        self._store = sqlite3.connect(name, isolation_level=None, check_same_thread=False)
        self._store.execute("PRAGMA journal_mode = WAL")
        self._store.execute("PRAGMA synchronous = NORMAL")
        self._store.execute(_TABLE)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._store.close()

    def put(self, entry: Owed) -> None:
        """Note a directory, in place of what was noted for the same path."""
        form = msgspec.json.encode(entry)
        with self._lock:
            self._store.execute("INSERT OR REPLACE INTO owed VALUES (?, ?)", (entry.path, form))

    def drop(self, path: str) -> None:
        """Forget a directory."""
        with self._lock:
            self._store.execute("DELETE FROM owed WHERE path = ?", (path,))

    def all(self) -> list[Owed]:
        """Return all of them."""
        with self._lock:
            rows = self._store.execute("SELECT entry FROM owed").fetchall()
        return [msgspec.json.decode(form, type=Owed) for (form,) in rows]
