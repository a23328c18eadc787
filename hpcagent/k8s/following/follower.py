"""Following jobs on all clusters: the hub that watchers share, and the views that keep it told.

A cluster is followed from the first time that somebody watches it, and from then on, so that those
who come back with a token find what they have missed. After a restart of the daemon, what differs
from what the log has is told as a change.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import DeadlineExceeded
from hpcagent.jobs.model import Job, JobFilter
from hpcagent.jobs.watch import ChangeLog, Hub, Watch
from hpcagent.k8s.client import ApiServer
from hpcagent.k8s.following.view import NamespaceView

_LOOK_SECONDS = 0.2
"""Between two looks why a cluster has not been seen yet."""
_TRIES_SECONDS = 3.0
"""How long a cluster that is in trouble is waited for."""


class Follower:
    """Follows the namespaces of clusters for whoever watches."""

    def __init__(
        self, servers: Mapping[str, ApiServer], namespaces: Iterable[str], changes: ChangeLog
    ) -> None:
        self._hub = Hub(changes)
        places = [(cluster, namespace) for cluster in servers for namespace in namespaces]
        known = _by_place(self._hub.jobs.values())
        self._views = {
            place: NamespaceView(
                servers[place[0]], place[1], self._hub.publish, known.pop(place, ())
            )
            for place in places
        }
        # Of what was followed before the settings changed, no more will be heard.
        self._hub.publish([], [job for jobs in known.values() for job in jobs], time.time())
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


def _by_place(jobs: Iterable[Job]) -> dict[tuple[str, str], list[Job]]:
    found = defaultdict[tuple[str, str], list[Job]](list)
    for one in jobs:
        namespace = one.kubernetes.namespace if one.kubernetes else ""
        found[one.job_id.cluster, namespace].append(one)
    return found


def _wait(view: NamespaceView, deadline: Deadline) -> None:
    """Wait until a view is complete. Raises what keeps it from that."""
    patience = Deadline.after(_TRIES_SECONDS)
    while not view.wait(min(_LOOK_SECONDS, deadline.remaining())):
        if view.trouble is not None and patience.passed:
            raise view.trouble
        if deadline.passed:
            raise view.trouble or DeadlineExceeded("the jobs could not be listed in time")
