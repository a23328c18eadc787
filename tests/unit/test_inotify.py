import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hpcagent.inotify import Inotify

PATIENCE = 20.0


@pytest.fixture
def inotify() -> Iterator[Inotify]:
    instance = Inotify()
    yield instance
    instance.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "out"
    path.touch()
    return path


def test_all_who_wait_for_a_file_are_woken_when_it_grows(inotify: Inotify, file: Path) -> None:
    events = [threading.Event(), threading.Event()]
    with file.open("ab") as writer:
        reader = os.open(file, os.O_RDONLY)
        with inotify.waking(reader, events[0]), inotify.waking(reader, events[1]):
            writer.write(b"x")
            writer.flush()
            assert all(event.wait(PATIENCE) for event in events)
        os.close(reader)
    assert inotify._waiting == {}


@pytest.mark.parametrize("happens", ["rename", "delete"])
def test_a_file_that_loses_its_name_wakes(inotify: Inotify, file: Path, happens: str) -> None:
    event = threading.Event()
    reader = os.open(file, os.O_RDONLY)
    with inotify.waking(reader, event):
        if happens == "rename":
            file.rename(file.with_name("other"))
        else:
            file.unlink()
        assert event.wait(PATIENCE)
    os.close(reader)


def test_one_who_no_longer_waits_takes_nothing_from_another(inotify: Inotify, file: Path) -> None:
    first, second = threading.Event(), threading.Event()
    reader = os.open(file, os.O_RDONLY)
    with inotify.waking(reader, second):
        with inotify.waking(reader, first):
            pass
        file.write_bytes(b"x")
        assert second.wait(PATIENCE)
    assert not first.is_set()
    os.close(reader)


def test_a_file_that_cannot_be_watched_does_not_matter(inotify: Inotify) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with inotify.waking(reader, threading.Event()):
        pass
    os.close(writer)
