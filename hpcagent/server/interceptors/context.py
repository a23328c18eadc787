"""What every line that is logged during a call tells of it: method, caller, request_id."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from hpcagent.jobs.stamp import REQUEST_ID
from hpcagent.server.interceptors.around import Call


@contextmanager
def context(call: Call) -> Iterator[None]:
    """Bind the call's names for structlog; the method itself may add more."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(method=call.method, peer=call.context.peer())
    bind_request_id(call.request)
    yield


def bind_request_id(request: object) -> None:
    """Bind the request_id of a message that has one, and one that can be told."""
    request_id = getattr(request, "request_id", "")
    if REQUEST_ID.fullmatch(request_id):
        structlog.contextvars.bind_contextvars(request_id=request_id)
