"""Finding what a sandbox started besides its daemons: job steps, and all that jobs started.

slurmd detaches slurmstepd on purpose, so that steps outlive it, and a job may detach its own
processes. Without cgroups, which an ordinary user does not have, they are known by three marks:
an environment that names this sandbox, a socket in its spool, or a parent of which that holds.
"""

import contextlib
import os
import signal
import socket
import struct
from collections.abc import Iterable

from hpcagent.sandbox.layout import Layout
from hpcagent.sandbox.processes import Process, all_pids, children_by_parent, environment_of

_MARK = "HPCAGENT_SANDBOX_DAEMON"
_UCRED = struct.Struct("3i")
"""struct ucred: pid, uid, gid (unix(7))."""


def mark(layout: Layout) -> dict[str, str]:
    """What to put into the environment of the daemons, and of nothing that a person starts."""
    return {_MARK: str(layout.root)}


def find(layout: Layout) -> list[Process]:
    """Every process of this sandbox, its daemons included, that runs now."""
    own = {pid for pid in all_pids() if _is_marked(pid, layout)} | set(_listeners_in_spool(layout))
    processes = []
    for pid in sorted(_with_descendants(own)):
        with contextlib.suppress(ProcessLookupError):
            processes.append(Process.of(pid))
    return [process for process in processes if process.running()]


def kill_all(layout: Layout, timeout: float) -> list[Process]:
    """Kill every process of this sandbox; returns those that run on after ``timeout`` seconds.

    Killing goes on until none is found, since a process may fork while its parent is killed.
    """
    while processes := find(layout):
        for process in processes:
            process.send(signal.SIGKILL)
        if survivors := [process for process in processes if not process.wait(timeout)]:
            return survivors
    return []


def _is_marked(pid: int, layout: Layout) -> bool:
    """Whether its environment is one that only daemons, or only jobs, of this sandbox have.

    A shell in which ``hpcagent sandbox env`` was read has SLURM_CONF too, but no SLURMD_NODENAME.
    """
    environment = environment_of(pid)
    if f"{_MARK}={layout.root}".encode() in environment:
        return True
    of_a_job = any(entry.startswith(b"SLURMD_NODENAME=") for entry in environment)
    return of_a_job and f"SLURM_CONF={layout.conf}".encode() in environment


def _listeners_in_spool(layout: Layout) -> Iterable[int]:
    """Who listens on the sockets in the spool: a slurmstepd overwrites its own environment."""
    for path in layout.spool.glob("node*/node*_*.*"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as client:
            try:
                client.connect(str(path))
            except OSError:  # nobody listens any more
                continue
            peer = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
            yield _UCRED.unpack(peer)[0]


def _with_descendants(pids: Iterable[int]) -> set[int]:
    children = children_by_parent()
    found: set[int] = set()
    pending = list(pids)
    while pending:
        pid = pending.pop()
        if pid not in found and pid != os.getpid():
            found.add(pid)
            pending += children.get(pid, ())
    return found
