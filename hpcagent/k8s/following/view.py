"""All jobs of one namespace as they are now, kept up by reflectors, and what has changed."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import replace

from hpcagent.jobs.errors import AgentError
from hpcagent.jobs.model import Job, JobReason, JobState
from hpcagent.k8s.client import ApiServer, Object
from hpcagent.k8s.following.reflector import Listener, Reflector, Source
from hpcagent.k8s.resources import WORKLOADS
from hpcagent.k8s.states.job import ENDED, job
from hpcagent.k8s.states.observation import OWN, REFUSED, key, owners, workload_of
from hpcagent.k8s.states.reasons import Observed

DELETED = "DELETED"
"""The reason of a job that another than this agent deleted: the watch event's own word."""

Publish = Callable[[list[Job], list[Job], float], None]
"""Jobs that have changed, jobs that are gone, and when."""

# kind -> how its objects are chosen.
_SOURCES: Mapping[str, Mapping[str, str]] = {
    "Deployment": {"labelSelector": OWN},
    "Job": {"labelSelector": OWN},
    "Pod": {},
    "Service": {"labelSelector": OWN},
    "Event": {"fieldSelector": REFUSED},
}


def _owner(thing: Object) -> Hashable:
    return next(iter(owners(thing)), "")


CONNECTIONS = len(_SOURCES)
"""How many connections a view holds."""


# kind -> what tells which workload an object belongs to: its kind and name, or its uid.
_BELONGS: Mapping[str, Callable[[Object], Hashable]] = {
    "Pod": workload_of,
    "Service": _owner,
    "Event": lambda event: event["involvedObject"].get("uid", ""),
}


class Parts:
    """Objects of one kind, by the workload that they belong to."""

    def __init__(self, belongs: Callable[[Object], Hashable]) -> None:
        self._belongs = belongs
        self._by_workload = defaultdict[Hashable, dict[str, Object]](dict)

    def put(self, thing: Object) -> Hashable:
        """Keep an object as it is now; returns what it belongs to."""
        home = self._belongs(thing)
        self._by_workload[home][thing["metadata"]["uid"]] = thing
        return home

    def drop(self, thing: Object) -> Hashable:
        """Forget an object; returns what it belonged to."""
        home = self._belongs(thing)
        self._by_workload[home].pop(thing["metadata"]["uid"], None)
        if not self._by_workload[home]:
            del self._by_workload[home]
        return home

    def replace(self, things: Iterable[Object]) -> None:
        """Keep these and no others."""
        self._by_workload.clear()
        for thing in things:
            self.put(thing)

    def of(self, home: Hashable) -> tuple[Object, ...]:
        """Return those of a workload."""
        return tuple(self._by_workload[home].values()) if home in self._by_workload else ()


class NamespaceView(Listener):
    """Follows one namespace of one cluster. Nothing is told until all kinds have been seen once."""

    def __init__(
        self, server: ApiServer, namespace: str, publish: Publish, told: Iterable[Job] = ()
    ) -> None:
        """``told`` are the jobs of the namespace that watchers know of, from before a restart."""
        self._server = server
        self._publish = publish
        self._lock = threading.Lock()
        self._workloads: dict[tuple[str, str], Object] = {}
        self._parts = {kind: Parts(belongs) for kind, belongs in _BELONGS.items()}
        self._told = {(one.kubernetes.kind, one.kubernetes.name): one
                      for one in told if one.kubernetes}  # fmt: skip
        self._seen: set[str] = set()
        self._complete = threading.Event()
        self._reflectors = [
            Reflector(server, Source(kind=kind, namespace=namespace, query=query), self)
            for kind, query in _SOURCES.items()
        ]

    def start(self) -> None:
        """Begin to follow."""
        for reflector in self._reflectors:
            reflector.start()

    def close(self) -> None:
        """Follow no more."""
        for reflector in self._reflectors:
            reflector.close()

    def wait(self, timeout: float) -> bool:
        """Wait until everything has been seen once; whether it has."""
        return self._complete.wait(timeout)

    @property
    def trouble(self) -> AgentError | None:
        """What keeps it from following at the moment."""
        found = (reflector.trouble for reflector in self._reflectors)
        return next((trouble for trouble in found if trouble is not None), None)

    # ---------------------------------------------------------------- from the reflectors

    def replace(self, kind: str, things: Iterable[Object]) -> None:
        """Hear of all objects of a kind."""
        with self._lock:
            if kind in self._parts:
                self._parts[kind].replace(things)
            else:
                others = {k: one for k, one in self._workloads.items() if k[0] != kind}
                self._workloads = others | {key(one): one for one in things}
            self._seen.add(kind)
            if self._seen >= _SOURCES.keys():
                self._compare(self._workloads.keys() | self._told.keys(), unseen=True)
                self._complete.set()

    def take(self, kind: str, thing: Object, *, gone: bool) -> None:
        """Hear of one object."""
        with self._lock:
            touched = self._take(kind, {"kind": kind, **thing}, gone=gone)
            if self._complete.is_set():
                self._compare(touched)

    # ---------------------------------------------------------------- with the lock held

    def _take(self, kind: str, thing: Object, *, gone: bool) -> set[tuple[str, str]]:
        """Keep or forget an object; returns the workloads that may look different now."""
        if kind in WORKLOADS:
            name = key(thing)
            if gone:
                self._workloads.pop(name, None)
            else:
                self._workloads[name] = thing
            return {name}
        parts = self._parts[kind]
        home = parts.drop(thing) if gone else parts.put(thing)
        if kind == "Event" and gone:
            return set()  # events expire; what they told stays true
        return {k for k, one in self._workloads.items() if home in (k, one["metadata"]["uid"])}

    def _compare(self, names: Iterable[tuple[str, str]], *, unseen: bool = False) -> None:
        """Tell of the workloads that are not as they were told last.

        ``unseen``: what became of those that are gone was not seen.
        """
        now = time.time()
        changed, gone = [], []
        for name in names:
            before, job_now = self._told.get(name), self._job(name, now)
            if before is not None and (job_now is None or _uid(before) != _uid(job_now)):
                gone.append(self._ended(before, now, unseen=unseen))
                del self._told[name]
                before = None
            if job_now is not None and (before is None or not _same(before, job_now)):
                changed.append(job_now)
                self._told[name] = job_now
        # One that took another's name comes after it.
        if gone:
            self._publish([], gone, now)
        if changed:
            self._publish(changed, [], now)

    def _ended(self, last: Job, now: float, *, unseen: bool) -> Job:
        """Return the last state of a job that is gone: cancelled, unless it had ended before.

        A Job may have ended and been deleted since it was seen last; a Deployment does not end.
        """
        kept = replace(last, as_of_time=now, state_flags=())
        if last.state in ENDED:
            return kept
        ends = last.kubernetes is not None and last.kubernetes.kind == "Job"
        state = JobState.UNKNOWN if unseen and ends else JobState.CANCELLED
        return replace(kept, state=state, reason=self._whose(last))

    def _whose(self, last: Job) -> JobReason | None:
        """Return who deleted a job; None: this agent did, as it was asked to."""
        if _uid(last) in self._server.deletions:
            return None
        if self._complete.is_set():
            return JobReason(DELETED, "deleted by another than this agent")
        return JobReason(DELETED, "deleted while the agent did not follow it: by whom is not known")

    def _job(self, name: tuple[str, str], now: float) -> Job | None:
        workload = self._workloads.get(name)
        if workload is None:
            return None
        uid = workload["metadata"]["uid"]
        seen = Observed(
            workload=workload,
            pods=self._parts["Pod"].of(name),
            events=self._parts["Event"].of(uid),
            services=self._parts["Service"].of(uid),
            as_of_time=now,
            cluster=self._server.cluster,
        )
        return job(seen)


def _same(one: Job, other: Job) -> bool:
    """Whether two looks at a job saw the same."""
    return replace(one, as_of_time=0) == replace(other, as_of_time=0)


def _uid(found: Job) -> str:
    return found.kubernetes.uid if found.kubernetes else ""
