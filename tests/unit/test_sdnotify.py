"""systemd hears of the daemon over a real datagram socket, as sd_notify(3) says."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hpcagent import sdnotify


@pytest.fixture(params=["file", "abstract"])
def systemd(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    """What systemd listens on."""
    name = f"{tmp_path}/notify" if request.param == "file" else f"@hpcagent-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(name.replace("@", "\0"))
        listening.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield listening


def heard(systemd: socket.socket) -> dict[str, str]:
    """The assignments of one datagram."""
    return dict(line.split("=", 1) for line in systemd.recv(4096).decode().split("\n"))


def test_ready_says_in_words_what_is_ready(systemd: socket.socket) -> None:
    sdnotify.ready("serving Slurm")
    assert heard(systemd) == {"READY": "1", "STATUS": "serving Slurm"}


def test_a_reload_carries_its_moment_in_the_same_datagram(systemd: socket.socket) -> None:
    before = time.monotonic_ns() // 1000
    sdnotify.reloading()
    said = heard(systemd)
    assert said.keys() == {"RELOADING", "MONOTONIC_USEC"}
    assert before <= int(said["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000


def test_stopping_and_the_watchdog_are_told(systemd: socket.socket) -> None:
    sdnotify.stopping("draining")
    sdnotify.watchdog()
    assert heard(systemd) == {"STOPPING": "1", "STATUS": "draining"}
    assert heard(systemd) == {"WATCHDOG": "1"}


def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    sdnotify.ready("alone")


def test_a_systemd_that_has_gone_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    with pytest.raises(FileNotFoundError):
        sdnotify.ready("to nobody")


@pytest.mark.parametrize(
    ("usec", "pid", "seconds"),
    [
        ("30000000", None, 30.0),
        # A stable name: xdist's workers must agree on it.
        pytest.param("30000000", str(os.getpid()), 30.0, id="this-process"),
        ("30000000", "1", None),
        (None, None, None),
        ("soon", None, None),
    ],
)
def test_the_watchdogs_patience_is_known_if_it_watches_this_process(
    monkeypatch: pytest.MonkeyPatch, usec: str | None, pid: str | None, seconds: float | None
) -> None:
    for name, value in (("WATCHDOG_USEC", usec), ("WATCHDOG_PID", pid)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert sdnotify.watchdog_seconds() == seconds
