"""Whether each service can work, told by ``grpc.health.v1`` and computed from real checks.

A probe must get its answer at once and must not cost slurmctld anything: so backends keep their
troubles at hand, and a thread here carries them over.
"""

import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

log = structlog.get_logger(__name__)

OVERALL = ""
"""The name under which the health of the whole agent is asked for."""
LOOK_SECONDS = 0.5
"""Time between two looks at the troubles."""

Send = Callable[[health_pb2.HealthCheckResponse | None], None]
"""Sends an answer of a stream; None ends it."""
Troubles = Callable[[], Mapping[str, str]]
"""Tells what keeps a service from working, by the name of the check; never waits."""


class Health:
    """Serves health. ``checks`` has the troubles of each service, by its full name."""

    def __init__(self, checks: Mapping[str, Troubles]) -> None:
        self._checks = checks
        self._servicer: Any = _Servicer()  # gRPC's part of it has no annotations
        self._known: dict[str, Mapping[str, str]] = {}
        self.looks = 0
        """How often the troubles have been looked at; a daemon in which it stands still hangs."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)

    def add_to(self, server: grpc.Server) -> None:
        """Serve it."""
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)

    def start(self) -> None:
        """Look once, and then again and again."""
        self._look()
        self._thread.start()

    def stop(self) -> None:
        """Say for the last time that nothing is served, so that callers go elsewhere."""
        self._stopping.set()
        self._servicer.enter_graceful_shutdown()
        self._servicer.end_streams()

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            self._look()

    def _look(self) -> None:
        for service, troubles in self._checks.items():
            self._set(service, troubles())
        self._servicer.set(OVERALL, _status(any(self._known.values())))
        self.looks += 1

    def _set(self, service: str, troubles: Mapping[str, str]) -> None:
        if self._known.get(service) == troubles:
            return
        self._known[service] = troubles
        if troubles:
            log.warning("not_serving", service=service, troubles=dict(troubles))
        else:
            log.info("serving", service=service)
        self._servicer.set(service, _status(bool(troubles)))


class _Servicer(health.HealthServicer):
    """gRPC's own, whose streams can be ended: a server that stops waits for every open stream."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._open: set[Send] = set()
        self._ended = False

    def Watch(
        self,
        request: health_pb2.HealthCheckRequest,
        context: grpc.ServicerContext,
        send_response_callback: Send | None = None,
    ) -> None:
        """Follow the health of a service. Answers come by callback, so it needs no thread."""
        if send_response_callback is None:
            raise TypeError("gRPC no longer gives Watch a callback to send by")
        send = send_response_callback
        self._open.add(send)
        context.add_callback(lambda: self._open.discard(send))
        watch: Any = super().Watch
        watch(request, context, partial(_send_answer, send))
        if self._ended:
            self._end(send)

    def end_streams(self) -> None:
        """End all watches; what was sent before still arrives."""
        self._ended = True
        for send in tuple(self._open):
            self._end(send)

    def _end(self, send: Send) -> None:
        try:
            self._open.remove(send)
        except KeyError:
            return  # it has ended by itself, or another thread ends it
        send(None)


def _send_answer(send: Send, answer: health_pb2.HealthCheckResponse | None) -> None:
    """Send an answer, but do not let gRPC's servicer end a stream that has ended already."""
    if answer is not None:
        send(answer)


def _status(in_trouble: bool) -> health_pb2.HealthCheckResponse.ServingStatus:  # noqa: FBT001
    word = health_pb2.HealthCheckResponse
    return word.NOT_SERVING if in_trouble else word.SERVING
