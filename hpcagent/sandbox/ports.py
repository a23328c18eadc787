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

_RANGE = 10_000
"""How many ports below the ephemeral ones to choose from. An ephemeral port could be taken by any
outgoing connection while a daemon is being restarted."""

_TCP_LISTEN = "0A"
"""State of a listening socket in /proc/net/tcp (the kernel's net/tcp_states.h)."""


def loopback_address() -> str:
    """The loopback address of this machine's own name if it has one, as on Debian 127.0.1.1.

    Slurm's programs can be told to use the address of that name only. Those which a job starts do
    not see the sandbox's hosts file, so that the address should be the same without it. DNS, which
    may be slow where the name is unknown, is not asked.
    """
    name = socket.gethostname()
    for line in Path("/etc/hosts").read_text(encoding="utf-8", errors="replace").splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        if name in names and address.startswith("127."):
            return address
    return "127.0.0.1"


@contextlib.contextmanager
def reserve(address: str, count: int, avoid: Collection[int] = ()) -> Iterator[tuple[int, ...]]:
    """So many free ports of this address, which no other ``reserve`` gets during the block.

    Ports in ``avoid`` belong to sandboxes whose daemons may be down for the moment.
    """
    with contextlib.ExitStack() as held:
        yield tuple(_bind_one(held, address, avoid) for _ in range(count))


def _bind_one(held: contextlib.ExitStack, address: str, avoid: Collection[int]) -> int:
    end = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    candidates = range(max(1024, end - _RANGE), end)
    for port in random.sample(candidates, len(candidates)):
        if port in avoid:
            continue
        reservation = socket.socket()
        try:
            reservation.bind((address, port))
        except OSError:
            reservation.close()
            continue
        reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.enter_context(reservation)
        return port
    raise SandboxError(f"no free TCP port on {address} between {candidates.start} and {end}")


def is_listening(port: int) -> bool:
    """Whether a socket listens on this IPv4 port; it is not connected to, so nothing is logged."""
    with Path("/proc/net/tcp").open(encoding="ascii") as table:
        next(table)
        for row in table:
            _, local, _, state, *_ = row.split()
            if state == _TCP_LISTEN and int(local.rpartition(":")[2], 16) == port:
                return True
    return False
