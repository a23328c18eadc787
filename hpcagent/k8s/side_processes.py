"""Processes of the daemon's own for work that may hang, or that another user must do.

A question goes to one as a line over a socket, the answer comes back as another. One that does not
answer by the deadline, or fails in any way, is ended, and costs its own question only. Each ends
when the daemon closes its end of the socket, or is gone.
"""

import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hpcagent.jobs.deadline import Deadline

MOST = 4
"""How many questions may be open at once."""
_LEAST_SECONDS = 0.001
"""A time-out of zero would mean none."""
_ENDING_SECONDS = 1.0
"""A process that waits for a dead file server may not end at once; it is not waited for."""


class AllBusyError(Exception):
    """Earlier questions have not been answered by the deadline."""


@dataclass(eq=False, slots=True)
class SideProcess:
    """A process, and our end of the socket to it."""

    process: subprocess.Popen[bytes]
    socket: socket.socket

    def ask(self, question: bytes, deadline: Deadline) -> bytes:
        """Return the answer. Raises OSError, TimeoutError among them."""
        self.socket.settimeout(max(deadline.remaining(), _LEAST_SECONDS))
        self.socket.sendall(question + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            self.socket.settimeout(max(deadline.remaining(), _LEAST_SECONDS))
            part = self.socket.recv(65536)
            if not part:
                raise ConnectionResetError("the process has ended")
            answer += part
        return answer

    def end(self) -> None:
        """End it, whatever it does."""
        self.socket.close()
        self.process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_ENDING_SECONDS)


class SideProcesses:
    """As many processes of one module as there are questions at once, and ``MOST`` at the most."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._slots = threading.Semaphore(MOST)
        self._lock = threading.Lock()
        self.idle: list[SideProcess] = []
        """Those that wait for a question."""

    def ask(self, question: bytes, deadline: Deadline) -> bytes:
        """Return the answer. Raises AllBusyError, or OSError, TimeoutError among them."""
        with self._taken(deadline) as one:
            return one.ask(question, deadline)

    def close(self) -> None:
        """End the processes that wait for a question."""
        with self._lock:
            idle, self.idle = self.idle, []
        for one in idle:
            one.end()

    @contextmanager
    def _taken(self, deadline: Deadline) -> Iterator[SideProcess]:
        if not self._slots.acquire(timeout=deadline.remaining()):
            raise AllBusyError
        try:
            with self._lock:
                one = self.idle.pop() if self.idle else None
            one = one or start(self._module)
            try:
                yield one
            except BaseException:
                one.end()
                raise
            with self._lock:
                self.idle.append(one)
        finally:
            self._slots.release()


def start(module: str) -> SideProcess:
    """Start a process."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(  # noqa: S603 - this Python, our own module, no shell
            [sys.executable, "-P", "-m", module, str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
    return SideProcess(process, ours)


def answer_all(handle: int, answer: Callable[[bytes], bytes]) -> None:
    """Be such a process: answer questions on a socket until there are no more."""
    with socket.socket(fileno=handle) as daemon, daemon.makefile("rwb") as lines:
        for line in lines:
            lines.write(answer(line) + b"\n")
            lines.flush()
