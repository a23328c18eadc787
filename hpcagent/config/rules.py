"""What the settings must be like beyond what their types say."""

import ipaddress
import os
from collections.abc import Callable, Iterator, Mapping

from hpcagent.config import kubernetes_rules
from hpcagent.config.errors import Fault
from hpcagent.config.model import Config
from hpcagent.config.words import shown

MAX_UNIX_PATH = 107
"""Longest path of a unix socket in bytes, unix(7)."""
_LAST_PORT = 65535


def judge(config: Config) -> Iterator[Fault]:
    """Yield what is wrong with settings whose types are right."""
    for path, rule in _RULES.items():
        if why := rule(config):
            yield Fault(path, why)
    yield from kubernetes_rules.judge(config.kubernetes)


def _reachable(config: Config) -> str:
    return "" if config.server.unix or config.server.tcp else "expected unix or tcp, got neither"


def _unix(config: Config) -> str:
    path = config.server.unix
    size = len(os.fsencode(path))
    if size > MAX_UNIX_PATH:
        return f"expected at most {MAX_UNIX_PATH} bytes, for unix(7) takes no more; got {size}"
    return _absolute(path)


def _tcp(config: Config) -> str:
    return _loopback(config.server.tcp)


def _metrics(config: Config) -> str:
    return _loopback(config.metrics.listen)


def _loopback(address: str) -> str:
    """Refuse every address at which others than this host's own processes could call."""
    if not address:
        return ""
    host, _, port = address.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()):
        return f"expected an address and a port, as 127.0.0.1:8086, got {shown(address)}"
    if not 1 <= int(port) <= _LAST_PORT:
        return f"expected a port from 1 to {_LAST_PORT}, got {port}"
    return "" if host == "localhost" else _loopback_host(host)


def _loopback_host(host: str) -> str:
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        address = ipaddress.IPv6Address(host[1:-1]) if bracketed else ipaddress.IPv4Address(host)
    except ValueError:
        return (
            f"expected a loopback address or localhost, got {shown(host)}; no other name is taken,"
            " since it may come to mean another host (and IPv6 goes in brackets: [::1]:8086)"
        )
    if address.is_loopback:
        return ""
    return (
        f"{host} can be reached from other hosts, but this port is plaintext and takes whoever"
        " calls: mTLS is not there yet; use a loopback address, as 127.0.0.1:8086"
    )


def _enabled(config: Config) -> str:
    if config.slurm.enabled or config.kubernetes.enabled:
        return ""
    return "expected true, for there is nothing else to serve"


def _conf(config: Config) -> str:
    return _absolute(config.slurm.conf)


def _roots(config: Config) -> str:
    for root in config.slurm.work_dir_roots:
        if not root.startswith("/") or {".", ".."} & set(root.split("/")):
            return f"expected absolute paths without . and .., got {shown(root)}"
    return ""


def _directory(config: Config) -> str:
    return _absolute(config.state.directory)


def _absolute(path: str) -> str:
    return f"expected an absolute path, got {shown(path)}" if path and path[0] != "/" else ""


_RULES: Mapping[str, Callable[[Config], str]] = {
    "server": _reachable,
    "server.unix": _unix,
    "server.tcp": _tcp,
    "metrics.listen": _metrics,
    "slurm.enabled": _enabled,
    "slurm.conf": _conf,
    "slurm.work_dir_roots": _roots,
    "state.directory": _directory,
}
"""By the path of a setting: a rule, which returns what is wrong with it, or nothing."""
