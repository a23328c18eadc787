"""The daemon for tests: the real `hpcagent serve`, in a process of its own, on a sandbox."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from hpcagent.sandbox import Sandbox
from hpcagent.v1.agent_pb2_grpc import AgentStub
from hpcagent.v1.slurm_agent_pb2_grpc import SlurmAgentStub

PATIENCE = 20.0
"""Seconds within which a daemon must be ready, be serving, or have ended."""
SERVICE = "hpcagent.v1.SlurmAgent"

Settings = Mapping[str, Mapping[str, Any]]
"""Tables of the configuration file, to be added to what a test's daemon always has."""


@dataclass
class Daemon:
    """A running daemon, and a client of it."""

    sandbox: Sandbox
    home: Path
    process: subprocess.Popen[bytes]
    channel: grpc.Channel

    @property
    def pid(self) -> int:
        """Its process number."""
        return self.process.pid

    @property
    def socket(self) -> Path:
        """Its unix socket."""
        return self.home / "hpcagent.sock"

    @property
    def address(self) -> str:
        """Where gRPC finds it."""
        return f"unix:{self.socket}"

    @property
    def config(self) -> Path:
        """Its configuration file."""
        return self.home / "hpcagent.toml"

    @property
    def log(self) -> str:
        """All that it has written so far."""
        return (self.home / "log").read_text()

    @property
    def stub(self) -> SlurmAgentStub:
        """A client of SlurmAgent."""
        return SlurmAgentStub(self.channel)

    @property
    def agent(self) -> AgentStub:
        """A client of Agent."""
        return AgentStub(self.channel)

    def wait_until_serving(self, wanted: bool = True) -> None:
        """Wait until health says that SlurmAgent can work, or that it can't."""
        word = health_pb2.HealthCheckResponse
        status = word.SERVING if wanted else word.NOT_SERVING
        watch = health_pb2_grpc.HealthStub(self.channel).Watch(
            health_pb2.HealthCheckRequest(service=SERVICE), timeout=PATIENCE
        )
        for answer in watch:
            if answer.status == status:
                watch.cancel()
                return

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it as systemd would, and return its exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextmanager
def running(sandbox: Sandbox, settings: Settings | None = None) -> Iterator[Daemon]:
    """Start a daemon, wait until it says READY and can work, and end it afterwards."""
    home = Path(tempfile.mkdtemp(prefix="hpcagent-daemon-"))  # short: it holds a unix socket
    (home / "hpcagent.toml").write_text(_toml(_settings(sandbox, home, settings or {})))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, home)
        process = stack.enter_context(_process(sandbox, home))
        channel = stack.enter_context(grpc.insecure_channel(f"unix:{home}/hpcagent.sock"))
        daemon = Daemon(sandbox, home, process, channel)
        daemon.wait_until_serving()
        yield daemon


@pytest.fixture(scope="session")
def daemon(sandbox: Sandbox) -> Iterator[Daemon]:
    """A daemon for tests that leave it and its cluster alone."""
    with running(sandbox) as shared:
        yield shared


@pytest.fixture
def private_daemon(private_sandbox: Sandbox) -> Iterator[Daemon]:
    """A daemon for one test, with a cluster of its own to break."""
    with running(private_sandbox) as own:
        yield own


@pytest.fixture
def start_daemon(private_sandbox: Sandbox) -> Iterator[Callable[[Settings], Daemon]]:
    """Starts a daemon with settings of the test's choice, on a cluster of its own."""
    with ExitStack() as stack:
        yield lambda settings: stack.enter_context(running(private_sandbox, settings))


@contextmanager
def _process(sandbox: Sandbox, home: Path) -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, "-m", "hpcagent.cli", "serve", "--config", str(home / "hpcagent.toml")]
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify,
        (home / "log").open("wb") as log,
    ):
        notify.bind(str(home / "notify"))
        notify.settimeout(PATIENCE)
        environment = {**os.environ, **sandbox.env, "NOTIFY_SOCKET": str(home / "notify")}
        process = subprocess.Popen(argv, env=environment, stderr=log)
        try:
            assert b"READY=1" in notify.recv(4096), (home / "log").read_text()
            yield process
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _settings(sandbox: Sandbox, home: Path, settings: Settings) -> Settings:
    always: dict[str, dict[str, Any]] = {
        "server": {"unix": str(home / "hpcagent.sock")},
        "slurm": {"conf": str(sandbox.conf)},
    }
    return {
        table: {**always.get(table, {}), **settings.get(table, {})}
        for table in {**always, **settings}
    }


def _toml(settings: Settings) -> str:
    lines: list[str] = []
    for table, values in settings.items():
        lines += [f"[{table}]", *(f"{key} = {_value(value)}" for key, value in values.items())]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_value, value)) + "]"
    return str(value)
