"""One daemon of a sandbox: start it, stop it, freeze it, from whichever process.

Tests break a cluster in every way; each method here returns when what it does has come about, so
that no test needs to sleep. Daemons run in the foreground (``-D``, ``-F``), in sessions of their
own: their pid is the one that was spawned, and no terminal's signal reaches them.
"""

import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from hpcagent.sandbox.errors import DaemonError
from hpcagent.sandbox.processes import Process

START_TIMEOUT = 15.0
"""Seconds. Takes well under one on an idle machine."""
STOP_TIMEOUT = 15.0
"""Seconds. slurmctld writes its state first, munged waits for its threads."""

_PROBE_INTERVAL = 0.005
"""Seconds between two looks whether a daemon is ready; its end interrupts the wait at once."""
_TAIL_LINES = 15


@dataclass(frozen=True, slots=True)
class DaemonSpec:
    """What a daemon is, before and after it runs."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    is_ready: Callable[[], bool]
    record: Path
    """Where its process is recorded, for other processes to find it."""
    output: Path
    """Where its stdout and stderr go."""


class Daemon:
    """A handle on one daemon; any number of them, in any process, may exist."""

    def __init__(self, spec: DaemonSpec) -> None:
        self._spec = spec

    def __repr__(self) -> str:
        return f"<{self.name} {self.state}>"

    @property
    def name(self) -> str:
        """munged, slurmctld, slurmd-node1, ..."""
        return self._spec.name

    @property
    def process(self) -> Process | None:
        """The process last started, running or not; None if there never was one."""
        try:
            record = json.loads(self._spec.record.read_text(encoding="ascii"))
        except FileNotFoundError:
            return None
        return Process(**record)

    @property
    def pid(self) -> int | None:
        """Its process number, None when it does not run."""
        process = self.process
        return process.pid if process is not None and process.running() else None

    @property
    def state(self) -> str:
        """Running, suspended or stopped, for people."""
        process = self.process
        if process is None or not process.running():
            return "stopped"
        return "suspended" if process.is_stopped() else "running"

    def start(self, timeout: float = START_TIMEOUT) -> None:
        """Start it and wait until it is ready; nothing happens if it runs.

        Raises DaemonError, with the end of what it said, if it ends or is not ready in time.
        """
        if self.pid is not None:
            return
        process = self._spawn()
        deadline = time.monotonic() + timeout
        while not self._spec.is_ready():
            if process.wait(_PROBE_INTERVAL):
                raise DaemonError(f"{self.name} ended at its start:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise DaemonError(f"{self.name} is not ready after {timeout} s:\n{self.tail()}")

    def stop(
        self,
        signum: signal.Signals = signal.SIGTERM,
        timeout: float = STOP_TIMEOUT,
    ) -> None:
        """End it with this signal, waking it first if it is suspended, and wait for its end.

        Raises DaemonError if it still runs after ``timeout`` seconds.
        """
        process = self.process
        if process is None:
            return
        process.send(signum)
        process.send(signal.SIGCONT)
        if not process.wait(timeout):
            raise DaemonError(f"{self.name} (pid {process.pid}) runs on after {signum.name}")

    def restart(self, signum: signal.Signals = signal.SIGTERM) -> None:
        """Stop it with this signal, start it, and wait until it is ready again."""
        self.stop(signum)
        self.start()

    def suspend(self) -> None:
        """Freeze it (SIGSTOP): the kernel goes on accepting its connections, nobody answers."""
        self._signal_and_wait(signal.SIGSTOP, stopped=True)

    def resume(self) -> None:
        """Let it go on after ``suspend``."""
        self._signal_and_wait(signal.SIGCONT, stopped=False)

    def tail(self) -> str:
        """The last lines it wrote, for error messages."""
        try:
            lines = self._spec.output.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            lines = []
        return "\n".join(lines[-_TAIL_LINES:]) or f"(nothing in {self._spec.output})"

    def _signal_and_wait(self, signum: signal.Signals, *, stopped: bool) -> None:
        process = self.process
        if process is None or not process.send(signum):
            raise DaemonError(f"{self.name} does not run")
        if not process.wait_stopped(stopped=stopped, timeout=STOP_TIMEOUT):
            raise DaemonError(f"{self.name} (pid {process.pid}) does not heed {signum.name}")

    def _spawn(self) -> Process:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        pid = os.posix_spawn(
            self._spec.argv[0],
            self._spec.argv,
            dict(self._spec.environment),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(self._spec.output), flags, 0o644),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
            setsigmask=[],
            setsigdef=[signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP],
        )
        process = Process.of(pid)
        self._record(process)
        return process

    def _record(self, process: Process) -> None:
        """Replace the record in one step: a reader sees the old one or the new one."""
        new = self._spec.record.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(asdict(process)), encoding="ascii")
        new.replace(self._spec.record)
