"""Calls that last: watches, outputs that are followed, and streams of submissions.

A synchronous server gives a call a thread until its end, and has few of them, because each may keep
a worker process busy. A stream mostly waits, and there may be hundreds. So streams have threads of
their own, that do not count as calls under way (docs/adr/0014). Each can be told that the agent
ends, and is woken when its caller leaves.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import structlog

from hpcagent.jobs.errors import BackendUnavailable, Overloaded

log = structlog.get_logger(__name__)

METHODS = frozenset({"WatchJobs", "ReadOutput", "SubmitJobs"})
"""Methods of all services that are served here."""
RETRY_SECONDS = 1.0
"""When a caller who was turned away may try again."""
_SPARE = 2
"""Threads beyond the most streams, to turn callers away."""

Stop = Callable[[str], None]
"""Ends a stream from the agent's side, and says why."""


class Streams(ThreadPoolExecutor):
    """Threads for at most ``most`` streams; there are only so many as were ever needed at once.

    ``at_once`` is how many requests of all streams of requests may be worked on at once.
    """

    def __init__(self, most: int, at_once: int) -> None:
        super().__init__(most + _SPARE, thread_name_prefix="stream")
        self.room = threading.Semaphore(at_once)
        """Held while a request of a stream is worked on: callers who make a call for each must get
        their turn, however many streams there are."""
        self._places = threading.Semaphore(most)
        self._most = most
        self._lock = threading.Lock()
        self._open: set[Stop] = set()
        self._ending = ""

    def submit(self, work: Any, /, *args: Any, **keywords: Any) -> "Future[Any]":  # noqa: ANN401 - Executor's own
        """Begin a stream.

        gRPC counts a call among those under way until its future is done; here that is at once.
        """
        super().submit(work, *args, **keywords).add_done_callback(_report)
        begun: Future[Any] = Future()
        begun.set_result(None)
        return begun

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Hold a place among the streams. Raises Overloaded, BackendUnavailable."""
        if not self._places.acquire(blocking=False):
            said = f"{self._most} streams are open, and more are not served; nothing was begun"
            raise Overloaded(said, reason="TOO_MANY_STREAMS", retry_after=RETRY_SECONDS)
        try:
            if self._ending:
                raise BackendUnavailable(self._ending, retry_after=RETRY_SECONDS)
            yield
        finally:
            self._places.release()

    @contextmanager
    def running(
        self, context: grpc.ServicerContext, close: Callable[[], None], stop: Stop
    ) -> Iterator[None]:
        """Close a stream when its caller leaves, and stop it when the agent ends."""
        if not context.add_callback(close):
            close()
        with self._lock:
            self._open.add(stop)
            ending = self._ending
        try:
            if ending:
                stop(ending)
            yield
        finally:
            with self._lock:
                self._open.discard(stop)

    def end(self, said: str) -> None:
        """Stop all streams; each still tells its caller how to go on elsewhere, or later."""
        with self._lock:
            self._ending = said
            running = tuple(self._open)
        for stop in running:
            stop(said)


def _report(future: "Future[Any]") -> None:
    """Log what gRPC let through: nobody else looks at the future."""
    if error := future.exception():
        log.error("stream_failed", exc_info=error)
