"""Every line can be parsed, says when and how severe, and gives no secret away."""

import io
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from hpcagent import log


class Lines(io.BytesIO):
    """What was logged."""

    @property
    def entries(self) -> list[dict[str, Any]]:
        """Each line, parsed."""
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    for hook in ((sys, "excepthook"), (threading, "excepthook")):
        monkeypatch.setattr(*hook, getattr(*hook))
    stream = Lines()
    log.configure("info", "json", stream)
    structlog.contextvars.clear_contextvars()
    yield stream
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    root.handlers[:], root.level = before


def test_a_line_says_when_how_severe_from_where_and_what(lines: Lines) -> None:
    structlog.get_logger("access").warning("call", code="OK", duration_ms=1.5)
    (entry,) = lines.entries
    moment = datetime.fromisoformat(entry.pop("timestamp"))
    assert abs(datetime.now(UTC) - moment) < timedelta(minutes=1)
    assert entry == {
        "event": "call",
        "level": "warning",
        "logger": "access",
        "code": "OK",
        "duration_ms": 1.5,
    }


def test_what_is_bound_to_a_call_is_on_its_lines(lines: Lines) -> None:
    structlog.contextvars.bind_contextvars(request_id="r-1")
    structlog.get_logger("x").info("event")
    assert lines.entries[0]["request_id"] == "r-1"


def test_a_libraries_line_is_one_like_ours(lines: Lines) -> None:
    logging.getLogger("grpc._server").error("%s went %s", "it", "wrong")
    (entry,) = lines.entries
    assert (entry["event"], entry["logger"], entry["level"]) == (
        "it went wrong",
        "grpc._server",
        "error",
    )


def test_a_level_of_a_librarys_own_is_written_as_the_next_lower(lines: Lines) -> None:
    logging.getLogger("x").log(35, "between")
    assert lines.entries[0]["level"] == "warning"


def test_an_exception_is_written_with_its_traceback_on_one_line(lines: Lines) -> None:
    try:
        Path("/nowhere").stat()
    except OSError:
        structlog.get_logger("x").exception("failed")
        logging.getLogger("y").exception("failed")
    ours, theirs = lines.entries
    for entry in (ours, theirs):
        assert entry["exception"].startswith("Traceback")
        assert "No such file" in entry["exception"]


def test_what_ends_a_thread_is_written(lines: Lines) -> None:
    thread = threading.Thread(target=lambda: 1 / 0, name="watch")
    thread.start()
    thread.join()
    (entry,) = lines.entries
    assert entry["level"] == "critical"
    assert entry["thread"] == "watch"
    assert "ZeroDivisionError" in entry["exception"]


# ------------------------------------------------------------------------------------------- levels


@pytest.mark.parametrize(
    ("level", "written"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_what_is_less_severe_is_left_out_for_living_loggers_too(
    lines: Lines, level: str, written: list[str]
) -> None:
    ours, theirs = structlog.get_logger("x").bind(a=1), logging.getLogger("y")
    log.set_level(level)
    for name in ("debug", "info", "warning", "error"):
        getattr(ours, name)("event")
        getattr(theirs, name)("event")
    assert [entry["level"] for entry in lines.entries] == [w for w in written for _ in range(2)]


def test_the_audit_trail_is_written_at_every_level(lines: Lines) -> None:
    log.set_level("error")
    structlog.get_logger("audit").info("intent")
    assert [entry["logger"] for entry in lines.entries] == ["audit"]


# ------------------------------------------------------------------------------------------ secrets


@dataclass
class Spec:
    """Something that tells too much about itself."""

    contents: str = "#!/bin/sh hunter2"


@pytest.mark.parametrize(
    "key",
    [
        *("script", "batch_script", "environment", "spank_job_env", "user_environment", "secrets"),
        *("password", "Authorization", "access_token", "x-api-token", "tls_private_key"),
    ],
)
def test_a_secret_is_kept_out_at_any_depth(lines: Lines, key: str) -> None:
    structlog.get_logger("x").info("event", **{key: "hunter2"})
    structlog.get_logger("x").info("event", request={"jobs": [{key: ["hunter2"]}]})
    structlog.contextvars.bind_contextvars(**{key: b"hunter2"})
    structlog.get_logger("x").info("event")
    assert len(lines.entries) == 3
    assert lines.getvalue().count(log.REDACTED.encode()) == 3
    assert b"hunter2" not in lines.getvalue()


@pytest.mark.parametrize(
    "key", ["script_sha256", "script_bytes", "environment_count", "descriptor"]
)
def test_what_only_describes_a_secret_is_written(lines: Lines, key: str) -> None:
    structlog.get_logger("x").info("event", **{key: "abc"})
    assert lines.entries[0][key] == "abc"


@pytest.mark.parametrize("value", [Spec(), b"#!/bin/sh hunter2", [Spec()], {"a": Spec()}])
def test_an_object_is_not_opened(lines: Lines, value: object) -> None:
    structlog.get_logger("x").info("event", spec=value)
    assert "hunter2" not in lines.getvalue().decode()
    assert "<" in json.dumps(lines.entries[0]["spec"])


def test_plain_values_are_written_as_they_are(lines: Lines) -> None:
    values = {"a": None, "b": True, "c": 1, "d": [1, "x"], "e": {"f": "g"}, "h": Path("/etc")}
    structlog.get_logger("x").info("event", **values)
    assert lines.entries[0].items() >= {**values, "h": "/etc"}.items()


def test_a_name_that_is_no_utf_8_is_written_all_the_same(lines: Lines) -> None:
    structlog.get_logger("x").info("event", path=os.fsdecode(b"caf\xe9"), user="naïve")
    assert lines.entries[0]["path"] == "caf\\udce9"
    assert lines.entries[0]["user"] == "naïve"


def test_a_long_value_is_clipped_so_that_the_journal_keeps_the_line_whole(lines: Lines) -> None:
    structlog.get_logger("x").info("event", said="x" * 1_000_000)
    assert len(lines.getvalue()) < 48 * 1024
    assert lines.entries[0]["said"].endswith("(1000000 characters)")


# ------------------------------------------------------------------------------------------ streams

PROGRAM = """
import sys, structlog, warnings
from hpcagent import log
log.configure("info", sys.argv[1])
structlog.get_logger("x").error("event", a=1)
warnings.warn("old-fashioned")
raise OSError("out of luck")
"""


def standard_error(form: str, **environment: str) -> list[str]:
    """What a program writes there that logs an error, is warned, and dies of an exception."""
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, form],
        env={**os.environ, **environment},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    return run.stderr.splitlines()


def test_where_there_is_no_terminal_every_line_is_json() -> None:
    ours, warning, last = (json.loads(line) for line in standard_error("auto"))
    assert (ours["level"], ours["event"]) == ("error", "event")
    assert (warning["level"], warning["logger"]) == ("warning", "py.warnings")
    assert "old-fashioned" in warning["event"]
    assert (last["level"], last["event"]) == ("critical", "uncaught")
    assert "OSError: out of luck" in last["exception"]


def test_lines_are_text_if_the_settings_say_so() -> None:
    first, *rest = standard_error("console")
    assert "event" in first
    assert "a=1" in first
    assert "OSError: out of luck" in rest[-1]


def test_lines_are_text_on_a_terminal() -> None:
    screen, terminal = os.openpty()
    subprocess.run([sys.executable, "-c", PROGRAM, "auto"], stderr=terminal, check=False)
    seen = os.read(screen, 65536)
    os.close(terminal)
    os.close(screen)
    assert b"event" in seen
    assert not seen.startswith(b"{")


def test_the_journal_gets_each_lines_priority(tmp_path: Path) -> None:
    with (tmp_path / "journal").open("w+b") as stream:
        status = os.fstat(stream.fileno())
        environment = {**os.environ, "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        command = [sys.executable, "-c", PROGRAM, "auto"]
        subprocess.run(command, env=environment, stderr=stream, check=False)
        stream.seek(0)
        assert [line[:4] for line in stream] == [b"<3>{", b"<4>{", b"<2>{"]


def test_a_stream_that_is_not_the_journals_gets_no_priority() -> None:
    assert json.loads(standard_error("json", JOURNAL_STREAM="1:2")[0])
