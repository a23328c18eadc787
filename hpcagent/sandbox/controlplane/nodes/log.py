"""What a container has written, line by line with the time, as kubelets keep it."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO


@dataclass(frozen=True, slots=True)
class Line:
    """A line, its end included unless the process ended within it."""

    time: datetime
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which lines are asked for: the kubelet's query parameters."""

    follow: bool = False
    timestamps: bool = False
    tail: int | None = None
    since: datetime | None = None


class Log:
    """The lines of one instance of a container; safe from any thread."""

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._ended = False
        self._news = threading.Condition()

    def take(self, stream: IO[bytes]) -> None:
        """Read a process's output to its end."""
        for data in stream:
            with self._news:
                self._lines.append(Line(datetime.now(UTC), data))
                self._news.notify_all()
        stream.close()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def read(self, wanted: Wanted) -> Iterator[bytes]:
        """Yield what is wanted, with ``follow`` until the container has ended."""
        place, ended = self._first(wanted), False
        while not ended:
            fresh, ended = self._behind(place, follow=wanted.follow)
            place += len(fresh)
            yield from (_written(line, wanted) for line in fresh if _is_meant(line, wanted))

    def _behind(self, place: int, *, follow: bool) -> tuple[list[Line], bool]:
        """Return the lines behind a place, and whether no more are wanted."""
        with self._news:
            if follow:
                self._news.wait_for(lambda: len(self._lines) > place or self._ended)
            return self._lines[place:], self._ended or not follow

    def _first(self, wanted: Wanted) -> int:
        with self._news:
            return 0 if wanted.tail is None else max(0, len(self._lines) - wanted.tail)


def _is_meant(line: Line, wanted: Wanted) -> bool:
    return wanted.since is None or line.time >= wanted.since


def _written(line: Line, wanted: Wanted) -> bytes:
    if not wanted.timestamps:
        return line.data
    return line.time.strftime("%Y-%m-%dT%H:%M:%S.%fZ ").encode() + line.data
