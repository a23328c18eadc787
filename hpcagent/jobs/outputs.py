"""What a job writes, read by whoever asks for it."""

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from hpcagent.jobs.model import JobId

CHUNK_BYTES = 64 << 10
"""The most bytes that are told at once."""


class OutputStream(enum.Enum):
    """Which of a job's streams; named as the proto enum without its prefix."""

    STDOUT = enum.auto()
    STDERR = enum.auto()
    STDIN = enum.auto()


class Notice(enum.Enum):
    """What happened to the file before these bytes; named as the proto enum without its prefix."""

    UNSPECIFIED = enum.auto()
    TRUNCATED = enum.auto()
    ROTATED = enum.auto()
    END = enum.auto()


@dataclass(frozen=True, slots=True)
class OutputQuery:
    """What to read, and how far."""

    job_id: JobId
    stream: OutputStream = OutputStream.STDOUT
    offset: int = 0
    length: int | None = None
    """None: all there is."""
    lines: int | None = None
    """In place of the offset: begin so many lines before the end."""
    follow: bool = False
    """Go on until the job has ended and everything it wrote is read."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of output; ``path`` is told with the first one."""

    data: bytes
    offset: int
    notice: Notice = Notice.UNSPECIFIED
    path: str = ""


class Output(Protocol):
    """An output that is being read. One thread reads ``chunks``; any may close or stop it."""

    def chunks(self) -> Iterator[Chunk]:
        """Yield what is there, and with ``follow`` what comes. Ends when it is closed.

        Raises BackendUnavailable when the agent stops it, with the ``offset`` to go on from in its
        metadata; NotFound, Forbidden, Refused if the file is not there or cannot be read.
        """

    def close(self) -> None:
        """Read no more: nobody listens."""

    def stop(self, said: str) -> None:
        """End it from the agent's side."""
