"""Opening a file that a job wrote, without being led astray.

The path goes through directories that users can write to. The caller first takes the user's
identity on this thread, so that nothing is read that the user could not read. And here every
component is opened by its own descriptor: a symbolic link on the way is followed only if root or
the user made it, and the file itself may not be one. So nobody else can make another of the user's
files pass for the output.
"""

import errno
import os
import stat

_WALK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
"""Without waiting: at a FIFO, open(2) waits for a writer."""
_MOST_LINKS = 40
"""As the kernel has it, path_resolution(7)."""


def open_output(path: str) -> int:
    """Return a descriptor of the regular file at an absolute path.

    Raises OSError whose filename is the path: ELOOP for a symbolic link that is not followed,
    EINVAL for what is no regular file, ENOENT, EACCES...
    """
    try:
        return _open(path)
    except OSError as error:
        raise OSError(error.errno, os.strerror(error.errno or 0), path) from error


def _open(path: str) -> int:
    here = os.open("/", _WALK | os.O_DIRECTORY)
    left = _names(path)
    links = 0
    try:
        while len(left) > 1:
            there = os.open(left.pop(0), _WALK, dir_fd=here)
            status = os.fstat(there)
            if stat.S_ISLNK(status.st_mode):
                links += 1
                target = _followed(there, status, links)
                left = _names(target) + left
                there = os.open("/", _WALK | os.O_DIRECTORY) if target[:1] == "/" else os.dup(here)
            os.close(here)
            here = there
        return _regular(left[0], here)
    finally:
        os.close(here)


def _names(path: str) -> list[str]:
    return [name for name in path.split("/") if name not in {"", "."}] or ["."]


def _followed(link: int, status: os.stat_result, links: int) -> str:
    """Return where a link leads, and close it. Raises OSError: ELOOP if it must not be followed."""
    try:
        if links > _MOST_LINKS or status.st_uid not in {0, os.geteuid()}:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        return os.readlink("", dir_fd=link)
    finally:
        os.close(link)


def _regular(name: str, parent: int) -> int:
    descriptor = os.open(name, _READ, dir_fd=parent)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
