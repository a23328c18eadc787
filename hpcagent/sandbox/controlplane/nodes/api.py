"""The API server, as a node calls it: a few requests and one watch, with the standard library."""

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeAlias

Object: TypeAlias = dict[str, Any]

_TIMEOUT = 30.0
_WATCH_SECONDS = 600
_MERGE = "application/merge-patch+json"


class Api:
    """A client; safe from any thread."""

    def __init__(self, server: str, kubeconfig: Path) -> None:
        document = json.loads(kubeconfig.read_text(encoding="ascii"))
        self._server = server
        self._token = document["users"][0]["user"]["token"]
        authority = document["clusters"][0]["cluster"]["certificate-authority"]
        self._tls = ssl.create_default_context(cafile=authority)

    def get(self, path: str) -> Object:
        """Return an object, or a list of them."""
        return self._ask("GET", path)

    def create(self, path: str, body: Mapping[str, Any]) -> None:
        """Create an object, unless it is there already."""
        try:
            self._ask("POST", path, body)
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.CONFLICT:
                raise

    def merge(self, path: str, body: Mapping[str, Any]) -> None:
        """Change an object; nothing happens if it is gone."""
        self._unless_gone("PATCH", path, body)

    def delete(self, path: str, body: Mapping[str, Any]) -> None:
        """Delete an object; nothing happens if it is gone, or another has its name by now."""
        self._unless_gone("DELETE", path, body)

    def watch(self, path: str, version: str) -> Iterator[tuple[str, Object]]:
        """Yield the events behind a version until the API server ends the watch."""
        query = f"?watch=1&resourceVersion={version}&timeoutSeconds={_WATCH_SECONDS}"
        with self._open("GET", path + query, None, _WATCH_SECONDS + _TIMEOUT) as lines:
            for line in lines:
                event = json.loads(line)
                yield event["type"], event["object"]

    def _unless_gone(self, method: str, path: str, body: Mapping[str, Any]) -> None:
        try:
            self._ask(method, path, body)
        except urllib.error.HTTPError as error:
            if error.code not in {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}:
                raise

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Object:
        with self._open(method, path, body, _TIMEOUT) as answer:
            found: Object = json.load(answer)
            return found

    def _open(self, method: str, path: str, body: Mapping[str, Any] | None, timeout: float) -> Any:  # noqa: ANN401 - urllib's own type has no name
        content = _MERGE if method == "PATCH" else "application/json"
        request = urllib.request.Request(  # noqa: S310 - always https
            self._server + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": content},
        )
        return urllib.request.urlopen(request, timeout=timeout, context=self._tls)  # noqa: S310
