"""One cluster's API server: a request goes in, an object comes out, or one of the domain's errors.

Objects are plain JSON, not the library's models: a manifest is sent as it was rendered, judged by
the API server alone (``fieldValidation=Strict``), and what a newer server adds survives. From the
library come connections, TLS, credentials and the encoding of requests.

Credentials are taken up as soon as their files change. Only what was surely not begun is tried
again: a request that was answered with 401 although newer credentials are there, and a question
whose kept-alive connection turned out to be closed.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, TypeAlias

import urllib3
from kubernetes.client import ApiClient, ApiException

from hpcagent.config import ClusterAccess
from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import BackendUnavailable
from hpcagent.k8s import credentials
from hpcagent.k8s.deletions import Deletions
from hpcagent.k8s.errors import Answer, lost, refusal, too_late, unreachable

Object: TypeAlias = dict[str, Any]

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"

CONNECT_SECONDS = 5.0
"""A server that does not accept a connection by then is not there."""

_NOT_SENT = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.ProxyError,
    urllib3.exceptions.SSLError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request to an API server."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    content: str = JSON
    verb: str = ""
    """What it shall change, as in SUBMIT_OUTCOME_UNKNOWN; empty for a question."""


class ApiServer:
    """The API server of one cluster; safe from any thread."""

    def __init__(
        self,
        cluster: str,
        access: ClusterAccess,
        *,
        pool: int,
        longest: float,
        deletions: Deletions | None = None,
    ) -> None:
        """Read nothing yet. ``longest`` limits each wait.

        ``deletions`` is what all that speak to the cluster share.
        """
        self.cluster = cluster
        self.deletions = Deletions() if deletions is None else deletions
        self._access = access
        self._pool = pool
        self._longest = longest
        self._lock = threading.Lock()
        self._client: ApiClient | None = None
        self._loaded: credentials.Loaded | None = None

    def close(self) -> None:
        """Close the connections that nobody uses."""
        if self._client is not None:
            self._client.close()

    @property
    def host(self) -> str:
        """Its URL. Raises BackendUnavailable if the settings cannot be read."""
        return str(self._renewed(None).configuration.host)

    def ask(self, request: Request, deadline: Deadline) -> Object:
        """Return the object that a request is answered with."""
        with self.open(request, deadline) as answer:
            try:
                found: Object = json.loads(answer.read())
            except (urllib3.exceptions.HTTPError, ValueError) as error:
                raise self._broken(request, deadline, error) from error
            return found

    @contextmanager
    def open(
        self, request: Request, deadline: Deadline, *, quiet: float | None = None
    ) -> "Iterator[urllib3.BaseHTTPResponse]":
        """Give an answer that is read as it comes.

        ``quiet`` is how long nothing may come once it has begun; without it, the deadline holds.
        """
        answer = self._authorised(request, deadline)
        try:
            if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
                refused = Answer(answer.status, answer.read(), answer.headers)
                raise refusal(refused, self.cluster, request.verb)
            if quiet is not None and (held := getattr(answer.connection, "sock", None)):
                held.settimeout(quiet)
            yield answer
        finally:
            # What has been read whole goes back to the pool; anything else cannot be used again.
            if not answer.closed:
                answer.close()
            answer.release_conn()

    # ------------------------------------------------------------------ what is tried again

    def _authorised(self, request: Request, deadline: Deadline) -> "urllib3.BaseHTTPResponse":
        """Send it, and once more with the credentials as they are now if they are refused."""
        client = self._renewed(None)
        answer = self._connected(client, request, deadline)
        if answer.status != HTTPStatus.UNAUTHORIZED:
            return answer
        renewed = self._renewed(client)
        if renewed is client:
            return answer
        answer.drain_conn()
        return self._connected(renewed, request, deadline)

    def _renewed(self, refused: ApiClient | None) -> ApiClient:
        """Return a client: another than the one that was refused, if the credentials changed."""
        with self._lock:
            client, loaded = self._client, self._loaded
            if client is None or loaded is None:
                return self._take_up(self._load())
            if client is not refused and loaded.current:
                return client
            try:
                found = self._load()
            except BackendUnavailable:
                if client is refused:
                    raise
                return client  # perhaps a file is just being replaced; a 401 has the trouble told
            if found.fingerprint != loaded.fingerprint:
                return self._take_up(found)
            self._loaded = found
            return client

    def _load(self) -> credentials.Loaded:
        """Read the files. Raises BackendUnavailable."""
        try:
            return credentials.load(self._access, self._pool)
        except credentials.AccessError as error:
            raise unreachable(self.cluster, str(error)) from error

    def _take_up(self, found: credentials.Loaded) -> ApiClient:
        """Return a client with these settings, from now on everybody's."""
        client = ApiClient(found.settings)
        client.user_agent = f"hpcagent/{version('hpcagent')}"
        self._client, self._loaded = client, found
        return client

    def _connected(
        self, client: ApiClient, request: Request, deadline: Deadline
    ) -> "urllib3.BaseHTTPResponse":
        """Send it, and a question once more if the connection was closed under it."""
        try:
            return self._send(client, request, deadline)
        except urllib3.exceptions.ProtocolError as error:
            if request.verb:
                raise self._broken(request, deadline, error) from error
        except (urllib3.exceptions.HTTPError, ApiException) as error:
            raise self._broken(request, deadline, error) from error
        try:
            return self._send(client, request, deadline)
        except (urllib3.exceptions.HTTPError, ApiException) as error:
            raise self._broken(request, deadline, error) from error

    # ------------------------------------------------------------------------ one attempt

    def _send(
        self, client: ApiClient, request: Request, deadline: Deadline
    ) -> "urllib3.BaseHTTPResponse":
        left = min(deadline.remaining(), self._longest)
        if not left:
            raise too_late(self.cluster)
        serialized = client.param_serialize(
            request.method,
            request.path,
            query_params=list(request.query.items()),
            header_params={"Accept": JSON, "Content-Type": request.content},
            body=request.body,
            auth_settings=["BearerToken"],
        )
        waits = (min(left, CONNECT_SECONDS), left)
        answer: urllib3.BaseHTTPResponse
        answer = client.call_api(*serialized, _request_timeout=waits).response
        return answer

    def _broken(self, request: Request, deadline: Deadline, error: Exception) -> Exception:
        """Return what a failed attempt means."""
        if isinstance(error, (*_NOT_SENT, ApiException)):
            if deadline.passed:
                return too_late(self.cluster)
            return unreachable(self.cluster, str(getattr(error, "reason", None) or error))
        if request.verb:
            said = f"the API server of {self.cluster} was sent the request and did not answer"
            return lost(f"{said}: {error}", request.verb, deadline=deadline.passed)
        if isinstance(error, urllib3.exceptions.TimeoutError):
            return too_late(self.cluster)
        return unreachable(self.cluster, str(error))
