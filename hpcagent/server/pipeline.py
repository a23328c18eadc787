"""Many requests over one stream, several of them worked on at once.

A stream is read only as fast as its requests are worked on: what waits stays with the caller, by
HTTP/2's flow control, and so does the reading when the caller does not read the answers. A thread
that has taken a request lets another one read on, up to ``WIDTH`` of them, so that a stream on
which nothing happens costs but one.
"""

import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextvars import copy_context
from typing import Generic, TypeVar

import grpc
import structlog

from hpcagent.jobs.errors import AgentError, BackendUnavailable

log = structlog.get_logger(__name__)

WIDTH = 8
"""Most requests of one stream that are worked on at once: half of what the agent, as it comes, may
ask of Slurm at once, for a stream must leave room for others."""
RETRY_SECONDS = 1.0
"""When a caller who was turned away may try again."""

Request = TypeVar("Request")
Answer = TypeVar("Answer")

Work = Callable[[Request], Answer]
Refuse = Callable[[Request, Exception, str], Answer]
"""Makes the answer to a request that failed; the last is the id under which the log tells more."""


class Pipeline(Generic[Request, Answer]):
    """The requests of one stream."""

    def __init__(self, work: Work[Request, Answer], refuse: Refuse[Request, Answer]) -> None:
        self._work = work
        self._refuse = refuse
        self._reading = threading.Lock()
        self._changed = threading.Condition()
        self._answers: deque[Answer] = deque()
        self._threads = 0
        self._busy = 0
        """Requests that are read and not answered yet."""
        self._ended = False
        """There are no more requests."""
        self._stopped = ""
        """Why no more are begun."""
        self._closed = False
        """Nobody reads answers any more."""

    def answers(self, requests: Iterator[Request]) -> Iterator[Answer]:
        """Yield answers as they come; return when there is one to every request.

        Raises BackendUnavailable, behind the answers to all that was begun, if ``stop`` was called.
        """
        self._start(requests)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._answers or self._is_over())
                if not self._answers:
                    break
                answer = self._answers.popleft()
                self._changed.notify_all()
            yield answer
        if self._stopped and not self._closed:
            raise BackendUnavailable(self._stopped, retry_after=RETRY_SECONDS)

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

    def _is_over(self) -> bool:
        return self._closed or (not self._busy and bool(self._ended or self._stopped))

    # ------------------------------------------------------------------ the threads

    def _start(self, requests: Iterator[Request]) -> None:
        with self._changed:
            if self._threads == WIDTH:
                return
            self._threads += 1
        run = copy_context().run  # what the log tells of the call, it tells of its requests
        threading.Thread(target=run, args=(self._run, requests), name="item", daemon=True).start()

    def _run(self, requests: Iterator[Request]) -> None:
        while (request := self._next(requests)) is not None:
            self._start(requests)
            answer = self._answer(request)
            with self._changed:
                self._changed.wait_for(lambda: self._closed or len(self._answers) < WIDTH)
                self._busy -= 1
                self._answers.append(answer)
                self._changed.notify_all()

    def _next(self, requests: Iterator[Request]) -> Request | None:
        """Wait for the next request; None: no more are to be begun."""
        with self._reading:
            request = None if self._is_at_its_end() else _read(requests)
            with self._changed:
                self._busy += request is not None
                self._ended = self._ended or request is None
                self._changed.notify_all()
        return request

    def _is_at_its_end(self) -> bool:
        with self._changed:
            return bool(self._ended or self._stopped or self._closed)

    def _answer(self, request: Request) -> Answer:
        if self._stopped:
            turned_away = BackendUnavailable(self._stopped, retry_after=RETRY_SECONDS)
            return self._refuse(request, turned_away, "")
        try:
            return self._work(request)
        except AgentError as error:
            return self._refuse(request, error, "")
        except Exception as error:
            log_id = uuid.uuid4().hex[:16]
            log.exception("unforeseen", log_id=log_id)
            return self._refuse(request, error, log_id)


def _read(requests: Iterator[Request]) -> Request | None:
    try:
        return next(requests, None)
    except grpc.RpcError:  # the caller has left
        return None
