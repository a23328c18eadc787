"""Ports that no other sandbox can take between the choice and the daemon's own ``listen``.

A port is reserved by a socket that is bound to it without SO_REUSEADDR, so that a second
reservation of the same port fails, and that is given SO_REUSEADDR afterwards: Slurm's daemons set
that option too, and Linux lets two such sockets share a port as long as none of them listens.
"""

import contextlib
import random
import socket
from collections.abc import Collection, Iterator
from pathlib import Path

from hpcagent.sandbox.errors import SandboxError

LOOPBACK = "127.0.0.1"
"""Not another one such as Debian's 127.0.1.1 for the machine's own name: Slurm answers to the
address that a connection comes from, and for every loopback destination that is this one."""

_RANGE = 10_000
"""How many ports below the ephemeral ones to choose from. An ephemeral port could be taken by any
outgoing connection while a daemon is being restarted."""

_TCP_LISTEN = "0A"
"""State of a listening socket in /proc/net/tcp (the kernel's net/tcp_states.h)."""


@contextlib.contextmanager
def reserve(count: int, avoid: Collection[int] = ()) -> Iterator[tuple[int, ...]]:
    """So many free loopback ports, which no other ``reserve`` gets during the block.

    Ports in ``avoid`` belong to sandboxes whose daemons may be down for the moment.
    """
    with contextlib.ExitStack() as held:
        yield tuple(_bind_one(held, avoid) for _ in range(count))


def _bind_one(held: contextlib.ExitStack, avoid: Collection[int]) -> int:
    end = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    candidates = range(max(1024, end - _RANGE), end)
    for port in random.sample(candidates, len(candidates)):
        if port in avoid:
            continue
        reservation = socket.socket()
        try:
            reservation.bind((LOOPBACK, port))
        except OSError:
            reservation.close()
            continue
        reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.enter_context(reservation)
        return port
    raise SandboxError(f"no free TCP port on {LOOPBACK} between {candidates.start} and {end}")


def is_listening(port: int) -> bool:
    """Whether a socket listens on this IPv4 port; it is not connected to, so nothing is logged."""
    with Path("/proc/net/tcp").open(encoding="ascii") as table:
        next(table)
        for row in table:
            _, local, _, state, *_ = row.split()
            if state == _TCP_LISTEN and int(local.rpartition(":")[2], 16) == port:
                return True
    return False
