"""The journal in a file: what was submitted, and what became of it.

SQLite in WAL mode, one file for each backend, which only one process at a time may use. An entry
that was written is there after the daemon was killed; with the host's power the last moments may be
lost, of which the marks in the jobs themselves still tell. ``store`` is the file, ``ledger`` what
is in it.
"""

from hpcagent.journal.ledger import IN_MEMORY, FileJournal, open_journal
from hpcagent.journal.store import NewerJournalError

__all__ = ["IN_MEMORY", "FileJournal", "NewerJournalError", "open_journal"]
