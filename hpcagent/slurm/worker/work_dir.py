"""Making a job's working directory without being led astray.

The path goes through directories that users can write to, and the daemon may be root. So the
caller first takes the user's identity on this thread, and here every component below the trusted
root is opened by its own descriptor with O_NOFOLLOW: a symbolic link is an error wherever it
stands, and swapping a directory for a link between two steps changes nothing. (openat2 with
RESOLVE_NO_SYMLINKS says the same in one call, but Linux before 5.6 has no openat2.)
"""

import errno
import os
import stat
from collections.abc import Sequence
from contextlib import ExitStack

_WALK = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def make(path: str, mode: int, roots: Sequence[str], *, parents: bool) -> bool:
    """Make ``path`` with ``mode`` and return True; return False if it is there already.

    ``path`` must be absolute, without ``.`` or ``..``. Below one of ``roots``, missing parents are
    made too if ``parents`` says so. A root may lie behind symbolic links (the site made them);
    nothing below it may. Outside all roots the whole path is walked without following links.
    Raises OSError whose filename is the component that failed: ELOOP for a symbolic link, ENOTDIR,
    ENOENT, EACCES...
    """
    root, names = _split(path, roots)
    with ExitStack() as stack:
        here = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        stack.callback(os.close, here)
        walked = root
        for name in names[:-1]:
            walked = f"{walked.rstrip('/')}/{name}"
            here = _step(here, name, walked, mode if parents and root in roots else None)
            stack.callback(os.close, here)
        return _make_last(here, names[-1], path, mode)


def _split(path: str, roots: Sequence[str]) -> tuple[str, list[str]]:
    """Return the root that the path is below, ``/`` if none, and the components behind it."""
    below = [root for root in roots if path.startswith(root.rstrip("/") + "/")]
    root = max(below, key=len, default="/")
    return root, [name for name in path[len(root) :].split("/") if name]


def _step(parent: int, name: str, walked: str, mode: int | None) -> int:
    try:
        return _open(parent, name, walked)
    except FileNotFoundError:
        if mode is None:
            raise
    _make_one(parent, name, mode)
    return _open(parent, name, walked)


def _make_last(parent: int, name: str, path: str, mode: int) -> bool:
    made = _make_one(parent, name, mode)
    os.close(_open(parent, name, path))
    return made


def _make_one(parent: int, name: str, mode: int) -> bool:
    """Make one directory with exactly these mode bits; False if something is there already."""
    try:
        os.mkdir(name, 0o700, dir_fd=parent)
    except FileExistsError:
        return False
    directory = os.open(
        name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent
    )
    try:
        os.fchmod(directory, mode)  # mkdir would take the umask, and never set the set-group-id bit
    finally:
        os.close(directory)
    return True


def _open(parent: int, name: str, walked: str) -> int:
    try:
        return os.open(name, _WALK, dir_fd=parent)
    except NotADirectoryError as error:
        # O_PATH|O_NOFOLLOW|O_DIRECTORY says ENOTDIR of a link; say what it really is.
        linked = stat.S_ISLNK(os.lstat(name, dir_fd=parent).st_mode)
        code = errno.ELOOP if linked else errno.ENOTDIR
        raise OSError(code, os.strerror(code), walked) from error
    except OSError as error:
        raise OSError(error.errno, os.strerror(error.errno or 0), walked) from error
