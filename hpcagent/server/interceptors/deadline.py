"""Calls whose caller has already given up are not begun: they would only delay the others."""

from collections.abc import Iterator
from contextlib import contextmanager

from hpcagent.jobs.errors import DeadlineExceeded
from hpcagent.server.interceptors.around import Call


@contextmanager
def deadline(call: Call) -> Iterator[None]:
    """Refuse a call that waited for a thread until its deadline, or its caller's patience, ran out.

    Raises DeadlineExceeded.
    """
    if not call.context.is_active() or call.context.time_remaining() <= 0:
        said = "the deadline passed while the request waited for its turn; nothing was begun"
        raise DeadlineExceeded(said)
    yield
