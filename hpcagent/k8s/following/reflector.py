"""Following one kind of object in one namespace: listed once, then watched, as long as it takes.

A watch goes on behind the last version that was seen, over broken connections and restarts of the
API server, so that nothing is missed. Only where the API server no longer has what came behind that
version (410 Gone) is all listed anew. Bookmarks keep the version fresh while nothing happens.
"""

import contextlib
import json
import random
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
import urllib3

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import AgentError, Kind
from hpcagent.k8s.client import ApiServer, Object, Request
from hpcagent.k8s.errors import Answer, refusal, unreachable
from hpcagent.k8s.resources import path
from hpcagent.k8s.states.observation import list_all

WATCH_SECONDS = 300
"""After so long the API server ends a watch, and it is begun anew: connections get spread."""
QUIET_SECONDS = 100.0
"""Longer than that nothing at all comes only over a dead network: bookmarks come each minute."""
LIST_SECONDS = 60.0
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
"""Seconds between attempts while an API server does not answer."""

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is followed."""

    kind: str
    namespace: str
    query: Mapping[str, str] = field(default_factory=dict)


class Listener:
    """Hears of a source's objects."""

    def replace(self, kind: str, things: Iterable[Object]) -> None:
        """Hear of all objects that there are."""
        raise NotImplementedError

    def take(self, kind: str, thing: Object, *, gone: bool) -> None:
        """Hear of one that is new, has changed, or is gone."""
        raise NotImplementedError


class Reflector:
    """Follows a source in a thread of its own."""

    def __init__(self, server: ApiServer, source: Source, listener: Listener) -> None:
        self._server = server
        self._source = source
        self._listener = listener
        self._closed = threading.Event()
        self._answer: urllib3.BaseHTTPResponse | None = None
        self._version = ""
        self.trouble: AgentError | None = None
        """What keeps it from following at the moment."""
        name = f"k8s-{source.kind}-{source.namespace}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Follow no more, and wake the thread where it waits for the API server."""
        self._closed.set()
        if (answer := self._answer) is not None:
            with contextlib.suppress(ValueError, RuntimeError, OSError):  # it ends by itself
                answer.shutdown()
        if self._thread.is_alive():
            self._thread.join(LONGEST_PAUSE)

    # ---------------------------------------------------------------------- its own thread

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._closed.is_set():
            try:
                if not self._version:
                    self._list()
                self._watch()
                pause = FIRST_PAUSE
            except AgentError as error:
                if self._closed.is_set():
                    return
                if error.kind is Kind.OUT_OF_RANGE:
                    self._version = ""
                else:
                    self._tell(error)
                self._closed.wait(pause * random.uniform(0.5, 1))  # noqa: S311 - only spreads
                pause = min(pause * 2, LONGEST_PAUSE)

    def _list(self) -> None:
        source, deadline = self._source, Deadline.after(LIST_SECONDS)
        found = list_all(self._server, source.kind, source.namespace, deadline, source.query)
        self._listener.replace(source.kind, found.items)
        self._version = found.version

    def _watch(self) -> None:
        """Hear of what comes behind the version, until the watch ends. Raises AgentError."""
        query = {
            **self._source.query,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        where = path(self._source.kind, self._source.namespace)
        request = Request(method="GET", path=where, query=query)
        deadline = Deadline.after(LIST_SECONDS)
        with self._server.open(request, deadline, quiet=QUIET_SECONDS) as answer:
            self._tell(None)
            self._answer = answer
            if self._closed.is_set():  # `close` may have looked before there was an answer
                return
            try:
                for line in lines(answer.stream()):
                    self._hear(json.loads(line))
            except (urllib3.exceptions.HTTPError, ValueError) as error:
                raise unreachable(self._server.cluster, str(error)) from error
            finally:
                self._answer = None

    def _hear(self, event: Mapping[str, Any]) -> None:
        kind, thing = event["type"], event["object"]
        if kind == "ERROR":
            body = json.dumps(thing).encode()
            raise refusal(Answer(int(thing.get("code", 500)), body, {}), self._server.cluster)
        if kind != "BOOKMARK":
            self._listener.take(self._source.kind, thing, gone=kind == "DELETED")
        self._version = thing["metadata"]["resourceVersion"]

    def _tell(self, error: AgentError | None) -> None:
        """Log what has changed."""
        before, self.trouble = self.trouble, error
        if (before and before.message) == (error and error.message):
            return
        facts = {"cluster": self._server.cluster, "kind": self._source.kind}
        if error is None:
            logger.info("watch_resumed", namespace=self._source.namespace, **facts)
        else:
            logger.warning(
                "watch_broken", namespace=self._source.namespace, trouble=error.message, **facts
            )


def lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines that pieces are made of."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
    if rest:
        yield rest
