"""Reading what a job writes: at once, or until it has ended and all is read.

A worker opens the file as the job's user and hands the open file over; from then on the daemon
reads, in the thread of its caller's stream. So no worker is kept busy by those who follow. Between
two reads a follower waits for the kernel's word that the file has changed, and looks once a second
for file systems that say nothing.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial

import structlog

from hpcagent.inotify import Inotify
from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import BackendUnavailable, DeadlineExceeded, Overloaded
from hpcagent.jobs.model import Job, JobFilter, JobId
from hpcagent.jobs.outputs import CHUNK_BYTES, Chunk, Notice, OutputQuery
from hpcagent.slurm.client import Client
from hpcagent.slurm.directory import Directory
from hpcagent.slurm.following.follower import Follower
from hpcagent.slurm.outputs.job_file import ASK_SECONDS, JobFile, unreadable
from hpcagent.slurm.outputs.tail import Tail

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
"""Time between two looks at a file that says nothing."""
RENEW_SECONDS = 5.0
"""A file that is silent for so long is opened anew: another may have taken its place."""

_BUSY = (BackendUnavailable, DeadlineExceeded, Overloaded)
"""What another attempt may mend."""

Open = Callable[[Deadline], int | None]
"""Opens the file; None: it is not there."""
Waking = Callable[[int, threading.Event], AbstractContextManager[None]]
"""Sets an event when an open file changes."""


class Outputs:
    """Reads the outputs of one cluster's jobs. ``find`` asks for a job."""

    def __init__(
        self,
        client: Client,
        directory: Directory,
        follower: Follower,
        find: Callable[[JobId, Deadline], Job],
    ) -> None:
        self._client = client
        self._directory = directory
        self._follower = follower
        self._find = find
        self._lock = threading.Lock()
        self._tried = False
        self._inotify: Inotify | None = None

    def close(self) -> None:
        """Wake no followers any more."""
        if self._inotify is not None:
            self._inotify.close()

    @contextmanager
    def read(self, query: OutputQuery, deadline: Deadline) -> Iterator["FileOutput"]:
        """Read an output. Raises NotFound (the job), InvalidRequest (an array)."""
        file = JobFile(query, partial(self._find, query.job_id), deadline)
        opening = partial(file.open, self._client, self._directory)
        with ExitStack() as stack:
            output = FileOutput(query, file, opening, self._waking)
            if query.follow:
                mine = JobFilter(job_ids=(query.job_id,))
                watch = stack.enter_context(self._follower.watch(mine, "", deadline))
                watch.on_news = output.wake
                file.follow(watch)
            yield output

    def _waking(self, descriptor: int, event: threading.Event) -> AbstractContextManager[None]:
        with self._lock:
            if not self._tried:
                self._tried, self._inotify = True, _inotify()
        if self._inotify is None:
            return nullcontext()
        return self._inotify.waking(descriptor, event)


def _inotify() -> Inotify | None:
    try:
        return Inotify()
    except OSError as error:
        log.warning("inotify_unusable", trouble=str(error), look_seconds=LOOK_SECONDS)
        return None


class FileOutput:
    """One output that is being read; a ``hpcagent.jobs.outputs.Output``."""

    def __init__(self, query: OutputQuery, file: JobFile, opening: Open, waking: Waking) -> None:
        self._query = query
        self._file = file
        self._opening = opening
        self._waking = waking
        self._left = query.length
        self._notice = Notice.UNSPECIFIED
        self._silent_since = time.monotonic()
        self._stopped = ""
        self._closed = False
        self._news = threading.Event()
        self._held = ExitStack()

    def wake(self) -> None:
        """Look at once what has become of the job and its file."""
        self._news.set()

    def close(self) -> None:
        """Read no more."""
        self._closed = True
        self._news.set()

    def stop(self, said: str) -> None:
        """End it from the agent's side."""
        self._stopped = said
        self._news.set()

    def chunks(self) -> Iterator[Chunk]:
        """Yield what is there, and with ``follow`` what comes, until the job has ended."""
        with self._held:
            try:
                yield from self._chunks()
            except OSError as error:
                raise unreadable(self._file.path, error) from error

    # ------------------------------------------------------------------ reading

    def _chunks(self) -> Iterator[Chunk]:
        descriptor = self._await_file()
        if descriptor is None:
            return
        lines, offset = self._query.lines, self._query.offset
        tail = Tail(descriptor, offset) if lines is None else Tail.of_last(descriptor, lines)
        self._take(tail)
        yield Chunk(b"", self._tail.offset, path=self._file.path)
        while self._left != 0 and not self._is_over(self._tail.offset):
            ended = self._file.ended  # asked first: what was written by then is read below
            yield from self._written()
            if ended and self._query.follow and self._renew():
                continue  # another file took its place at last
            if ended:
                yield from self._written()  # a network file system looks again when one is opened
                yield from self._end()
            if ended or not self._query.follow:
                return
            self._wait()

    def _await_file(self) -> int | None:
        """Return a descriptor of the file, once it is there; None: nobody wants it any more."""
        while not self._is_over(self._query.offset):
            ended = self._file.ended
            descriptor = self._opening(Deadline.after(ASK_SECONDS))
            if descriptor is not None:
                return descriptor
            if ended or not self._query.follow:
                raise self._file.missing()
            self._pause()
        return None

    def _written(self) -> Iterator[Chunk]:
        """Yield what is there now."""
        if self._tail.was_truncated():
            self._notice = Notice.TRUNCATED
        while self._left != 0 and not (self._closed or self._stopped):
            offset = self._tail.offset
            data = self._tail.read(min(CHUNK_BYTES, self._left or CHUNK_BYTES))
            if not data:
                break
            if self._left is not None:
                self._left -= len(data)
            self._silent_since = time.monotonic()
            yield self._noted(data, offset)
        if self._notice is not Notice.UNSPECIFIED:
            yield self._noted(b"", self._tail.offset)

    def _noted(self, data: bytes, offset: int) -> Chunk:
        notice, self._notice = self._notice, Notice.UNSPECIFIED
        return Chunk(data, offset, notice)

    def _end(self) -> Iterator[Chunk]:
        if self._left != 0 and not (self._closed or self._stopped):
            yield Chunk(b"", self._tail.offset, Notice.END)

    def _is_over(self, offset: int) -> bool:
        """Whether nobody listens; raises BackendUnavailable if the agent stops it."""
        if self._stopped and not self._closed:
            facts = {"offset": str(offset)}
            raise BackendUnavailable(
                self._stopped, reason="OUTPUT_ENDED", retry_after=1.0, metadata=facts
            )
        return self._closed

    # ------------------------------------------------------------------ waiting

    def _pause(self) -> None:
        """Wait until something may have changed, and find out what has become of the job."""
        self._news.wait(LOOK_SECONDS)
        self._news.clear()
        self._file.refresh()

    def _wait(self) -> None:
        """Do so, and look for another file that may have taken the place of the one that is read.

        What is still to be read of that one comes first.
        """
        self._pause()
        silent = time.monotonic() - self._silent_since > RENEW_SECONDS
        if (silent or self._tail.has_no_name()) and not self._tail.has_more():
            self._renew()

    def _renew(self) -> bool:
        """Open the file anew; tell whether it is another one, which is then read in its place."""
        self._silent_since = time.monotonic()
        try:
            descriptor = self._opening(Deadline.after(ASK_SECONDS))
        except _BUSY:
            return False  # next time, perhaps
        if descriptor is None:
            return False
        if self._tail.is_same(descriptor):
            Tail(descriptor, 0).close()
            return False
        self._take(Tail(descriptor, 0))
        self._notice = Notice.ROTATED
        return True

    def _take(self, tail: Tail) -> None:
        """Read this file from now on."""
        self._held.close()
        self._held.callback(tail.close)
        if self._query.follow:
            self._held.enter_context(self._waking(tail.descriptor, self._news))
        self._tail = tail
