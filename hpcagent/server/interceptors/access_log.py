"""One line for each call, with all that is asked first when something went wrong."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from hpcagent.server.interceptors.around import PROBE, Call

log = structlog.get_logger("access")

OURS = frozenset({"INTERNAL", "UNKNOWN", "DATA_LOSS"})
"""Codes that an operator should look at."""


@contextmanager
def access_log(call: Call) -> Iterator[None]:
    """Write the line when the call has ended, however it did."""
    begin = time.perf_counter()
    try:
        yield
    finally:
        code, gone = call.code, not call.context.is_active()
        log.log(
            _level(call.method, code),
            "call",
            code=code,
            duration_ms=round((time.perf_counter() - begin) * 1000, 3),
            # The caller cancelled, or its deadline passed: it never saw that code.
            **({"caller_gone": True} if gone else {}),
        )


def _level(method: str, code: str) -> int:
    if code in OURS:
        return logging.ERROR
    # Probes come every few seconds.
    return logging.DEBUG if method.startswith(PROBE) else logging.INFO
