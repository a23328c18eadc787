"""How a test hears from a job: a FIFO, into which the job writes."""

import os
import select
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 20.0
"""Seconds within which a job must have come so far."""


class Bell:
    """Jobs ring it by writing a line into `path`."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        path.chmod(0o622)
        self.path = path
        self._end = os.open(
            path, os.O_RDWR
        )  # our own writing end: no end of file between two rings

    def wait(self, rings: int = 1) -> None:
        """Wait until it was rung so many times since the last wait."""
        deadline = time.monotonic() + PATIENCE
        heard = 0
        while heard < rings:
            ready, _, _ = select.select([self._end], [], [], deadline - time.monotonic())
            assert ready, f"{heard} of {rings} jobs came so far within {PATIENCE} s"
            heard += os.read(self._end, 1).count(b"\n")

    def close(self) -> None:
        """Let nobody ring any more."""
        os.close(self._end)


@contextmanager
def bell() -> Iterator[Bell]:
    """One in a directory that every user can reach."""
    with tempfile.TemporaryDirectory(prefix="hpcagent-bell-") as name:
        Path(name).chmod(0o755)
        made = Bell(Path(name, "bell"))
        yield made
        made.close()
