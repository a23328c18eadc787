"""Being woken when a file changes: inotify(7), one instance for all files.

A user may have only 128 instances (fs.inotify.max_user_instances), and hundreds of outputs may be
followed. It is an aid only: a network file system tells nothing of what other hosts write, and
there may be no room for another watch. So whoever waits looks by itself, too, now and then.
"""

import ctypes
import os
import select
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_MODIFY = 0x2
_ATTRIB = 0x4
_MOVE_SELF = 0x800
_DELETE_SELF = 0x400
_IGNORED = 0x8000
"""Of inotify.h. That a file lost its name shows as ATTRIB while it is open."""
_CHANGES = _MODIFY | _ATTRIB | _MOVE_SELF | _DELETE_SELF
_EVENT = struct.Struct("iIII")
"""inotify_event without the name, which only directories have."""
_AT_ONCE = 64 << 10


class Inotify:
    """Wakes those who wait for files. Raises OSError if the system has no instance left."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._queue = self._checked(self._libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK))
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._lock = threading.Lock()
        self._waiting: dict[int, list[threading.Event]] = {}
        """By watch, which the kernel has one of for each file."""
        self._thread = threading.Thread(target=self._run, name="inotify", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wake nobody any more."""
        os.eventfd_write(self._bell, 1)
        self._thread.join()
        os.close(self._queue)
        os.close(self._bell)

    @contextmanager
    def waking(self, descriptor: int, event: threading.Event) -> Iterator[None]:
        """Set an event whenever an open file changes, as far as the kernel can tell."""
        with self._lock:
            path = f"/proc/self/fd/{descriptor}".encode()
            watch = self._libc.inotify_add_watch(self._queue, path, _CHANGES)
            if watch >= 0:
                self._waiting.setdefault(watch, []).append(event)
        try:
            yield
        finally:
            with self._lock:
                self._forget(watch, event)

    def _forget(self, watch: int, event: threading.Event) -> None:
        waiting = self._waiting.get(watch)
        if waiting is None:
            return  # there never was a watch, or the file is gone, and it went with it
        waiting.remove(event)
        if not waiting:
            del self._waiting[watch]
            self._libc.inotify_rm_watch(self._queue, watch)

    def _run(self) -> None:
        poll = select.poll()
        for descriptor in (self._queue, self._bell):
            poll.register(descriptor, select.POLLIN)
        while self._bell not in {descriptor for descriptor, _ in poll.poll()}:
            self._heed(os.read(self._queue, _AT_ONCE))

    def _heed(self, data: bytes) -> None:
        place = 0
        while place < len(data):
            watch, what, _, named = _EVENT.unpack_from(data, place)
            place += _EVENT.size + named
            with self._lock:
                for event in self._waiting.get(watch, ()):
                    event.set()
                if what & _IGNORED:
                    self._waiting.pop(watch, None)

    def _checked(self, result: int) -> int:
        if result < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return result
