"""systemd is told that the daemon lives only while somebody still looks at its health."""

import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from hpcagent.config import Config
from hpcagent.daemon import SignalLoop


def test_a_daemon_whose_health_stands_still_is_not_vouched_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server: Any = SimpleNamespace(health_looks=1)
    slurm: Any = None
    loop = SignalLoop(tmp_path / "hpcagent.toml", Config(), slurm, server)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd,
        structlog.testing.capture_logs() as logged,
    ):
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        loop.ping()
        assert systemd.recv(4096) == b"WATCHDOG=1"
        loop.ping()
        with pytest.raises(BlockingIOError):
            systemd.recv(4096)
        assert [entry["event"] for entry in logged] == ["health_stands_still"]
        server.health_looks += 1
        loop.ping()
        assert systemd.recv(4096) == b"WATCHDOG=1"
