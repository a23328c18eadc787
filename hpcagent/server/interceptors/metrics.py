"""Calls in numbers, under the names of go-grpc-prometheus, which dashboards know."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Histogram

from hpcagent.server.interceptors.around import Call

_LABELS = ("grpc_type", "grpc_service", "grpc_method")

STARTED = Counter("grpc_server_started", "Calls begun.", _LABELS)
HANDLED = Counter("grpc_server_handled", "Calls ended, by code.", (*_LABELS, "grpc_code"))
SECONDS = Histogram("grpc_server_handling_seconds", "Duration of calls in seconds.", _LABELS)
ITEMS = Counter(
    "grpc_server_stream_items",
    "Requests of streams answered, by code.",
    (*_LABELS[1:], "grpc_code"),
)
"""The code of a stream's call tells nothing of them."""


@contextmanager
def metrics(call: Call) -> Iterator[None]:
    """Count a call and measure it."""
    labels = (call.kind, *_names(call.method))
    STARTED.labels(*labels).inc()
    begin = time.perf_counter()
    try:
        yield
    finally:
        SECONDS.labels(*labels).observe(time.perf_counter() - begin)
        HANDLED.labels(*labels, _go_name(call.code)).inc()


def count_item(method: str, code: str) -> None:
    """Count a request of a stream that is answered with this code."""
    ITEMS.labels(*_names(method), _go_name(code)).inc()


def _names(method: str) -> tuple[str, str]:
    service, _, name = method.removeprefix("/").partition("/")
    return service, name


def _go_name(code: str) -> str:
    """Return a status code as Go spells it: ``InvalidArgument``."""
    return "OK" if code == "OK" else code.title().replace("_", "")
