"""Which directories are sandboxes, and where the next one goes."""

import contextlib
import json
import os
import tempfile
from pathlib import Path

from hpcagent.sandbox.errors import SandboxError

_PREFIX = "hpcagent-sandbox-"


def _parent() -> Path:
    """Where sandboxes are made unless a directory is given.

    Root's go below /tmp: jobs of other users must be able to read their scripts in the spool, and
    $XDG_RUNTIME_DIR is closed to them.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return Path(runtime if runtime and os.getuid() != 0 else tempfile.gettempdir())


def prepare(wanted: Path | None) -> tuple[Path, bool]:
    """An empty directory for a sandbox, and whether it was made now.

    Raises SandboxError if the wanted one holds anything.
    """
    if wanted is None:
        path, made = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_parent())), True
    else:
        path, made = wanted.absolute(), not wanted.exists()
        path.mkdir(parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise SandboxError(f"{path} is not empty; a sandbox needs a directory of its own")
    if made:
        path.chmod(0o755)
    return path, made


def taken_ports() -> set[int]:
    """The ports of this user's sandboxes in the usual place, even while daemons are down.

    Every number in the ``ports`` of a description, whichever kind of sandbox it is.
    """
    taken: set[int] = set()
    for path in _parent().glob(f"{_PREFIX}*/*.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, AttributeError):
            for port in json.loads(path.read_text(encoding="utf-8"))["ports"].values():
                taken.update(port if isinstance(port, list) else [port])
    return taken
