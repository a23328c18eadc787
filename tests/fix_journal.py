"""A journal in a file of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hpcagent.journal import FileJournal, open_journal


@pytest.fixture
def journal_file(tmp_path: Path) -> Path:
    """Where the journal is; nothing is there until a test, or ``journal``, makes it."""
    return tmp_path / "journal.db"


@pytest.fixture
def journal(journal_file: Path) -> Iterator[FileJournal]:
    """The journal, as a daemon opens it."""
    ours = open_journal(journal_file)
    yield ours
    ours.close()
