"""Which workloads this agent deleted itself: what else is gone, somebody else deleted.

Kubernetes does not keep who deleted an object, and an annotation that announces it would be one
more change of the workload, and one more request. So it is remembered here, for as long as the
agent runs.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from hpcagent.jobs.errors import AgentError, OutcomeUnknown

MOST = 100_000
"""Uids that are remembered, some 10 MB: more than are on their way out at any time."""


class Deletions:
    """The uids of workloads that this agent deletes; safe from any thread."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._uids: dict[str, None] = {}

    def __contains__(self, uid: str) -> bool:
        """Whether this agent deleted it."""
        with self._lock:
            return uid in self._uids

    @contextmanager
    def of(self, uid: str) -> Iterator[None]:
        """Remember a deletion from before it is sent; forget it if the API server refuses."""
        new = self._note(uid)
        try:
            yield
        except OutcomeUnknown:
            raise
        except AgentError:
            if new:
                self._forget(uid)
            raise

    def _note(self, uid: str) -> bool:
        """Remember a uid, and forget the oldest if they are too many; whether it is new."""
        with self._lock:
            new = uid not in self._uids
            self._uids[uid] = None
            if len(self._uids) > self._most:
                del self._uids[next(iter(self._uids))]
            return new

    def _forget(self, uid: str) -> None:
        with self._lock:
            self._uids.pop(uid, None)
