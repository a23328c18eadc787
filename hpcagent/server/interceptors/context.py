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
    request_id = getattr(call.request, "request_id", "")
    if REQUEST_ID.fullmatch(request_id):
        structlog.contextvars.bind_contextvars(request_id=request_id)
    yield
