"""How a fault of a request is told: by its path, in a sentence, and by a reason for programs."""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from hpcagent.config.kubernetes_names import Form
from hpcagent.jobs.errors import Violation

Found: TypeAlias = Iterator[Violation]

_SHOWN = 60


def shown(text: str) -> str:
    """Return a text of a request as an answer may repeat it: quoted, clipped, nothing raw."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")


def formed(path: str, text: str, form: Form, reason: str = "NAME_FORM") -> Found:
    """Find what is wrong with a text by its form; one that is empty is not there."""
    if text and (why := form(text)):
        yield Violation(path, f"is {shown(text)}; it {why}", reason)


def required(path: str, text: str) -> Found:
    """Find that a text is not there."""
    if not text:
        yield Violation(path, "is required", "REQUIRED")


def ranged(path: str, number: int | None, least: int, most: int) -> Found:
    """Find that a number is out of its range; None is not there."""
    if number is not None and not least <= number <= most:
        yield Violation(path, f"is {number}; it must be {least} to {most}", "OUT_OF_RANGE")


def once(given: Iterable[tuple[str, object]]) -> Found:
    """Find what stands in more than one place, each time but the first."""
    first: dict[object, str] = {}
    for path, value in given:
        if value in first:
            said = f"is the same as {first[value]}: {value}"
            yield Violation(path, said, "DUPLICATE")
        first.setdefault(value, path)
