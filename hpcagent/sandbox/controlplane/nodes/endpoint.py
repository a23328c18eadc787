"""What the API server asks a node for: containers' logs, over HTTPS and only of the API server."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from hpcagent.sandbox.controlplane.nodes.container import Container
from hpcagent.sandbox.controlplane.nodes.kubelet import Kubelet
from hpcagent.sandbox.controlplane.nodes.log import Log, Wanted
from hpcagent.sandbox.ports import LOOPBACK


class Endpoint(ThreadingHTTPServer):
    """A kubelet's own server. It shows what the API server asks of it, nothing else."""

    daemon_threads = True

    def __init__(self, kubelet: Kubelet, port: int, files: tuple[Path, Path, Path]) -> None:
        self.kubelet = kubelet
        super().__init__((LOOPBACK, port), _Handler)
        certificate, key, authority = files
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority)
        tls.load_cert_chain(certificate, key)
        tls.verify_mode = ssl.CERT_REQUIRED
        self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that goes away in the middle of a log is as it should be."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - of the base class
        """Write no access log."""

    def do_GET(self) -> None:
        """Answer ``/containerLogs/NAMESPACE/POD/CONTAINER``."""
        address = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        match address.path.strip("/").split("/"):
            case ["containerLogs", namespace, pod, container]:
                self._logs(namespace, pod, container, query)
            case _:
                self._refuse(404, "not found")

    def _logs(self, namespace: str, name: str, container: str, query: dict[str, str]) -> None:
        assert isinstance(self.server, Endpoint)  # noqa: S101 - it made this handler
        pod = self.server.kubelet.find(namespace, name)
        found = [one for one in pod.containers if one.name == container] if pod else []
        if not found:
            self._refuse(400, f'container "{container}" in pod "{name}" is waiting to start')
            return
        log = _log(found[0], previous=query.get("previous") == "true")
        if log is None:
            self._refuse(400, _no_log(found[0], name, previous=query.get("previous") == "true"))
            return
        self._send(log.read(_wanted(query)))

    def _send(self, pieces: Iterator[bytes]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def _refuse(self, status: int, said: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(said.encode())))
        self.end_headers()
        self.wfile.write(said.encode())


def _log(container: Container, *, previous: bool) -> Log | None:
    return container.previous_log if previous else container.log


def _no_log(container: Container, pod: str, *, previous: bool) -> str:
    """As kubelet says it."""
    if previous:
        return f'previous terminated container "{container.name}" in pod "{pod}" not found'
    reason = container.state.get("waiting", {}).get("reason", "ContainerCreating")
    return f'container "{container.name}" in pod "{pod}" is waiting to start: {reason}'


def _wanted(query: dict[str, str]) -> Wanted:
    since = None
    if "sinceTime" in query:
        since = datetime.fromisoformat(query["sinceTime"])
    elif "sinceSeconds" in query:
        since = datetime.now(UTC) - timedelta(seconds=int(query["sinceSeconds"]))
    return Wanted(
        follow=query.get("follow") == "true",
        timestamps=query.get("timestamps") == "true",
        tail=int(query["tailLines"]) if "tailLines" in query else None,
        since=since,
    )
