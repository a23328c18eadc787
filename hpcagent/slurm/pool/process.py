"""One worker process: started, spoken to, and ended.

It is started by exec, never by a bare fork, since this process uses gRPC, whose threads and locks
do not survive a fork. What the worker writes to its standard error (libslurm's last words before
it ends the process) is kept and told when it is gone.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

from hpcagent.slurm import wire

_LAST_WORDS = 2000
"""How many bytes of a dead worker's standard error are told."""


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """How many workers there are, and how long one may be stuck. Times in seconds."""

    conf: str = ""
    """Path of slurm.conf; empty: libslurm looks for it."""
    processes: int = 2
    threads: int = 8
    """Native threads, that is simultaneous calls, of each process."""
    stuck_after: float = 90.0
    """A call without reply for so long costs its worker. libslurm's own time-outs: up to 29 s."""
    start_timeout: float = 15.0
    """How long a worker may take to load libslurm and its configuration."""
    restart_delay: float = 1.0
    """Least time between a failed start and the next one."""


@dataclass(eq=False, slots=True)
class Channel:
    """One native thread of a worker, from the daemon's side."""

    socket: socket.socket
    worker: "Worker"
    inbox: wire.Inbox
    busy: bool = False
    """A call is using it, or its late reply is waited for; whoever waits closes the socket."""
    overran_at: float = 0.0
    """When its call's deadline passed without a reply."""


@dataclass(eq=False, slots=True)
class Worker:
    """A worker process and its channels."""

    process: subprocess.Popen[bytes]
    lifeline: socket.socket
    """Becomes readable when the process is gone; closing it ends the process."""
    stderr: int
    started_at: float = field(default_factory=time.monotonic)
    channels: list[Channel] = field(default_factory=list)
    ready: bool = False
    """It has answered ``hello``."""
    outdated: bool = False
    """It has read a slurm.conf that may have changed, and goes when a new worker is ready."""
    retired: bool = False
    """It takes no more calls."""
    doomed: bool = False
    """It has been killed; all that can be done is to wait for its end."""
    stuck: bool = False
    """It was killed because it owed a reply for too long."""
    gone: bool = False
    """Its process has ended."""
    idle: int = 0
    """Channels that no call is using."""

    @property
    def pid(self) -> int:
        """The process's number."""
        return self.process.pid

    def kill(self) -> None:
        """End it at once, whatever it does; the lifeline tells when it is gone."""
        self.doomed = True
        self.process.send_signal(signal.SIGKILL)

    def bury(self) -> str:
        """Collect a process that is gone, and say how it ended."""
        status = self.process.wait()
        self.lifeline.close()
        size = os.fstat(self.stderr).st_size
        words = os.pread(self.stderr, _LAST_WORDS, max(0, size - _LAST_WORDS))
        os.close(self.stderr)
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        said = words.decode(errors="replace").strip()
        return f"{how}: {said}" if said else how


def start(conf: str, threads: int, environment: Mapping[str, str]) -> Worker:
    """Start a worker and send it ``hello`` on its first channel; the reply makes it ready.

    Raises OSError where the system has no room for another process.
    """
    with ExitStack() as ours, ExitStack() as theirs:
        pairs = [_pair(ours, theirs) for _ in range(threads + 1)]
        stderr = os.memfd_create("hpcagent-worker-stderr", os.MFD_CLOEXEC)
        ours.callback(os.close, stderr)
        process = _spawn(conf, [their for _, their in pairs], stderr, environment)
        ours.pop_all()
    worker = Worker(process, pairs[0][0], stderr)
    worker.channels = [Channel(our, worker, wire.Inbox(our)) for our, _ in pairs[1:]]
    with suppress(wire.ChannelClosedError):  # it has ended already: the lifeline tells
        wire.send(worker.channels[0].socket, wire.frame(wire.Call("hello", {})))
    return worker


def _pair(ours: ExitStack, theirs: ExitStack) -> tuple[socket.socket, socket.socket]:
    our, their = socket.socketpair()
    return ours.enter_context(our), theirs.enter_context(their)


def _spawn(
    conf: str, ends: Sequence[socket.socket], stderr: int, environment: Mapping[str, str]
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 - this Python, our own module, no shell
        _command(conf, ends),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        env=dict(environment),
        pass_fds=[end.fileno() for end in ends],
        start_new_session=True,
    )


def _command(conf: str, ends: Sequence[socket.socket]) -> list[str]:
    """Without the current directory on the module path (-P): the daemon may be root."""
    module = ["-m", "hpcagent.slurm.worker", conf]
    return [sys.executable, "-P", *module, *(str(end.fileno()) for end in ends)]
