"""Which daemons a control plane has, and how each is started."""

import socket
import ssl
import sys
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hpcagent.sandbox import leftovers
from hpcagent.sandbox.controlplane.build import Programs
from hpcagent.sandbox.daemon import Daemon, DaemonSpec
from hpcagent.sandbox.layout import Layout
from hpcagent.sandbox.packages import search_path
from hpcagent.sandbox.ports import LOOPBACK

_SERVICE_NETWORK = "10.96.0.0/16"
"""Addresses of Services; nothing routes there."""

_CONTROLLERS = (
    "deployment-controller",
    "endpointslice-controller",
    "garbage-collector-controller",
    "job-controller",
    "namespace-controller",
    "node-lifecycle-controller",
    "pod-garbage-collector-controller",
    "replicaset-controller",
    "resourcequota-controller",
    "serviceaccount-controller",
    "ttl-after-finished-controller",
)
"""What workloads need; each of the others would only cost time at the start."""

_PATIENT_HEARTBEATS = "24h"
"""A node is not lost because the machine is busy."""

_PROBE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Ports:
    """The loopback ports of one control plane."""

    etcd: int
    etcd_peer: int
    apiserver: int
    controller_manager: int
    scheduler: int
    kubelet: int


def https(port: int) -> str:
    """The URL of what listens on one of them."""
    return "https" + f"://{LOOPBACK}:{port}"


@dataclass(frozen=True, slots=True)
class Files:
    """Where a control plane's files are."""

    layout: Layout

    def etc(self, name: str) -> str:
        """Path of a file that configures it."""
        return str(self.layout.etc / name)

    def kubeconfig(self, account: str) -> Path:
        """Path of an account's kubeconfig."""
        return self.layout.etc / f"{account}.kubeconfig"


@dataclass(frozen=True, slots=True)
class Daemons:
    """Handles on all daemons of one control plane, whether they run or not."""

    etcd: Daemon
    apiserver: Daemon
    controller_manager: Daemon
    scheduler: Daemon
    nodes: Daemon

    @property
    def all(self) -> tuple[Daemon, ...]:
        """In the order in which they are started."""
        return (self.etcd, self.apiserver, self.controller_manager, self.scheduler, self.nodes)


def daemons(layout: Layout, programs: Programs, ports: Ports, nodes: int) -> Daemons:
    """The daemons of the control plane in ``layout``."""
    files = Files(layout)

    def daemon(name: str, argv: tuple[str, ...], is_ready: Callable[[], bool]) -> Daemon:
        environment = {"PATH": search_path(), "LANG": "C.UTF-8", **leftovers.mark(layout)}
        record, output = layout.run / f"{name}.json", layout.log / f"{name}.out"
        return Daemon(DaemonSpec(name, argv, environment, is_ready, record, output))

    def answers(port: int, path: str) -> Callable[[], bool]:
        return lambda: _answers(files, port, path)

    return Daemons(
        etcd=daemon("etcd", _etcd(files, programs, ports), answers(ports.etcd, "/health")),
        apiserver=daemon(
            "kube-apiserver",
            _apiserver(files, programs, ports),
            answers(ports.apiserver, "/readyz"),
        ),
        controller_manager=daemon(
            "kube-controller-manager",
            _controller_manager(files, programs, ports),
            answers(ports.controller_manager, "/healthz"),
        ),
        scheduler=daemon(
            "kube-scheduler",
            (programs.scheduler, *_client_of_apiserver(files, "scheduler", ports.scheduler)),
            answers(ports.scheduler, "/healthz"),
        ),
        nodes=daemon(
            "nodes",
            _nodes(files, ports, nodes),
            lambda: _accepts(ports.kubelet),
        ),
    )


def _etcd(files: Files, programs: Programs, ports: Ports) -> tuple[str, ...]:
    client, peer = https(ports.etcd), https(ports.etcd_peer)
    return (
        programs.etcd,
        *("--name", "sandbox", "--data-dir", str(files.layout.state / "etcd")),
        *("--listen-client-urls", client, "--advertise-client-urls", client),
        *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
        *("--initial-cluster", f"sandbox={peer}"),
        *("--cert-file", files.etc("server.crt"), "--key-file", files.etc("server.key")),
        *("--client-cert-auth", "--trusted-ca-file", files.etc("ca.crt")),
        *("--peer-cert-file", files.etc("server.crt"), "--peer-key-file", files.etc("server.key")),
        *("--peer-client-cert-auth", "--peer-trusted-ca-file", files.etc("ca.crt")),
    )


def _apiserver(files: Files, programs: Programs, ports: Ports) -> tuple[str, ...]:
    certificate, key, authority = map(files.etc, ("server.crt", "server.key", "ca.crt"))
    return (
        programs.apiserver,
        f"--etcd-servers={https(ports.etcd)}",
        f"--etcd-cafile={authority}",
        *(f"--etcd-certfile={certificate}", f"--etcd-keyfile={key}"),
        *(f"--bind-address={LOOPBACK}", f"--advertise-address={LOOPBACK}"),
        f"--secure-port={ports.apiserver}",
        *(f"--tls-cert-file={certificate}", f"--tls-private-key-file={key}"),
        f"--token-auth-file={files.etc('tokens.csv')}",
        "--authorization-mode=RBAC",
        f"--service-cluster-ip-range={_SERVICE_NETWORK}",
        "--service-account-issuer=https://sandbox.invalid",
        *(f"--service-account-key-file={certificate}", f"--service-account-signing-key-file={key}"),
        f"--kubelet-certificate-authority={authority}",
        *(f"--kubelet-client-certificate={certificate}", f"--kubelet-client-key={key}"),
        "--kubelet-preferred-address-types=InternalIP",  # nobody resolves the nodes' names
        "--allow-privileged=true",
        "--endpoint-reconciler-type=none",  # a loopback address may be no endpoint
    )


def _controller_manager(files: Files, programs: Programs, ports: Ports) -> tuple[str, ...]:
    return (
        programs.controller_manager,
        *_client_of_apiserver(files, "controller-manager", ports.controller_manager),
        f"--controllers={','.join(_CONTROLLERS)}",
        f"--node-monitor-grace-period={_PATIENT_HEARTBEATS}",
        f"--service-account-private-key-file={files.etc('server.key')}",
        f"--root-ca-file={files.etc('ca.crt')}",
    )


def _nodes(files: Files, ports: Ports, nodes: int) -> tuple[str, ...]:
    return (
        *(sys.executable, "-m", "hpcagent.sandbox.controlplane.nodes"),
        *("--server", https(ports.apiserver), "--kubeconfig", str(files.kubeconfig("nodes"))),
        *("--certificate", files.etc("server.crt"), "--key", files.etc("server.key")),
        *("--authority", files.etc("ca.crt"), "--port", str(ports.kubelet)),
        *("--nodes", str(nodes)),
    )


def _client_of_apiserver(files: Files, account: str, port: int) -> tuple[str, ...]:
    kubeconfig = files.kubeconfig(account)
    return (
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--leader-elect=false",
        *(f"--bind-address={LOOPBACK}", f"--secure-port={port}"),
        f"--tls-cert-file={files.etc('server.crt')}",
        f"--tls-private-key-file={files.etc('server.key')}",
    )


# ----------------------------------------------------------------------------------- readiness


def _answers(files: Files, port: int, path: str) -> bool:
    """Whether this path is answered well, asked with the sandbox's own certificate."""
    if not _accepts(port):
        return False
    context = ssl.create_default_context(cafile=files.etc("ca.crt"))
    context.load_cert_chain(files.etc("server.crt"), files.etc("server.key"))
    try:
        with urllib.request.urlopen(  # noqa: S310 - always https
            https(port) + path, timeout=_PROBE_SECONDS, context=context
        ):
            return True
    except OSError:  # an error that it answers with is one, too
        return False


def _accepts(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex((LOOPBACK, port)) == 0
