"""Following the queue from look to look, on the worker's side.

What was told last is remembered here, in C. The daemon names the answer that it had last: if that
is not the last one given, because it was lost or another worker gave it, all jobs are told anew.
"""

import secrets
import threading
from collections.abc import Sequence
from typing import Any

import _slurm

MOST = 20_000
"""Changed jobs that one answer tells, some 25 MB; the following answers tell the rest."""


class Tracking:
    """One queue's looks; they come one at a time."""

    def __init__(self, members: Sequence[str], flags: int) -> None:
        self._members = members
        self._flags = flags
        self._lock = threading.Lock()
        self._tracker = _slurm.Tracker(members)
        self._answer = ""

    def look(self, answer: str) -> dict[str, Any]:
        """Tell what has changed since an answer; ``fresh``: since nothing, so it is all there is.

        ``next`` names the new answer.
        """
        with self._lock:
            fresh = not answer or answer != self._answer
            if fresh:
                self._tracker = _slurm.Tracker(self._members)
            self._answer = ""  # until there is a new one
            changes = self._tracker.load(limit=MOST, flags=self._flags)
            self._answer = secrets.token_hex(8)
            return {
                "next": self._answer,
                "fresh": fresh,
                "more": changes.more,
                "changed": changes.changed,
                "vanished": changes.vanished,
            }
