"""Options that are numbers, switches and words of an enum."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, cast

from hpcagent.jobs.spec import MemoryUpdate
from hpcagent.slurm.draft import Draft, FaultError, Release
from hpcagent.slurm.kinds.checks import (
    MAX_I64,
    MAX_U16,
    MAX_U32,
    MAX_U64,
    check_range,
    check_release,
)
from hpcagent.slurm.kinds.kind import OneMember

MIB = 1 << 20
MEM_PER_CPU = 1 << 63
"""Flag in pn_min_memory: for each processor, not each node (slurm.h)."""
NICE_OFFSET = 1 << 31
"""What job_desc_msg_t.nice is counted from (slurm.h)."""
MAX_NICE = NICE_OFFSET - 3
"""sbatch's limit of a nice value, both ways (slurm_opt.c)."""


@dataclass(frozen=True, slots=True)
class Number(OneMember):
    """A number that is written as it is, or with a flag that says of what."""

    least: int
    most: int
    variable: str = ""
    flag: int = 0

    def __call__(self, value: object, draft: Draft) -> None:
        """Write it."""
        number = check_range(cast("int", value), self.least, self.most)
        draft.members[self.member] = number | self.flag
        if self.variable:
            draft.variables[self.variable] = str(number)


@dataclass(frozen=True, slots=True)
class SizeNumber(OneMember):
    """A number from which others are derived: it goes to ``draft.size``."""

    name: str
    most: int
    variable: str = ""

    def __call__(self, value: object, draft: Draft) -> None:
        """Keep it for ``hpcagent.slurm.description.derive``."""
        setattr(draft.size, self.name, check_range(cast("int", value), 1, self.most))


@dataclass(frozen=True, slots=True)
class Flag(OneMember):
    """A switch; ``off`` None means that off is the same as not given."""

    on: int
    off: int | None = None

    def __call__(self, value: object, draft: Draft) -> None:
        """Write what on or off means."""
        written = self.on if value else self.off
        if written is not None:
            draft.members[self.member] = written


@dataclass(frozen=True, slots=True)
class Bit:
    """A switch that is a bit of ``bitflags``; ``off`` is the bit for no, where there is one."""

    on: int
    off: int = 0
    members: ClassVar[tuple[str, ...]] = ("bitflags",)
    variables: ClassVar[tuple[str, ...]] = ()
    unit: ClassVar[str] = ""

    def __call__(self, value: object, draft: Draft) -> None:
        """Set the bit."""
        draft.bits |= self.on if value else self.off


@dataclass(frozen=True, slots=True)
class Word(OneMember):
    """One of an enum's words."""

    words: Mapping[str, int]
    since: Mapping[str, Release] = field(default_factory=dict)
    """Words that came with a release: an older slurmctld would ignore the number."""

    def __call__(self, value: object, draft: Draft) -> None:
        """Write the word's number."""
        draft.members[self.member] = number_of(cast("str", value), self.words, self.since, draft)


def number_of(
    word: str, words: Mapping[str, int], since: Mapping[str, Release], draft: Draft
) -> int:
    """Return the number of a word that the installed Slurm knows."""
    if word not in words:
        raise FaultError(f"is {word}; it must be one of {', '.join(words)}", "UNKNOWN_VALUE")
    check_release(word, since.get(word), draft)
    return words[word]


@dataclass(frozen=True, slots=True)
class Words(OneMember):
    """Several of an enum's words; those of ``alone`` cannot be together with others."""

    words: Mapping[str, int]
    alone: str = ""

    def __call__(self, value: object, draft: Draft) -> None:
        """Write their numbers together."""
        draft.members[self.member] = self.together(cast("Sequence[str]", value), draft)

    def together(self, given: Sequence[str], draft: Draft) -> int:
        """Return the numbers of words, as one."""
        bits = 0
        for word in given:
            bits |= number_of(word, self.words, {}, draft)
        if self.alone in given and len(set(given)) > 1:
            raise FaultError(f"has {self.alone} beside others: give it alone", "CONFLICT")
        return bits


@dataclass(frozen=True, slots=True)
class Minutes(OneMember):
    """A length of time in seconds, ``math.inf`` for unlimited. Slurm keeps minutes: rounded up."""

    unit: ClassVar[str] = "time; rounded up to minutes"

    def __call__(self, value: object, draft: Draft) -> None:
        """Write it in minutes."""
        seconds = cast("float", value)
        if seconds == math.inf:
            draft.members[self.member] = math.inf
            return
        minutes = math.ceil(seconds / 60)
        if seconds <= 0 or minutes > MAX_U32:
            said = f"is {seconds:g} s; it must be more than 0 and at most {MAX_U32} minutes"
            raise FaultError(said, "OUT_OF_RANGE")
        draft.members[self.member] = minutes


@dataclass(frozen=True, slots=True)
class Seconds(OneMember):
    """A length of time in seconds, rounded up."""

    unit: ClassVar[str] = "time; rounded up to seconds"

    def __call__(self, value: object, draft: Draft) -> None:
        """Write it in whole seconds."""
        draft.members[self.member] = whole_seconds(cast("float", value), MAX_U32)


def whole_seconds(seconds: float, most: int) -> int:
    """Return a length of time in whole seconds, rounded up."""
    return check_range(math.ceil(seconds), 0, most)


@dataclass(frozen=True, slots=True)
class Moment(OneMember):
    """A time, in seconds since the epoch."""

    unit: ClassVar[str] = "moment; rounded up to seconds"

    def __call__(self, value: object, draft: Draft) -> None:
        """Write it in whole seconds."""
        draft.members[self.member] = check_range(math.ceil(cast("float", value)), 0, MAX_I64)


@dataclass(frozen=True, slots=True)
class Memory(OneMember):
    """An amount of memory in bytes. Slurm keeps MiB: rounded up."""

    flag: int = 0
    least: int = 0
    most: int = MAX_U64
    unit: ClassVar[str] = "bytes; rounded up to MiB"

    def __call__(self, value: object, draft: Draft) -> None:
        """Write it in MiB, with the flag that says of what."""
        size = mebibytes(cast("int", value), self.least, self.most)
        draft.members[self.member] = size | self.flag


def mebibytes(size: int, least: int, most: int) -> int:
    """Return an amount in MiB, rounded up."""
    return -(-check_range(size, least, most) // MIB)


def mem_update(value: object, draft: Draft) -> None:
    """Write when the memory of a running job may be lowered, in minutes, rounded up."""
    wanted = cast("MemoryUpdate", value)
    draft.members |= {
        "mem_update_margin": check_range(wanted.margin_percent, 1, MAX_U16),
        "mem_update_delay": check_range(math.ceil(wanted.delay / 60), 1, MAX_U16),
    }


def nice(value: object, draft: Draft) -> None:
    """Write a nice value as the offset that Slurm counts from."""
    number = check_range(cast("int", value), -MAX_NICE, MAX_NICE)
    draft.members["nice"] = NICE_OFFSET + number
