"""Making a job's working directory, and removing it, without being led astray.

The path goes through directories that users can write to, and the daemon may be root. So the
caller first takes the user's identity, and here every component below the trusted
root is opened by its own descriptor with O_NOFOLLOW: a symbolic link is an error wherever it
stands, and swapping a directory for a link between two steps changes nothing. (openat2 with
RESOLVE_NO_SYMLINKS says the same in one call, but Linux before 5.6 has no openat2.)
"""

import errno
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

_WALK = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def make(path: str, mode: int, roots: Sequence[str], *, parents: bool) -> bool:
    """Make ``path`` with ``mode`` and return True; return False if it is there already.

    ``path`` is absolute and without ``.`` or ``..`` (else EINVAL). Below one of ``roots``, missing
    parents are made too if ``parents`` says so. A root may lie behind symbolic links (the site made
    them); nothing below it may. Outside all roots the whole path is walked without following links.
    The umask must leave the owner's bits alone. Raises OSError whose filename is the path as far
    as the component that failed: ELOOP for a symbolic link, ENOTDIR, ENOENT, EACCES...
    """
    root, names = _split(path, roots)
    walked, made = root, False
    with ExitStack() as stack:
        here = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        stack.callback(os.close, here)
        for left, name in zip(reversed(range(len(names))), names, strict=True):
            walked = f"{walked.rstrip('/')}/{name}"
            may_make = left == 0 or (parents and root in roots)
            with _named(walked):
                here, made = _step(here, name, mode if may_make else None)
            stack.callback(os.close, here)
    return made


def remove(path: str, roots: Sequence[str], *, only_empty: bool) -> None:
    """Remove a directory, with all that is in it unless ``only_empty``.

    The path is walked as ``make`` does. Raises OSError, FileNotFoundError if it is not there.
    """
    root, names = _split(path, roots)
    if not names:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
    with ExitStack() as stack, _named(path):
        here = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        stack.callback(os.close, here)
        for name in names[:-1]:
            here = _open(here, name)
            stack.callback(os.close, here)
        if only_empty:
            os.rmdir(names[-1], dir_fd=here)
        else:
            shutil.rmtree(names[-1], dir_fd=here)


def _split(path: str, roots: Sequence[str]) -> tuple[str, list[str]]:
    """Return the root that the path is, or is below, ``/`` if none, and the components behind."""
    if not path.startswith("/") or {".", ".."} & set(path.split("/")):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
    below = [root for root in roots if f"{path}/".startswith(root.rstrip("/") + "/")]
    root = max(below, key=len, default="/")
    return root, [name for name in path[len(root) :].split("/") if name]


@contextmanager
def _named(path: str) -> Iterator[None]:
    """Let an error name the whole path, not the component that the system was asked for."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, os.strerror(error.errno or 0), path) from error


def _step(parent: int, name: str, mode: int | None) -> tuple[int, bool]:
    """Open a component, and tell whether it was made: where it is missing, and with a mode."""
    try:
        return _open(parent, name), False
    except FileNotFoundError:
        if mode is None:
            raise
    made = _make_one(parent, name, mode)
    return _open(parent, name), made


def _make_one(parent: int, name: str, mode: int) -> bool:
    """Make one directory with exactly these mode bits; False if something is there already."""
    try:
        os.mkdir(name, 0o700, dir_fd=parent)
    except FileExistsError:
        return False
    directory = _open(parent, name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fchmod(directory, mode)  # mkdir would take the umask, and never set the set-group-id bit
    finally:
        os.close(directory)
    return True


def _open(parent: int, name: str, flags: int = _WALK) -> int:
    try:
        return os.open(name, flags, dir_fd=parent)
    except NotADirectoryError as error:
        # O_NOFOLLOW|O_DIRECTORY says ENOTDIR of a link, too. What is a directory by now was one.
        found = os.lstat(name, dir_fd=parent).st_mode
        linked = stat.S_ISLNK(found) or stat.S_ISDIR(found)
        code = errno.ELOOP if linked else errno.ENOTDIR
        raise OSError(code, os.strerror(code)) from error
