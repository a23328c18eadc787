"""How a cluster's API server is reached and convinced: the settings of the client library.

They are always built from scratch, from the files as they are now, so that a token, certificate or
kubeconfig that was replaced is taken up by building them again. Whether a file was replaced is seen
without reading it, and so can be looked at before every request.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from kubernetes import config
from kubernetes.client import Configuration
from kubernetes.config import incluster_config
from kubernetes.config.config_exception import ConfigException

from hpcagent.config import ClusterAccess

_TOKEN = "BearerToken"  # noqa: S105 - the name of the scheme


Stamp: TypeAlias = tuple[tuple[int, int, int] | None, ...]
"""Which files these are: of each its inode, its size and when it was written."""


class AccessError(Exception):
    """A cluster's settings, or the files that they name, cannot be used."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings as the files had them."""

    settings: Configuration
    fingerprint: object
    """Another one where anything of them has changed."""
    files: tuple[str, ...]
    """What they were read from."""
    stamp: Stamp
    """Of the files, from before they were read."""

    @property
    def current(self) -> bool:
        """Whether the files are still those that were read."""
        return _stamp(self.files) == self.stamp


def load(access: ClusterAccess, pool: int) -> Loaded:
    """Return the client's settings for a cluster, with up to ``pool`` connections kept.

    Raises AccessError.
    """
    settings = Configuration()
    own = _files(access)
    stamp = _stamp(own)
    try:
        if access.kubeconfig:
            config.load_kube_config(
                access.kubeconfig, access.context or None, settings, persist_config=False
            )
        elif access.in_cluster:
            config.load_incluster_config(settings)
        else:
            _load_server(access, settings)
        fingerprint = _fingerprint(settings)
    except (ConfigException, OSError, ValueError) as error:
        where = f"{access.kubeconfig}: " if access.kubeconfig else ""
        raise AccessError(f"{where}{error}") from error
    settings.refresh_api_key_hook = None  # a changed file, or a 401, has all of this read again
    settings.connection_pool_maxsize = pool
    settings.keep_alive = True
    settings.retries = False  # what may be repeated is decided here, not by the method's name
    return Loaded(settings, fingerprint, own, stamp)


def _files(access: ClusterAccess) -> tuple[str, ...]:
    """Return the files that a cluster's settings name.

    What a kubeconfig names in its turn is read again when the API server refuses the agent.
    """
    files = [access.kubeconfig, access.ca_file, access.token_file]
    if access.in_cluster:
        files += [incluster_config.SERVICE_TOKEN_FILENAME, incluster_config.SERVICE_CERT_FILENAME]
    return tuple(file for file in files if file)


def _stamp(files: tuple[str, ...]) -> Stamp:
    return tuple(_stamp_of(file) for file in files)


def _stamp_of(file: str) -> tuple[int, int, int] | None:
    """Look at a file, behind symbolic links: the kubelet replaces one to replace a token."""
    try:
        seen = Path(file).stat()
    except OSError:
        return None  # reading it tells why
    return seen.st_ino, seen.st_size, seen.st_mtime_ns


def _fingerprint(settings: Configuration) -> object:
    """Return what the API server is found and the agent is known by, files with their content."""
    files = [settings.cert_file, settings.key_file, settings.ssl_ca_cert]
    contents = [Path(file).read_bytes() if file else b"" for file in files]
    return settings.host, dict(settings.api_key), contents


def _load_server(access: ClusterAccess, settings: Configuration) -> None:
    settings.host = access.server.rstrip("/")
    settings.ssl_ca_cert = access.ca_file or None
    if access.token_file:
        token = Path(access.token_file).read_text(encoding="ascii").strip()
        if not token:
            raise AccessError(f"{access.token_file} is empty")
        settings.api_key[_TOKEN] = f"Bearer {token}"
