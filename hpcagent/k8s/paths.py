"""Paths of nodes and containers, cleaned before anything is decided by them."""

import posixpath
import re

MAX_BYTES = 4095
"""Longest path that Linux takes, its terminator left out (PATH_MAX, limits.h)."""
_CONTROL = re.compile("[\x00-\x1f\x7f]")


def clean(path: str) -> str:
    """Return an absolute path without ``.``, ``..`` and double slashes."""
    return posixpath.normpath(f"/{path.lstrip('/')}")


def trouble(path: str) -> str:
    """Return what is wrong with a path of a request; empty: nothing."""
    if not path.startswith("/"):
        return "must be an absolute path"
    if why := control_characters(path):
        return why
    size = len(path.encode())
    return f"has {size} bytes; {MAX_BYTES} is the most" if size > MAX_BYTES else ""


def control_characters(text: str) -> str:
    """Return that a text has characters that are none; empty: it has not."""
    return "must not have control characters" if _CONTROL.search(text) else ""


def below(path: str, root: str) -> bool:
    """Tell whether a clean path is a directory or in it; nothing is in ``/`` by being anywhere."""
    return root != "/" and (path == root or path.startswith(f"{root}/"))


def within(path: str, root: str) -> bool:
    """Tell whether a clean path of a container is a mount point or in it."""
    return path == root or path.startswith(root.rstrip("/") + "/")
