"""Removing the directories of tasks that are gone, in a thread of its own.

However a task went: cancelled, deleted by somebody else, or by Kubernetes when its time was over.
"""

import errno
import threading
import time
from collections import defaultdict
from collections.abc import Mapping

import structlog

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import AgentError
from hpcagent.k8s.client import ApiServer, Object
from hpcagent.k8s.directories.owed import Owed
from hpcagent.k8s.directories.staging import Staging
from hpcagent.k8s.marks import DIGEST, MADE_DIRECTORY, JobFacts
from hpcagent.k8s.paths import clean
from hpcagent.k8s.resources import WORKLOADS
from hpcagent.k8s.states.observation import OWN, listed, workload_of
from hpcagent.k8s.states.pods import is_ending

_PERIOD = 30.0
"""Seconds between two looks."""
_SOON = 1.0
"""The same while a task is on its way out."""
_PATIENCE = 60.0
"""Seconds that one look may take."""
_CLOSING = 5.0
"""Seconds that the end waits for a look."""
_UNSEEN_SECONDS = 600.0
"""After which a task that nobody has seen made was not made: longer than any deadline."""
_FINAL = frozenset({errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENOTDIR, errno.ENOTEMPTY})
"""What trying again does not help against, as files that a container wrote as root."""

logger = structlog.get_logger(__name__)


class Clearing:
    """Looks after the directories that are owed removal."""

    def __init__(self, staging: Staging, servers: Mapping[str, ApiServer]) -> None:
        self._staging = staging
        self._servers = servers
        self._news = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="k8s-clearing", daemon=True)

    def start(self) -> None:
        """Look now, and then from time to time."""
        self._thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._closed = True
        self._news.set()
        if self._thread.is_alive():
            self._thread.join(_CLOSING)

    def wake(self) -> None:
        """Look soon: a task is on its way out."""
        self._news.set()

    def _run(self) -> None:
        while not self._closed:
            under_way = self._safely()
            self._news.wait(_SOON if under_way else _PERIOD)
            self._news.clear()

    def _safely(self) -> bool:
        try:
            return self.look()
        except Exception:  # the thread must live on: what failed is tried again
            logger.exception("work_dirs_look_failed")
            return False

    def look(self) -> bool:
        """Remove what can be removed; tells whether a task is on its way out."""
        places = defaultdict[tuple[str, str], list[Owed]](list)
        for entry in self._staging.owed.all():
            places[entry.cluster, entry.namespace].append(entry)
        under_way = False
        for (cluster, namespace), entries in places.items():
            server = self._servers.get(cluster)
            if server is None:
                continue  # the settings no longer have it
            try:
                under_way |= self._look_at(server, namespace, entries)
            except AgentError as error:
                logger.info("work_dirs_wait", cluster=cluster, trouble=error.message)
        return under_way

    def _look_at(self, server: ApiServer, namespace: str, entries: list[Owed]) -> bool:
        deadline = Deadline.after(_PATIENCE)
        label = "=".join(MADE_DIRECTORY)
        there = {
            (kind, one["metadata"]["name"], _digest(one)): one
            for kind in WORKLOADS
            for one in listed(server, kind, namespace, deadline, labelSelector=f"{OWN},{label}")
        }
        under_way = False
        for entry in entries:
            live = there.get((entry.kind, entry.name, entry.digest))
            if live is not None:
                under_way |= is_ending(live)
            elif entry.created or time.time() - entry.made_at > _UNSEEN_SECONDS:
                under_way |= not self._clear(server, entry, deadline)
        return under_way

    def _clear(self, server: ApiServer, entry: Owed, deadline: Deadline) -> bool:
        """Remove a directory if nothing uses it any more; False: its processes are still ending."""
        with self._staging.removing(entry.path) as free:
            if not free or _is_used(server, entry, deadline):
                return True  # another task goes on with it
            if _has_pods(server, entry, deadline):
                return False
            try:
                self._staging.remove(entry, deadline)
            except OSError as error:
                logger.warning("work_dir_left", path=entry.path, trouble=str(error))
                if error.errno in _FINAL:
                    self._staging.owed.drop(entry.path)
            return True


def _digest(thing: Object) -> str:
    return str((thing["metadata"].get("annotations") or {}).get(DIGEST, ""))


def _is_used(server: ApiServer, entry: Owed, deadline: Deadline) -> bool:
    """Tell whether a task of the agent's has this directory, or the one for which it was made."""
    for kind in WORKLOADS:
        for one in listed(server, kind, entry.namespace, deadline, labelSelector=OWN):
            facts = JobFacts.read(one["metadata"].get("annotations") or {})
            if facts and facts.work_dir and clean(facts.work_dir) == entry.path:
                return True
    return False


def _has_pods(server: ApiServer, entry: Owed, deadline: Deadline) -> bool:
    selector = ",".join(f"{name}={value}" for name, value in entry.selector.items())
    pods = listed(server, "Pod", entry.namespace, deadline, labelSelector=selector)
    return any(workload_of(pod) == (entry.kind, entry.name) for pod in pods)
