"""The directory in which the daemon keeps what must outlive it, for one daemon alone.

Two daemons that write the same files would each take the other's jobs for its own, so the directory
is claimed before anything in it is opened. Without a directory all of it lives in memory.
"""

import errno
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import structlog

from hpcagent import config
from hpcagent.changelog import open_log
from hpcagent.jobs.watch import ChangeLog, MemoryLog
from hpcagent.journal import IN_MEMORY, FileJournal, NewerJournalError, open_journal

SLURM_CHANGES: Final = "slurm-changes.db"
"""The file that has the changes of Slurm's jobs."""
KUBERNETES_CHANGES: Final = "kubernetes-changes.db"
"""The file that has the changes of Kubernetes' jobs."""
JOURNAL: Final = "slurm-journal.db"
"""The file that has the submitted jobs."""

logger = structlog.get_logger(__name__)


class StateError(Exception):
    """The directory, or a file in it, cannot be used; the words say why."""


@contextmanager
def claimed(settings: config.State) -> Iterator[Path | None]:
    """Make the directory if need be, and keep other daemons out of it; None: there is none.

    The settings' directory comes before the one that systemd gives. Raises StateError.
    """
    name = settings.directory or os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if not name:
        yield None
        return
    directory = Path(name)
    with _usable(directory):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _lock(handle, directory)
        yield directory
    finally:
        os.close(handle)


def _lock(handle: int, directory: Path) -> None:
    """Take the directory's lock, which the kernel lets go of when the process ends."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno == errno.EWOULDBLOCK:
            said = "another daemon keeps its state there: stop it, or set another state.directory"
            raise StateError(f"{directory}: {said}") from error
        raise StateError(f"{directory}: {error}") from error


@contextmanager
def _usable(path: Path | None) -> Iterator[None]:
    """Tell what goes wrong with a file or directory while it is opened as StateError."""
    try:
        yield
    except (OSError, sqlite3.Error, NewerJournalError) as error:
        raise StateError(f"{path}: {error}") from error


@contextmanager
def changes(directory: Path | None, name: str) -> Iterator[ChangeLog]:
    """Open the log of a backend's changes, so named. Raises StateError."""
    if directory is None:
        yield MemoryLog()
        return
    with _usable(directory / name):
        kept = open_log(directory / name)
    with closing(kept):
        yield kept


@contextmanager
def journal(directory: Path | None) -> Iterator[FileJournal]:
    """Open the journal. Raises StateError."""
    path = directory / JOURNAL if directory else IN_MEMORY
    with _usable(path):
        kept = open_journal(path)
    if path is IN_MEMORY:
        logger.warning("journal_in_memory", trouble="without a state directory it ends with us")
    with closing(kept):
        yield kept
