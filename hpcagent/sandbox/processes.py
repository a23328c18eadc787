"""Processes, told apart from later ones that were given the same number.

A sandbox outlives the process that started it: another one takes it down, perhaps days later. By
then the kernel may have given a recorded pid to somebody else's process. So a process is recorded
with its start time and the boot it belongs to, and every signal goes through a pidfd whose process
was compared with that record after it was opened.
"""

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_PPID, _START_TIME = 1, 19
"""Places of these fields of /proc/PID/stat, counted from the state (proc_pid_stat(5))."""

_STATE_INTERVAL = 0.005
"""Seconds between looks at a state for whose change the kernel has no event."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process of this machine, running or ended."""

    pid: int
    start_time: int
    """Clock ticks from boot to its start."""
    boot_id: str

    @classmethod
    def of(cls, pid: int) -> Self:
        """The process that has this number now; raises ProcessLookupError if there is none."""
        return cls(pid, int(_stat(pid)[_START_TIME]), _boot_id())

    @contextlib.contextmanager
    def _pidfd(self) -> Iterator[int | None]:
        """A pidfd of exactly this process, None when it is gone."""
        try:
            pidfd = os.pidfd_open(self.pid)
        except ProcessLookupError:
            yield None
            return
        try:
            yield pidfd if self.running() else None
        finally:
            os.close(pidfd)

    def running(self) -> bool:
        """Whether it still runs; a zombie, which only waits for its parent, does not."""
        try:
            stat = _stat(self.pid)
        except ProcessLookupError:
            return False
        is_it = int(stat[_START_TIME]) == self.start_time and _boot_id() == self.boot_id
        return is_it and stat[0] not in {"Z", "X"}

    def send(self, signum: signal.Signals) -> bool:
        """Send a signal; False when the process is gone."""
        with self._pidfd() as pidfd:
            if pidfd is None:
                return False
            try:
                signal.pidfd_send_signal(pidfd, signum)
            except ProcessLookupError:
                return False
            return True

    def wait(self, timeout: float) -> bool:
        """Wait for its end for so many seconds; whether it has ended. Reaps it if it is a child."""
        with self._pidfd() as pidfd:
            if pidfd is not None:
                poll = select.poll()
                poll.register(pidfd, select.POLLIN)
                poll.poll(timeout * 1000)
        if self.running():
            return False
        self._reap()
        return True

    def _reap(self) -> None:
        """Take a zombie off the process table, if it is a child of this process."""
        try:
            pidfd = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            if int(_stat(self.pid)[_START_TIME]) == self.start_time:
                os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOHANG)
        except (ChildProcessError, ProcessLookupError):
            return  # another process's child, or reaped by another thread
        finally:
            os.close(pidfd)

    def is_stopped(self) -> bool:
        """Whether a signal has stopped all its threads."""
        return self._stopped_threads() == {True}

    def _stopped_threads(self) -> set[bool]:
        """Whether its threads are stopped: both values while a signal is still taking effect."""
        return {state == "T" for state in _thread_states(self.pid)}

    def wait_stopped(self, *, stopped: bool, timeout: float) -> bool:
        """Wait until all its threads are stopped (or none is); whether that came about."""
        deadline = time.monotonic() + timeout
        while self.running():
            if self._stopped_threads() == {stopped}:
                return True
            if time.monotonic() > deadline:
                return False
            self.wait(_STATE_INTERVAL)
        return False


def all_pids() -> list[int]:
    """Every process number in use."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def children_by_parent() -> dict[int, list[int]]:
    """Who is whose child, in one look at the process table."""
    children: dict[int, list[int]] = {}
    for pid in all_pids():
        with contextlib.suppress(ProcessLookupError):
            children.setdefault(int(_stat(pid)[_PPID]), []).append(pid)
    return children


def environment_of(pid: int) -> frozenset[bytes]:
    """The ``NAME=value`` strings a process was started with, none when they cannot be read."""
    try:
        return frozenset(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return frozenset()


def _stat(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError as gone:
        raise ProcessLookupError(f"no process {pid}") from gone
    return text.rpartition(")")[2].split()


def _thread_states(pid: int) -> list[str]:
    states = []
    for status in Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            states.append(status.read_text(errors="replace").rpartition(")")[2].split()[0])
    return states


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
