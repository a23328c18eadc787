"""The nodes that a hostlist such as ``cn[1-3,07],gpu7`` names.

libslurm can tell, but ends its process on a list that is long enough: a user's string is not let
near that. Besides, the daemon's process has no libslurm.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby, product

MAX_LENGTH = 64 * 1024
"""Longest expression, in bytes."""
MAX_NODES = 64 * 1024
"""Most nodes: libslurm's own limit of a range (hostlist.c, MAX_RANGE)."""

_ITEM = re.compile(r"(?:[^\[\],\s]|\[[^\[\]]*\])+")
_PART = re.compile(r"\[([^\[\]]*)\]|([^\[\]]+)")
_RANGE = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")
_NUMBERED = re.compile(r"(.*?)([0-9]{0,18})")
_RUN = re.compile(r"([0-9]{1,18})|.")


def expand(expression: str) -> tuple[str, ...]:
    """Return the names, each once, in Slurm's order. ValueError speaks to the user."""
    names: set[str] = set()
    for item in _split(expression):
        parts, size = [], 1
        for part in _PART.finditer(item):
            choices = _choices(part[1], part[2])
            size *= len(choices)
            _check_size(len(names) + size)
            parts.append(choices)
        names.update("".join(chosen) for chosen in product(*parts))
    return tuple(sorted(names, key=order))


def _check_size(nodes: int) -> None:
    """Stop before the names are made: a few bytes can stand for more than memory holds."""
    if nodes > MAX_NODES:
        raise ValueError(f"it names more than {MAX_NODES} nodes")


def _split(expression: str) -> list[str]:
    """Split at the commas outside brackets; nothing may be left over."""
    items: list[str] = _ITEM.findall(expression)
    if not items or ",".join(items) != expression:
        raise ValueError(f"{expression[:80]!r} is not of the form cn[1-3,7],gpu1")
    return items


def _choices(brackets: str | None, text: str | None) -> list[str]:
    if brackets is None:
        return [text or ""]
    choices: list[str] = []
    for part in brackets.split(","):
        choices += _range(part)
        _check_size(len(choices))
    return choices


def _range(part: str) -> Iterator[str]:
    form = _RANGE.fullmatch(part)
    if form is None:
        raise ValueError(f"[{part[:80]}] is no number and no range of numbers")
    low, high = int(form[1]), int(form[2] or form[1])
    if high < low or high - low >= MAX_NODES:
        raise ValueError(f"the range {part} is empty or has more than {MAX_NODES} nodes")
    return (str(number).zfill(len(form[1])) for number in range(low, high + 1))


def compress(names: Sequence[str]) -> str:
    """Return names, in Slurm's order, as the expression that Slurm makes of them."""
    return ",".join(
        _bracketed(prefix, [number for _, number in parts])
        for (prefix, _), parts in groupby(
            map(_parts, names), key=lambda parts: (parts[0], bool(parts[1]))
        )
    )


def _bracketed(prefix: str, numbers: list[str]) -> str:
    if len(numbers) == 1:
        return prefix + numbers[0]
    ranges = [[numbers[0], numbers[0]]]
    for number in numbers[1:]:
        first, last = ranges[-1]
        if number == str(int(last) + 1).zfill(len(first)):
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    words = (first if first == last else f"{first}-{last}" for first, last in ranges)
    return f"{prefix}[{','.join(words)}]"


def _parts(name: str) -> tuple[str, str]:
    """Split a name into its prefix and the number that it ends with, or an empty string."""
    form = _NUMBERED.fullmatch(name)
    return (form[1], form[2]) if form else (name, "")


def order(name: str) -> tuple[tuple[tuple[int, int], ...], int, str]:
    """By prefix, where 2 comes before 10 too, then by width and number (hostlist.c, hostrange_cmp).

    Without leading zeros that is by number; and one with them follows those that are shorter.
    """
    prefix, number = _parts(name)
    return _natural(prefix), len(number), number


@lru_cache
def _natural(prefix: str) -> tuple[tuple[int, int], ...]:
    runs = _RUN.finditer(prefix)
    return tuple((ord("0"), int(run[1])) if run[1] else (ord(run[0]), 0) for run in runs)
