"""The daemon for tests: the real `hpcagent serve`, in a process of its own, on a sandbox."""

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TypeAlias

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from hpcagent.sandbox import Sandbox
from hpcagent.v1.agent_pb2_grpc import AgentStub
from hpcagent.v1.slurm_agent_pb2_grpc import SlurmAgentStub

PATIENCE = 20.0
"""Seconds within which a daemon must be ready, be serving, or have ended."""
SERVICE = "hpcagent.v1.SlurmAgent"

Settings: TypeAlias = Mapping[str, Any]
"""What to put into the configuration file beside what every test's daemon has."""
Entry: TypeAlias = dict[str, Any]


def hpcagent(
    *arguments: str | Path, before: Sequence[str] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end; ``before`` is a program that starts it."""
    return subprocess.run(
        [*before, sys.executable, "-m", "hpcagent.cli", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def toml(settings: Settings, path: str = "") -> str:
    """Write settings as a file has them, each under its whole path."""
    lines = [
        toml(value, f"{path}{key}.")
        if isinstance(value, Mapping)
        else f"{path}{key} = {inline(value)}\n"
        for key, value in settings.items()
    ]
    return "".join(lines)


def inline(value: object) -> str:
    """Write a value on one line."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key} = {inline(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(inline, value))}]"
    return json.dumps(value)


class Log:
    """What a daemon writes to its standard error, as it comes."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.lines: list[bytes] = []
        self._stream = stream
        self._ended = False
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def __str__(self) -> str:
        return b"".join(self.lines).decode()

    @property
    def entries(self) -> list[Entry]:
        """Each line, parsed."""
        return [json.loads(line) for line in tuple(self.lines)]

    def wait_for(self, event: str, **facts: object) -> Entry:
        """Return the first entry that says so, once it has come."""
        found: list[Entry] = []

        def come() -> bool:
            found.extend(e for e in self.entries if {**facts, "event": event}.items() <= e.items())
            return bool(found) or self._ended

        with self._news:
            self._news.wait_for(come, PATIENCE)
        assert found, f"no {event} in:\n{self}"
        return found[0]

    def close(self) -> None:
        """Read what is left of a daemon that has ended."""
        self._thread.join(PATIENCE)
        self._stream.close()

    def _read(self) -> None:
        for line in self._stream:
            with self._news:
                self.lines.append(line)
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()


@dataclass
class Daemon:
    """A running daemon, a client of it, and what it tells systemd."""

    sandbox: Sandbox
    home: Path
    """Its socket and its configuration are here."""
    process: subprocess.Popen[bytes]
    systemd: socket.socket
    """What is at the other end of NOTIFY_SOCKET."""
    log: Log
    channel: grpc.Channel = field(init=False)

    def __post_init__(self) -> None:
        self.channel = grpc.insecure_channel(self.address)

    @property
    def pid(self) -> int:
        """Its process number."""
        return self.process.pid

    @property
    def socket(self) -> Path:
        """The unix socket that it listens on."""
        return self.home / "hpcagent.sock"

    @property
    def address(self) -> str:
        """The same, as gRPC writes it."""
        return f"unix:{self.socket}"

    @property
    def config(self) -> Path:
        """Its configuration file."""
        return self.home / "hpcagent.toml"

    @property
    def stub(self) -> SlurmAgentStub:
        """A client of SlurmAgent."""
        return SlurmAgentStub(self.channel)

    @property
    def agent(self) -> AgentStub:
        """A client of Agent."""
        return AgentStub(self.channel)

    def is_serving(self) -> bool:
        """Whether health says that SlurmAgent can work."""
        asked = health_pb2.HealthCheckRequest(service=SERVICE)
        answer = health_pb2_grpc.HealthStub(self.channel).Check(asked, timeout=PATIENCE)
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    def wait_until_serving(self, wanted: bool = True) -> None:
        """Wait until health says that SlurmAgent can work, or that it cannot."""
        word = health_pb2.HealthCheckResponse
        status = word.SERVING if wanted else word.NOT_SERVING
        asked = health_pb2.HealthCheckRequest(service=SERVICE)
        watch = health_pb2_grpc.HealthStub(self.channel).Watch(asked, timeout=PATIENCE)
        for answer in watch:
            if answer.status == status:
                watch.cancel()
                return

    def told_systemd(self) -> dict[str, str]:
        """Return the assignments of the next datagram, once it has come."""
        return dict(line.split("=", 1) for line in self.systemd.recv(4096).decode().split("\n"))

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to end, and return its exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextmanager
def running(
    sandbox: Sandbox, settings: Settings | None = None, **environment: str
) -> Iterator[Daemon]:
    """Start a daemon, wait until it has told systemd that it is ready, and end it afterwards."""
    home = Path(tempfile.mkdtemp(prefix="hpcagent-daemon-"))  # short, for the unix socket in it
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, home)
        systemd = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        systemd.bind(str(home / "notify"))
        systemd.settimeout(PATIENCE)
        (home / "hpcagent.toml").write_text(_configuration(sandbox, home, settings or {}))
        given = {**os.environ, **sandbox.env, "NOTIFY_SOCKET": str(home / "notify"), **environment}
        argv = [sys.executable, "-m", "hpcagent.cli", "serve", "--config", f"{home}/hpcagent.toml"]
        process = subprocess.Popen(argv, env=given, stderr=subprocess.PIPE)
        assert process.stderr
        log = Log(process.stderr)
        stack.callback(log.close)
        stack.callback(end, process)
        wait_until_ready(process, systemd, log)
        daemon = Daemon(sandbox, home, process, systemd, log)
        stack.callback(daemon.channel.close)
        yield daemon


@pytest.fixture(scope="session")
def daemon(sandbox: Sandbox) -> Iterator[Daemon]:
    """A daemon for tests that leave it and its cluster alone."""
    with running(sandbox) as shared:
        yield shared


@pytest.fixture(scope="session")
def accounting_daemon(accounting_sandbox: Sandbox) -> Iterator[Daemon]:
    """A daemon on a cluster with accounting, for tests that leave both alone."""
    with running(accounting_sandbox) as shared:
        yield shared


@pytest.fixture
def private_daemon(private_sandbox: Sandbox) -> Iterator[Daemon]:
    """A daemon for one test, with a cluster of its own to break."""
    with running(private_sandbox) as own:
        yield own


@pytest.fixture
def start_daemon(private_sandbox: Sandbox) -> Iterator[Callable[..., Daemon]]:
    """Starts daemons with settings of the test's choice, on a cluster of its own."""
    with ExitStack() as stack:
        yield lambda settings=None, **environment: stack.enter_context(
            running(private_sandbox, settings, **environment)
        )


@pytest.fixture
def other_libslurm(tmp_path: Path) -> str:
    """A library to preload, with which libslurm seems to be that of Slurm 20.11."""
    library = str(tmp_path / "other.so")
    source = "long slurm_api_version(void) { return 36 << 16; }"
    compiler = ["cc", "-shared", "-fPIC", "-xc", "-", "-o", library]
    subprocess.run(compiler, input=source, text=True, check=True)
    return library


def _configuration(sandbox: Sandbox, home: Path, settings: Settings) -> str:
    always: dict[str, dict[str, Any]] = {
        "server": {"unix": str(home / "hpcagent.sock")},
        "state": {"directory": str(home / "state")},
        "slurm": {
            "conf": str(sandbox.conf),
            "work_dir_roots": sorted({str(Path(user.home).parent) for user in sandbox.users}),
        },
    }
    tables = always.keys() | settings.keys()
    return toml({table: {**always.get(table, {}), **settings.get(table, {})} for table in tables})


def wait_until_ready(process: subprocess.Popen[bytes], systemd: socket.socket, log: Log) -> None:
    """Wait for READY=1, or for the end of the process, which is a failure."""
    ended = os.pidfd_open(process.pid)
    try:
        happened, _, _ = select.select([systemd.fileno(), ended], [], [], PATIENCE)
    finally:
        os.close(ended)
    assert systemd.fileno() in happened, f"the daemon is not ready:\n{log}"
    assert b"READY=1" in systemd.recv(4096)


def end(process: subprocess.Popen[bytes]) -> None:
    """End it, whatever a test has done to it."""
    process.send_signal(signal.SIGCONT)
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
