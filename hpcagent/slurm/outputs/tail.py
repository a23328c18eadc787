"""An open file, read from some place on towards an end that may still move."""

import os
from typing import Self

_BLOCK = 64 << 10


class Tail:
    """Reads an open file, which it owns, from an offset on."""

    def __init__(self, descriptor: int, offset: int) -> None:
        self.descriptor = descriptor
        self.offset = offset

    @classmethod
    def of_last(cls, descriptor: int, lines: int) -> Self:
        """Begin so many lines before the end; what stands behind the last line end is a line."""
        return cls(descriptor, _begin_of_last(descriptor, lines))

    def read(self, most: int) -> bytes:
        """Return up to ``most`` bytes, and go on behind them; empty: there are none yet."""
        data = os.pread(self.descriptor, most, self.offset)
        self.offset += len(data)
        return data

    def was_truncated(self) -> bool:
        """Tell whether the file now ends before the offset, and if so, go back to its beginning."""
        if os.fstat(self.descriptor).st_size >= self.offset:
            return False
        self.offset = 0
        return True

    def has_more(self) -> bool:
        """Whether something is there to be read."""
        return os.fstat(self.descriptor).st_size > self.offset

    def has_no_name(self) -> bool:
        """Whether the file was deleted; it may go on to be written all the same."""
        return os.fstat(self.descriptor).st_nlink == 0

    def is_same(self, descriptor: int) -> bool:
        """Whether another descriptor is of the same file."""
        return os.path.samestat(os.fstat(self.descriptor), os.fstat(descriptor))

    def close(self) -> None:
        """Close the file."""
        os.close(self.descriptor)


def _begin_of_last(descriptor: int, lines: int) -> int:
    size = os.fstat(descriptor).st_size
    if lines == 0 or size == 0:
        return size
    wanted = lines + (os.pread(descriptor, 1, size - 1) == b"\n")
    end = size
    while end > 0:
        begin = max(0, end - _BLOCK)
        block = os.pread(descriptor, end - begin, begin)
        place = len(block)
        while wanted and (place := block.rfind(b"\n", 0, place)) >= 0:
            wanted -= 1
        if not wanted:
            return begin + place + 1
        end = begin
    return 0
