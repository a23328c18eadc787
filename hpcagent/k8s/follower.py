"""Following jobs on all clusters: the hub that watchers share, and the views that keep it told.

A cluster is followed from the first time that somebody watches it, and from then on, so that those
who come back with a token find what they have missed.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import DeadlineExceeded
from hpcagent.jobs.model import JobFilter
from hpcagent.jobs.watch import Hub, MemoryLog, Watch
from hpcagent.k8s.client import ApiServer
from hpcagent.k8s.view import NamespaceView

_LOOK_SECONDS = 0.2
"""Between two looks why a cluster has not been seen yet."""
_TRIES_SECONDS = 3.0
"""How long a cluster that is in trouble is waited for."""


class Follower:
    """Follows the namespaces of clusters for whoever watches."""

    def __init__(self, servers: Mapping[str, ApiServer], namespaces: Iterable[str]) -> None:
        self._hub = Hub(MemoryLog())
        self._views = {
            (cluster, namespace): NamespaceView(server, namespace, self._hub.publish)
            for cluster, server in servers.items()
            for namespace in namespaces
        }
        self._started: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def close(self) -> None:
        """Follow no more."""
        with self._lock:
            for name in self._started:
                self._views[name].close()

    @contextmanager
    def watch(self, wanted: JobFilter, resume_token: str, deadline: Deadline) -> Iterator[Watch]:
        """Watch jobs of the clusters that a filter names.

        Raises InvalidRequest or Expired (the token), DeadlineExceeded, or what keeps a cluster from
        being followed.
        """
        for name, view in self._views.items():
            if name[0] in wanted.clusters and name[1] in (wanted.namespaces or (name[1],)):
                self._start(name)
                _wait(view, deadline)
        watch = self._hub.watch(wanted, resume_token)
        try:
            yield watch
        finally:
            self._hub.leave(watch)

    def _start(self, name: tuple[str, str]) -> None:
        with self._lock:
            if name not in self._started:
                self._started.add(name)
                self._views[name].start()


def _wait(view: NamespaceView, deadline: Deadline) -> None:
    """Wait until a view is complete. Raises what keeps it from that."""
    patience = Deadline.after(_TRIES_SECONDS)
    while not view.wait(min(_LOOK_SECONDS, deadline.remaining())):
        if view.trouble is not None and patience.passed:
            raise view.trouble
        if deadline.passed:
            raise view.trouble or DeadlineExceeded("the jobs could not be listed in time")
