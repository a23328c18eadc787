import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hpcagent.slurm.outputs.tail import Tail


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "out"
    path.write_bytes(b"one\ntwo\nthree\n")
    return path


@pytest.fixture
def descriptor(file: Path) -> Iterator[int]:
    opened = os.open(file, os.O_RDONLY)
    yield opened
    os.close(opened)


def test_it_goes_on_where_it_stopped(file: Path, descriptor: int) -> None:
    tail = Tail(descriptor, 4)
    assert [tail.read(3), tail.read(99), tail.read(99)] == [b"two", b"\nthree\n", b""]
    assert not tail.has_more()
    with file.open("ab") as more:
        more.write(b"four")
    assert tail.has_more()
    assert tail.read(99) == b"four"


@pytest.mark.parametrize(
    ("lines", "rest"),
    [(0, b""), (1, b"three\n"), (2, b"two\nthree\n"), (3, b"one\ntwo\nthree\n"), (9, None)],
)
def test_it_begins_so_many_lines_before_the_end(
    file: Path, descriptor: int, lines: int, rest: bytes | None
) -> None:
    whole = file.read_bytes()
    assert Tail.of_last(descriptor, lines).read(99) == (whole if rest is None else rest)


def test_what_stands_behind_the_last_line_end_is_a_line(file: Path, descriptor: int) -> None:
    file.write_bytes(b"one\n\ntwo")
    assert Tail.of_last(descriptor, 1).read(99) == b"two"
    assert Tail.of_last(descriptor, 2).read(99) == b"\ntwo"


@pytest.mark.parametrize("width", [1, 1000, 65_535, 65_536, 65_537])
def test_lines_may_be_longer_than_what_is_read_at_once(
    file: Path, descriptor: int, width: int
) -> None:
    lines = [bytes([65 + index]) * width + b"\n" for index in range(5)]
    file.write_bytes(b"".join(lines))
    for count in range(6):
        tail = Tail.of_last(descriptor, count)
        assert tail.read(10**6) == b"".join(lines[5 - count :])


def test_a_file_that_became_shorter_is_read_from_its_beginning(file: Path, descriptor: int) -> None:
    tail = Tail(descriptor, 0)
    tail.read(99)
    assert not tail.was_truncated()
    file.write_bytes(b"new")
    assert tail.was_truncated()
    assert tail.read(99) == b"new"


def test_a_file_that_took_its_place_is_another(file: Path, descriptor: int) -> None:
    tail = Tail(descriptor, 0)
    assert not tail.has_no_name()
    file.unlink()
    assert tail.has_no_name()
    file.write_bytes(b"new")
    other = os.open(file, os.O_RDONLY)
    assert not tail.is_same(other)
    os.close(other)
