"""Reading a container's log: what it wrote to its standard output and standard error, mixed.

A log belongs to one instance of a container. Whoever follows is led on to the next instance, of the
same pod or a newer one, until the job has ended; its beginning is told as that of another file.
"""

import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import urllib3

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import AgentError, BackendUnavailable, Kind, NotFound, Refused
from hpcagent.jobs.outputs import CHUNK_BYTES, Chunk, Notice
from hpcagent.jobs.task_backend import LogQuery
from hpcagent.k8s.client import ApiServer, Request
from hpcagent.k8s.errors import unreachable
from hpcagent.k8s.resources import path
from hpcagent.k8s.states.job import ENDED, state_of
from hpcagent.k8s.states.observation import observe, workload
from hpcagent.k8s.states.reasons import Observed

ASK_SECONDS = 20.0
"""What a question between two logs may take."""
LOOK_SECONDS = 0.5
"""Between two looks whether a container has begun."""
_SILENCE_SECONDS = 86400.0
"""A container may write nothing for so long; a dead network is found out by TCP's own probes."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One run of a container."""

    pod: str
    uid: str
    container: str
    restarts: int
    begun: bool
    """It has a log."""

    @property
    def path(self) -> str:
        """What it is called where its output is told."""
        return f"{self.pod}/{self.container}"


class LogOutput:
    """One job's log that is being read; a ``hpcagent.jobs.outputs.Output``."""

    def __init__(self, server: ApiServer, query: LogQuery, deadline: Deadline) -> None:
        """Find the job and its container. Raises NotFound, Refused (it has not started)."""
        self._server = server
        self._query = query
        self._place = query.offset
        self._left = query.length
        self._ended = threading.Event()
        self._said = ""
        self._answer: urllib3.BaseHTTPResponse | None = None
        self._first = self._look(deadline)
        if not query.follow and not (self._first and (self._first.begun or query.previous)):
            raise _not_begun(query)

    def close(self) -> None:
        """Read no more: nobody listens."""
        self._ended.set()
        if (answer := self._answer) is not None:
            with contextlib.suppress(ValueError, RuntimeError, OSError):  # it ends by itself
                answer.shutdown()

    def stop(self, said: str) -> None:
        """End it from the agent's side."""
        self._said = said
        self.close()

    def chunks(self) -> Iterator[Chunk]:
        """Yield what is there, and with ``follow`` what comes, until the job has ended.

        Raises NotFound, Refused, or BackendUnavailable with the ``offset`` to go on from.
        """
        is_there = self._first is not None and (self._first.begun or self._query.previous)
        instance = self._first if is_there else self._next(None)
        notice = Notice.UNSPECIFIED
        while instance is not None:
            yield from self._read(instance, notice)
            if not self._query.follow or self._left == 0 or self._ended.is_set():
                break
            instance, notice = self._next(instance), Notice.ROTATED
            self._place = 0
        if self._said:
            raise self._broken(self._said)
        if not self._ended.is_set():
            yield Chunk(b"", self._place, Notice.END)

    # ------------------------------------------------------------------ one log

    def _read(self, instance: Instance, notice: Notice) -> Iterator[Chunk]:
        """Yield the log of one instance."""
        query, namespace = self._asked(instance, notice), self._query.job_id.namespace
        request = Request(
            method="GET", path=path("Pod", namespace, instance.pod, "log"), query=query
        )
        skip = self._place if notice is Notice.UNSPECIFIED else 0
        name = instance.path
        try:
            with self._server.open(
                request, Deadline.after(ASK_SECONDS), quiet=_SILENCE_SECONDS
            ) as answer:
                self._answer = answer
                if self._ended.is_set():  # `close` may have looked before there was an answer
                    return
                for piece in self._within(answer.stream(CHUNK_BYTES), skip):
                    yield Chunk(piece, self._place, notice, name)
                    self._place += len(piece)
                    notice, name = Notice.UNSPECIFIED, ""
        except urllib3.exceptions.HTTPError as error:
            if not self._ended.is_set():
                raise self._broken(str(error)) from error
        except AgentError as error:
            raise _in_own_words(error, self._query) from error
        finally:
            self._answer = None

    def _asked(self, instance: Instance, notice: Notice) -> dict[str, str]:
        """Return the parameters of the request (v1.PodLogOptions)."""
        query, asked = self._query, {"container": instance.container}
        if query.follow:
            asked["follow"] = "true"
        if query.previous:
            asked["previous"] = "true"
        if notice is Notice.UNSPECIFIED:  # of a later instance all is wanted
            if query.lines is not None:
                asked["tailLines"] = str(query.lines)
            if query.since_time is not None:
                since = datetime.fromtimestamp(query.since_time, UTC)
                asked["sinceTime"] = since.strftime("%Y-%m-%dT%H:%M:%SZ")
        return asked

    def _within(self, pieces: Iterator[bytes], skip: int) -> Iterator[bytes]:
        """Yield what is behind the first bytes and within the length that is wanted."""
        for piece in pieces:
            if self._ended.is_set():
                return
            kept, skip = piece[skip:], max(0, skip - len(piece))
            if self._left is not None:
                kept = kept[: self._left]
                self._left -= len(kept)
            if kept:
                yield kept
            if self._left == 0:
                return

    def _broken(self, said: str) -> BackendUnavailable:
        error = unreachable(self._server.cluster, said)
        error.metadata["offset"] = str(self._place)
        return error

    # ------------------------------------------------------------------ which log

    def _next(self, before: Instance | None) -> Instance | None:
        """Wait for the next instance that has begun; None if there will be none."""
        while not self._ended.is_set():
            try:
                seen = self._observe(Deadline.after(ASK_SECONDS))
            except NotFound:  # it was deleted
                return None
            found = _instance(seen, self._query)
            if found is not None and found.begun and not _same(found, before):
                return found
            if state_of(seen) in ENDED:
                return None
            self._ended.wait(LOOK_SECONDS)
        return None

    def _look(self, deadline: Deadline) -> Instance | None:
        return _instance(self._observe(deadline), self._query)

    def _observe(self, deadline: Deadline) -> Observed:
        found = workload(self._server, self._query.job_id, deadline)
        return observe(self._server, found, deadline)


def _instance(seen: Observed, query: LogQuery) -> Instance | None:
    """Return the newest instance of the container that is wanted; None if there is no pod yet.

    Raises NotFound for a pod or container that the job has not.
    """
    pods = [pod for pod in seen.pods if query.pod in {"", pod["metadata"]["name"]}]
    if not pods:
        if query.pod:
            raise NotFound(f"the job has no pod {query.pod}", reason="POD_NOT_FOUND")
        return None
    pod = max(pods, key=lambda one: str(one["metadata"]["creationTimestamp"]))
    names = [one["name"] for one in pod["spec"]["containers"]]
    name = query.container or names[0]
    if name not in names:
        said = f"the job has no container {name}; it has {', '.join(names)}"
        raise NotFound(said, reason="CONTAINER_NOT_FOUND")
    status = _status(pod, name)
    # While it is held back after a crash it waits, but what it wrote is there.
    state, last = status.get("state") or {}, status.get("lastState") or {}
    begun = bool({"running", "terminated"} & state.keys()) or "terminated" in last
    metadata = pod["metadata"]
    return Instance(
        metadata["name"], metadata["uid"], name, int(status.get("restartCount", 0)), begun
    )


def _status(pod: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    listed = (pod.get("status") or {}).get("containerStatuses") or ()
    return next((one for one in listed if one["name"] == name), {})


def _same(one: Instance, other: Instance | None) -> bool:
    return other is not None and (one.uid, one.restarts) == (other.uid, other.restarts)


def _not_begun(query: LogQuery) -> Refused:
    said = f"the container of job {query.job_id} has not started"
    return Refused(said, kind=Kind.FAILED_PRECONDITION, reason="CONTAINER_NOT_STARTED")


def _in_own_words(error: AgentError, query: LogQuery) -> AgentError:
    """Return what a kubelet's refusal, which is only a sentence, means."""
    if error.kind is not Kind.INVALID_ARGUMENT:
        return error
    if "waiting to start" in error.message:
        return _not_begun(query)
    if "previous terminated container" in error.message:
        return NotFound(error.message, reason="NO_PREVIOUS_INSTANCE")
    return error
