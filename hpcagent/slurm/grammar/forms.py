"""What a grammar is: how an option's text is read, how its value is written, what is optional."""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, cast

from hpcagent.slurm.draft import FaultError


class Argument(enum.Enum):
    """Whether a text belongs to an option, as getopt_long(3) counts it."""

    NONE = "no_argument"
    OPTIONAL = "optional_argument"
    REQUIRED = "required_argument"


@dataclass(frozen=True, slots=True)
class Instead:
    """What was read is the value of another option: ``--exclusive=oversubscribe``."""

    option: str
    value: object


class NotGiven(enum.Enum):
    """The text means that the option is not given after all."""

    VALUE = enum.auto()


NOT_GIVEN = NotGiven.VALUE

Read: TypeAlias = Callable[[str], object]
Write: TypeAlias = Callable[[object], str]


@dataclass(frozen=True, slots=True)
class Grammar:
    """How one option's value is read from a text, and written as one."""

    read: Read
    """Returns the domain's value, ``NOT_GIVEN`` or ``Instead``. Raises FaultError."""
    write: Write = str
    """The way back, as sbatch would be given the value; only values that were read need work."""
    argument: Argument = Argument.REQUIRED
    bare: object = None
    """The value of an option without its text, where none is needed."""
    gather: Callable[[object, object], object] | None = None
    """What comes of the value before and this one, if the option is given again; None: this one."""


def fault(text: str, wanted: str, reason: str) -> FaultError:
    """Return the error for a text that a grammar does not know."""
    return FaultError(f"is {text[:80]!r}; {wanted}", reason)


def switch(*, value: object = True) -> Grammar:
    """Return the grammar of an option without a text: being there is its value."""
    return Grammar(lambda _text: value, lambda _value: "", Argument.NONE, value)


FLAG = switch()
"""An option that is there or not."""


def _text(text: str) -> object:
    return text or NOT_GIVEN


TEXT = Grammar(_text)
"""Any text. sbatch sends an empty one, which slurmctld takes for none."""


def _list(text: str) -> object:
    return tuple(word for word in text.split(",") if word) or NOT_GIVEN


def write_list(value: object) -> str:
    """Write words with commas between them."""
    return ",".join(map(str, cast("tuple[object, ...]", value)))


def _behind(before: object, now: object) -> object:
    return f"{before},{now}"


WORDS = Grammar(_text, gather=_behind)
"""Words whose effects add up, and those of the option given again likewise."""
LIST = Grammar(_list, write_list)
"""Words with commas between them."""

LIST_OR_ALL = Grammar(_list, write_list, Argument.OPTIONAL, ("ALL",))
"""The same; nothing is ALL."""
