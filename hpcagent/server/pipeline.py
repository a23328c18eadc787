"""Many requests over one stream, several of them worked on at once.

A stream is read only as fast as its requests are worked on: what waits stays with the caller, by
HTTP/2's flow control, and so does the reading when the caller does not read the answers. A thread
that has taken a request lets another one read on, up to ``WIDTH`` of them, and within what all
streams together may do; threads that have nothing to do end, but ``SPARE``.
"""

import threading
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextvars import copy_context
from typing import Generic, TypeVar

import grpc
import structlog

from hpcagent.jobs.errors import AgentError, BackendUnavailable, Kind
from hpcagent.server.interceptors.metrics import count_item

log = structlog.get_logger(__name__)

WIDTH = 8
"""Most requests of one stream that are worked on at once: half of what the agent, as it comes, may
ask of Slurm at once, for a stream must leave room for others."""
SPARE = 2
"""Threads of a stream that may wait for a request: one that reads, and one to read on after it."""
RETRY_SECONDS = 1.0
"""When a caller who was turned away may try again."""

Request = TypeVar("Request")
Answer = TypeVar("Answer")

Work = Callable[[Request], Answer]
Refuse = Callable[[Request, Exception, str], Answer]
"""Makes the answer to a request that failed; the last is the id under which the log tells more."""


class Pipeline(Generic[Request, Answer]):
    """The requests of one stream of a method; ``room`` is shared with other streams."""

    def __init__(
        self,
        method: str,
        work: Work[Request, Answer],
        refuse: Refuse[Request, Answer],
        room: threading.Semaphore,
    ) -> None:
        self._method = method
        self._work = work
        self._refuse = refuse
        self._room = room
        self._context = copy_context()
        """What the log tells of the stream; it tells that of each request, too."""
        self._reading = threading.Lock()
        self._changed = threading.Condition()
        self._answers: deque[Answer] = deque()
        self._codes: Counter[str] = Counter()
        """How many requests ended with each status code."""
        self._threads = 0
        self._idle = 0
        """Threads that read, or wait until they may."""
        self._busy = 0
        """Requests that are read and not answered yet."""
        self._ended = False
        """There are no more requests."""
        self._stopped = ""
        """Why no more are begun."""
        self._closed = False
        """Nobody reads answers any more."""
        self._failure: Exception | None = None
        """What ended a thread that had no right to end."""

    def answers(self, requests: Iterator[Request]) -> Iterator[Answer]:
        """Yield answers as they come; return when there is one to every request.

        After ``stop`` there is one to every request that was begun, and no error behind them:
        clients on gRPC's C core drop the answers that they have not read when an error comes.
        """
        try:
            self._start(requests)
            while (answer := self._take()) is not None:
                yield answer
            if self._failure:
                raise self._failure
        finally:
            self.close()
            structlog.contextvars.bind_contextvars(items=dict(self._codes))

    def stop(self, said: str) -> None:
        """Begin no more requests, and end when those that were begun are answered."""
        with self._changed:
            self._stopped = said
            self._changed.notify_all()

    def close(self) -> None:
        """Begin no more requests: the caller has left."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _take(self) -> Answer | None:
        """Wait for the next answer; None: there is none to come."""
        with self._changed:
            self._changed.wait_for(lambda: self._answers or self._is_over())
            if not self._answers:
                return None
            self._changed.notify_all()
            return self._answers.popleft()

    def _is_over(self) -> bool:
        if self._closed or self._failure:
            return True
        return not self._busy and bool(self._ended or self._stopped)

    # ------------------------------------------------------------------ the threads

    def _start(self, requests: Iterator[Request]) -> None:
        """Start a thread that reads on, unless one does so or there are enough."""
        with self._changed:
            if self._idle or self._threads == WIDTH:
                return
            self._threads += 1
        threading.Thread(target=self._run, args=(requests,), name="item", daemon=True).start()

    def _run(self, requests: Iterator[Request]) -> None:
        try:
            while (request := self._next(requests)) is not None:
                with self._room:
                    self._start(requests)
                    answer = self._context.copy().run(self._answer, request)
                self._give(answer)
        except Exception as error:  # noqa: BLE001 - the stream's own thread raises it
            with self._changed:
                self._failure = error
                self._changed.notify_all()

    def _next(self, requests: Iterator[Request]) -> Request | None:
        """Wait for the next request; None: it is not for this thread."""
        with self._changed:
            if self._idle == SPARE:
                self._threads -= 1
                return None
            self._idle += 1
        with self._reading:
            request = None if self._is_at_its_end() else _read(requests)
            with self._changed:
                self._idle -= 1
                self._busy += request is not None
                self._ended = self._ended or request is None
                self._changed.notify_all()
        return request

    def _give(self, answer: Answer) -> None:
        """Hand an answer over when there is room for it."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._answers) < WIDTH)
            self._busy -= 1
            self._answers.append(answer)
            self._changed.notify_all()

    def _is_at_its_end(self) -> bool:
        with self._changed:
            return bool(self._ended or self._stopped or self._closed)

    # ------------------------------------------------------------------ one request

    def _answer(self, request: Request) -> Answer:
        try:
            self._require_time()
            answer = self._work(request)
        except AgentError as error:
            self._count(error.kind)
            return self._refuse(request, error, "")
        except Exception as error:
            log_id = uuid.uuid4().hex[:16]
            log.exception("unforeseen", log_id=log_id)
            self._count(Kind.INTERNAL)
            return self._refuse(request, error, log_id)
        self._count(None)
        return answer

    def _require_time(self) -> None:
        """Raise BackendUnavailable if a request came too late to be begun."""
        if said := self._stopped or ("the caller has left" if self._closed else ""):
            raise BackendUnavailable(said, retry_after=RETRY_SECONDS)

    def _count(self, kind: Kind | None) -> None:
        code = kind.name if kind else "OK"
        count_item(self._method, code)
        with self._changed:
            self._codes[code] += 1


def _read(requests: Iterator[Request]) -> Request | None:
    try:
        return next(requests, None)
    except grpc.RpcError:  # the caller has left
        return None
