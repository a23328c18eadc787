"""Whether each API server can be worked with, found out beside the calls: asking is free."""

import threading
from collections.abc import Mapping

import structlog

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import AgentError
from hpcagent.k8s.client import ApiServer, Request

_PERIOD = 10.0
"""Seconds between two looks."""
_PATIENCE = 5.0
"""Seconds that an API server has to answer."""

# `/version` needs no right beyond being known, unlike `/readyz` on some sites.
_QUESTION = Request(method="GET", path="/version")

_UNASKED = "the API server has not been asked yet"

logger = structlog.get_logger(__name__)


class Health:
    """Looks after API servers in a thread of its own."""

    def __init__(self, servers: Mapping[str, ApiServer]) -> None:
        self._servers = servers
        self._troubles: Mapping[str, str] = dict.fromkeys(servers, _UNASKED)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="k8s-health", daemon=True)

    def start(self) -> None:
        """Look for the first time soon, and then from time to time."""
        self._thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join(_PATIENCE)

    def troubles(self) -> Mapping[str, str]:
        """Return what keeps each cluster from working, as of the last look."""
        return self._troubles

    def _run(self) -> None:
        while True:
            found = {name: why for name, one in self._servers.items() if (why := _trouble(one))}
            self._tell(found)
            self._troubles = found
            if self._closed.wait(_PERIOD):
                return

    def _tell(self, found: Mapping[str, str]) -> None:
        for name, why in found.items():
            if self._troubles.get(name) != why:
                logger.warning("apiserver_trouble", cluster=name, trouble=why)
        for name in self._troubles.keys() - found.keys():
            logger.info("apiserver_ready", cluster=name)


def _trouble(server: ApiServer) -> str:
    try:
        server.ask(_QUESTION, Deadline.after(_PATIENCE))
    except AgentError as error:
        return error.message
    return ""
