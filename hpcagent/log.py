"""What the daemon says about itself: one line for each event, on its standard error.

Everything goes one way, whether it comes from this program, from a library that uses ``logging``,
from Python's warnings or from a thread that died: so every line can be parsed, and none can carry a
script, an environment or a secret, whoever put it there. Lines are JSON for collectors, text for a
terminal, and have their priority in front (sd-daemon(3)) if it is the journal that reads them.
"""

import logging
import os
import re
import sys
import threading
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from pathlib import PurePath
from types import TracebackType
from typing import Any, BinaryIO, Final

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

ALWAYS: Final = frozenset({"audit"})
"""Loggers whose lines are written whatever the level is."""

_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
_PRIORITIES: Final = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
"""syslog(3)'s."""

# Judged by its last word: a batch_script is one, a script_sha256 is not.
_SECRET: Final = re.compile(
    r"(^|[^a-z])(script|environ|environment|env|secret|password|passwd|passphrase|token|cookie"
    r"|authorization|credential|private_key)s?$",
    re.IGNORECASE,
)
REDACTED: Final = "<redacted>"
_FIRST: Final = ("timestamp", "level", "logger", "event")
"""What a line begins with, for whoever reads it without a tool."""
_LONGEST: Final = 16384
"""Characters of one value. journald cuts lines of 48 KiB (LineMax=, journald.conf(5))."""


class _Threshold:
    """Drops what is less severe than the level in force, which may change while loggers live."""

    level = _LEVELS["info"]

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        if _LEVELS[method] < self.level and logger.name not in ALWAYS:
            raise structlog.DropEvent
        return event


_threshold = _Threshold()


def configure(level: str, form: str, stream: BinaryIO | None = None) -> None:
    """Send everything that is logged from now on to a stream, by default to standard error.

    ``level`` is as for ``set_level``; ``form`` is json, console, or auto: console on a terminal.
    """
    stream = stream or sys.stderr.buffer
    structlog.configure(
        processors=[
            _threshold,
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_logger_name,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            *_renderers(form, stream),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(0),
        logger_factory=structlog.BytesLoggerFactory(stream),
    )
    set_level(level)
    logging.basicConfig(handlers=[_Passing()], force=True)
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def set_level(level: str) -> None:
    """Change the least severity that is written: debug, info, warning or error."""
    _threshold.level = _LEVELS[level]
    logging.getLogger().setLevel(_LEVELS[level])


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Keep secrets out, at any depth; what is no plain value loses its contents."""
    return _entries(event)


def _entries(table: Mapping[Any, object]) -> dict[str, object]:
    return {
        str(key): REDACTED if _is_secret(str(key)) else _plain(value)
        for key, value in table.items()
    }


def _plain(value: object) -> object:
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return _text(value)
        case Mapping():
            return _entries(value)
        case list() | tuple() | set() | frozenset():
            return [_plain(item) for item in value]
        case BaseException() | PurePath() | Enum():
            return _text(str(value))
        case _:  # its repr could tell anything
            return f"<{type(value).__name__}>"


def _text(value: str) -> str:
    """Text that is short enough for a line and can be encoded, even if a file name cannot."""
    if len(value) > _LONGEST:
        value = f"{value[:_LONGEST]}... ({len(value)} characters)"
    return value if value.isascii() else value.encode(errors="backslashreplace").decode()


@lru_cache(maxsize=1024)
def _is_secret(key: str) -> bool:
    return _SECRET.search(key) is not None


# ------------------------------------------------------------------------------------ the last step


def _renderers(form: str, stream: BinaryIO) -> list[Processor]:
    if form == "json" or (form == "auto" and not stream.isatty()):
        json = structlog.processors.JSONRenderer(serializer=_json)
        return [json, _with_priority] if _is_journal(stream) else [json]
    console = structlog.dev.ConsoleRenderer(
        colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
    return [console, lambda _logger, _method, line: str(line).encode()]


def _json(event: EventDict, **_options: object) -> bytes:
    return msgspec.json.encode({**{key: event.pop(key) for key in _FIRST}, **event})


def _with_priority(_logger: WrappedLogger, method: str, line: Any) -> bytes:  # noqa: ANN401 - structlog's
    return b"<%d>%s" % (_PRIORITIES[method], line)


def _is_journal(stream: BinaryIO) -> bool:
    """Whether this very stream goes to the journal (JOURNAL_STREAM, systemd.exec(5))."""
    named = os.environ.get("JOURNAL_STREAM")
    if not named:
        return False
    status = os.fstat(stream.fileno())
    return named == f"{status.st_dev}:{status.st_ino}"


# --------------------------------------------------------------------- what does not come by itself


class _Passing(logging.Handler):
    """Hands what libraries give to ``logging`` on to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        level = min(max(record.levelno // 10 * 10, logging.DEBUG), logging.CRITICAL)
        log = structlog.get_logger(record.name)
        log.log(level, record.getMessage(), exc_info=record.exc_info)


def _uncaught(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> None:
    """Write down what ended the program."""
    log = structlog.get_logger(__name__)
    log.critical("uncaught", exc_info=(kind, error, trace))


def _uncaught_in_thread(died: threading.ExceptHookArgs) -> None:
    """Write down what ended a thread; the daemon may be worse than dead without it."""
    with structlog.contextvars.bound_contextvars(thread=died.thread.name if died.thread else ""):
        _uncaught(died.exc_type, died.exc_value, died.exc_traceback)
