"""A network between the agent and slurmctld that can swallow packets.

What swallows them is the kernel: once the queue of a listening socket is full, it drops the first
packet of every further connection, and the peer hears nothing, as behind a broken firewall.
"""

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

LOOPBACK = "127.0.0.1"


class Proxy:
    """Forwards connections to a port until it is told to swallow them."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server((LOOPBACK, 0), backlog=1)
        self._fill: list[socket.socket] = []
        self._stop, self._stopped = socket.socketpair()
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where the agent shall believe slurmctld to be."""
        port: int = self._listener.getsockname()[1]
        return port

    def swallow(self) -> None:
        """Take no more connections, and fill the queue until the kernel drops what comes."""
        self._stop.send(b"!")
        self._thread.join()
        while True:
            filler = socket.socket()
            self._fill.append(filler)
            filler.settimeout(0.3)
            try:
                filler.connect((LOOPBACK, self.port))
            except TimeoutError:
                return

    def close(self) -> None:
        """End it."""
        with suppress(OSError):
            self._stop.send(b"!")
        self._thread.join()
        for end in (*self._fill, self._listener, self._stop, self._stopped):
            end.close()

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._stopped, selectors.EVENT_READ)
            while all(key.fileobj is self._listener for key, _ in selector.select()):
                client, _ = self._listener.accept()
                ends = (client, self._target)
                threading.Thread(target=_forward, args=ends, daemon=True).start()


def _forward(client: socket.socket, target: int) -> None:
    """Carry one connection both ways until both sides have said all."""
    with client, socket.create_connection((LOOPBACK, target)) as server:
        back = threading.Thread(target=_pump, args=(server, client), daemon=True)
        back.start()
        _pump(client, server)
        back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def proxy(target: int) -> Iterator[Proxy]:
    """Run one."""
    running = Proxy(target)
    try:
        yield running
    finally:
        running.close()
