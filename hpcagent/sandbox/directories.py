"""Which directories are sandboxes, and where the next one goes."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hpcagent.sandbox.errors import SandboxError
from hpcagent.sandbox.layout import Layout

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


def sandboxes() -> Iterator[Path]:
    """This user's sandboxes in the usual place, whoever started them and still needs them."""
    for path in sorted(_parent().glob(f"{_PREFIX}*")):
        description = Layout(path).description
        if description.is_file() and description.stat().st_uid == os.getuid():
            yield path
