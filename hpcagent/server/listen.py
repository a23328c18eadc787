"""Addresses to listen on, each for this daemon alone.

gRPC removes whatever socket it finds under a path before it binds its own, also one that another
daemon listens on, which then would live on without ever hearing again. So that is looked at first.
"""

import os
import socket
import stat
from pathlib import Path

import grpc

from hpcagent.config.rules import MAX_UNIX_PATH

OWNER_ONLY = 0o177
"""umask under which a socket is made with mode 0600."""


class ListenError(Exception):
    """An address cannot be listened on; the words say why."""


def listen_unix(server: grpc.Server, path: str) -> None:
    """Listen on a unix socket that only this process's user may connect to.

    Raises ListenError. The umask of the process is changed for a moment, so no other thread should
    be making files.
    """
    if not path.startswith("/"):
        raise ListenError(f"{path} is not an absolute path")
    if len(os.fsencode(path)) > MAX_UNIX_PATH:
        raise ListenError(f"{path} is too long for a unix socket: {MAX_UNIX_PATH} bytes at most")
    if not Path(path).parent.is_dir():
        raise ListenError(f"{Path(path).parent} is no directory: make it, or choose another")
    refuse_taken(path)
    _remove_stale(path)
    before = os.umask(OWNER_ONLY)
    try:
        _add_port(server, f"unix:{path}")
    finally:
        os.umask(before)


def listen_tcp(server: grpc.Server, address: str) -> int:
    """Listen in plaintext on a loopback address and return the port. Raises ListenError."""
    return _add_port(server, address)


def _add_port(server: grpc.Server, address: str) -> int:
    try:
        return server.add_insecure_port(address)
    except RuntimeError as error:
        said = "it is in use, or this process may not"
        raise ListenError(f"cannot listen on {address}: {said}") from error


def refuse_taken(path: str) -> None:
    """Refuse a path that anything but a dead daemon's socket is under; empty: none is asked for.

    Raises ListenError.
    """
    if not path:
        return
    try:
        mode = Path(path).lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise ListenError(f"cannot look at {path}: {error.strerror}") from error
    if not stat.S_ISSOCK(mode):
        raise ListenError(f"{path} exists and is no socket: remove it, or choose another path")
    if _is_alive(path):
        raise ListenError(f"another process listens on {path}: stop it, or choose another path")


def _remove_stale(path: str) -> None:
    try:
        Path(path).unlink(missing_ok=True)
    except OSError as error:
        raise ListenError(f"cannot remove the stale socket {path}: {error.strerror}") from error


def _is_alive(path: str) -> bool:
    """Tell whether somebody listens; only a refused connection proves that nobody does."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(0)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return False
        except OSError:
            return True
    return True
