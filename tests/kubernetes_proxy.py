"""An HTTP server in front of a real API server: passes requests on, except for planned faults."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import urllib3

from hpcagent.config import ClusterAccess

STATUS = {"kind": "Status", "apiVersion": "v1", "status": "Failure"}
_HOP_BY_HOP = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive", "host"})


@dataclass
class Fault:
    """What becomes of the next requests of a method, as many as ``times``."""

    method: str
    act: "Callable[[Handler], None]"
    path: str = ""
    """Only of paths that have this in them."""
    times: int = 1


@dataclass
class Plan:
    """The faults to come, and the requests that came."""

    faults: list[Fault] = field(default_factory=list)
    seen: list[tuple[str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self, method: str, path: str) -> Fault | None:
        """Take the fault that is meant for a request."""
        with self.lock:
            self.seen.append((method, path))
            for fault in self.faults:
                if fault.method == method and fault.path in path and fault.times:
                    fault.times -= 1
                    return fault
        return None

    def count(self, method: str, part: str = "") -> int:
        """How many requests of a method came whose path has a part."""
        with self.lock:
            return sum(one == method and part in path for one, path in self.seen)


class Proxy(ThreadingHTTPServer):
    """Speaks HTTP to the agent, and passes on to where ``access`` leads."""

    daemon_threads = True

    def __init__(self, access: ClusterAccess) -> None:
        self.plan = Plan()
        self.target = access.server
        self.under_way: list[Handler] = []
        self.pool = urllib3.PoolManager(ca_certs=access.ca_file or None, retries=False, maxsize=8)
        super().__init__(("127.0.0.1", 0), Handler)

    def access(self, access: ClusterAccess) -> ClusterAccess:
        """How the agent reaches the cluster through the proxy."""
        port = self.server_address[1]
        return ClusterAccess(server=f"http://127.0.0.1:{port}", token_file=access.token_file)

    def drop_streams(self) -> None:
        """Break every connection on which an answer is still under way."""
        with self.plan.lock:
            under_way, self.under_way = self.under_way, []
        for handler in under_way:
            handler.hang_up()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of connections that break: they are meant to."""


class Handler(BaseHTTPRequestHandler):
    """One connection of the agent's."""

    protocol_version = "HTTP/1.1"
    server: Proxy

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - of the base class
        """Write no access log."""

    def handle_any(self) -> None:
        """Do as is planned, or pass on."""
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.plan.next(self.command, self.path)
        if fault is None:
            self.answer(self.forward())
        else:
            fault.act(self)

    do_GET = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815 - of the base class

    def forward(self) -> "urllib3.BaseHTTPResponse":
        """Have the API server do it."""
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP_BY_HOP}
        return self.server.pool.request(
            self.command,
            self.server.target + self.path,
            body=self.body or None,
            headers=headers,
            preload_content=False,
        )

    def answer(self, upstream: "urllib3.BaseHTTPResponse") -> None:
        """Pass an answer back as it comes."""
        self.send_response(upstream.status)
        for name, value in upstream.headers.items():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.send_pieces(upstream.stream(decode_content=False))

    def stream(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """Answer with a document in each line, and end."""
        self.send_response(200)
        self.send_pieces(json.dumps(one).encode() + b"\n" for one in documents)

    def send_pieces(self, pieces: Iterable[bytes]) -> None:
        """Send what comes as it comes."""
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with self.server.plan.lock:
            self.server.under_way.append(self)
        try:
            for piece in pieces:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")
        finally:
            with self.server.plan.lock:
                if self in self.server.under_way:
                    self.server.under_way.remove(self)

    def refuse(self, status: int, document: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        """Answer without asking anybody."""
        self.say(status, json.dumps({**STATUS, **document, "code": status}).encode(), headers)

    def say(self, status: int, text: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Answer so."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def hang_up(self) -> None:
        """Close the connection without a word."""
        self.close_connection = True
        with contextlib.suppress(OSError):  # the other side was faster
            self.connection.shutdown(socket.SHUT_RDWR)


def refused(status: int, reason: str, said: str, **headers: str) -> Callable[[Handler], None]:
    """Answer so, and do nothing."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    document = {"reason": reason, "message": said}
    return lambda handler: handler.refuse(status, document, named)


def lose_the_answer(handler: Handler) -> None:
    """Have it done, and hang up."""
    handler.forward().drain_conn()
    handler.hang_up()


def hang_up(handler: Handler) -> None:
    """Do nothing, and hang up."""
    handler.hang_up()


@contextmanager
def proxy(access: ClusterAccess) -> Iterator[Proxy]:
    """A proxy in front of a cluster."""
    with Proxy(access) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield made
        finally:
            made.shutdown()
            thread.join()
