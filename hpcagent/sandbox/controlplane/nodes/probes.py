"""Readiness: the probes that need no container runtime are really tried."""

import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TypeAlias

from hpcagent.sandbox.controlplane.nodes.api import Object
from hpcagent.sandbox.controlplane.nodes.container import Container
from hpcagent.sandbox.ports import LOOPBACK

Call: TypeAlias = Callable[[], object]

_PERIOD = 10.0
"""Seconds between two tries where the probe does not say."""


class Readiness:
    """Which containers of a pod are ready."""

    def __init__(self, specs: Iterable[Object]) -> None:
        self._probe: dict[str, Object] = {
            spec["name"]: spec["readinessProbe"] for spec in specs if "readinessProbe" in spec
        }
        self._due: dict[str, float] = {}
        self._passed: dict[str, bool] = {}

    @property
    def probed(self) -> bool:
        """Whether any container has a probe."""
        return bool(self._probe)

    @property
    def patience(self) -> float:
        """Seconds until the next try."""
        due = min(self._due.values(), default=0.0)
        return max(0.05, due - time.monotonic())

    def is_ready(self, container: Container) -> bool:
        """Whether a container runs and its probe, if it has one, succeeds."""
        if container.pid is None:
            self._passed.pop(container.name, None)
            return False
        probe = self._probe.get(container.name)
        if probe is None:
            return True
        if time.monotonic() >= self._due.get(container.name, 0.0):
            period = float(probe.get("periodSeconds", _PERIOD))
            self._due[container.name] = time.monotonic() + period
            self._passed[container.name] = _succeeds(probe, container)
        return self._passed.get(container.name, False)


def _succeeds(probe: Object, container: Container) -> bool:
    timeout = float(probe.get("timeoutSeconds", 1))
    if "exec" in probe:
        argv = probe["exec"]["command"]
        return _runs(argv, dict(container.environment), timeout)
    if "tcpSocket" in probe:
        return _connects(probe["tcpSocket"]["port"], timeout)
    if "httpGet" in probe:
        action = probe["httpGet"]
        scheme = action.get("scheme", "HTTP").lower()
        return _answers(f"{scheme}://{LOOPBACK}:{action['port']}{action['path']}", timeout)
    return False


def _runs(argv: list[str], environment: dict[str, str], timeout: float) -> bool:
    try:
        done = subprocess.run(
            argv, env=environment, timeout=timeout, capture_output=True, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _connects(port: int, timeout: float) -> bool:
    try:
        socket.create_connection((LOOPBACK, port), timeout).close()
    except OSError:
        return False
    return True


def _answers(url: str, timeout: float) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:  # noqa: S310 - loopback only
            return bool(answer.status < HTTPStatus.BAD_REQUEST)
    except OSError:
        return False
