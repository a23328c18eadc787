"""The kinds of options: how one value becomes members of job_desc_msg_t, and what it may be.

A row of ``hpcagent.slurm.options`` names one of these. Each checks what can be known without
asking slurmctld, writes the member in Slurm's unit, and raises FaultError in the user's words.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, cast

from hpcagent.jobs.spec import Dependency, Gres, NodeCount
from hpcagent.slurm import hostlist
from hpcagent.slurm.draft import Draft, FaultError, Release, dotted

MAX_U16 = 0xFFFD
"""Largest 16 bit number: the next ones mean NO_VAL16 and INFINITE16 (slurm.h)."""
MAX_U32 = 0xFFFFFFFD
"""Largest 32 bit number: the next ones mean NO_VAL and INFINITE."""
MAX_I32 = 0x7FFFFFFF
"""Largest number of tasks: sbatch keeps it in an int."""
MAX_I64 = (1 << 63) - 1
MAX_U64 = (1 << 64) - 1
MIB = 1 << 20
MEM_PER_CPU = 1 << 63
"""Flag in pn_min_memory: for each processor, not each node (slurm.h)."""
NICE_OFFSET = 1 << 31
"""What job_desc_msg_t.nice is counted from (slurm.h)."""
MAX_NICE = NICE_OFFSET - 3
"""sbatch's limit of a nice value, both ways (slurm_opt.c)."""
MAX_TEXT = 1024
"""slurmctld's limit of most strings, in bytes (job_mgr.c, MAX_STR_LEN)."""
MAX_PATH = 4095
"""Longest path, in bytes (MAXPATHLEN less the end mark)."""


class Kind(Protocol):
    """Turns a value into members."""

    def __call__(self, value: object, draft: Draft) -> None:
        """Write the value into the draft, or raise FaultError."""


def check_text(value: str, limit: int) -> str:
    """Return a string that slurmctld can take: not empty, no NUL, at most ``limit`` bytes."""
    if not value:
        raise FaultError("is empty: leave it unset", "EMPTY")
    if "\0" in value:
        raise FaultError("contains a NUL character", "NUL_CHARACTER")
    size = len(value.encode())
    if size > limit:
        raise FaultError(f"has {size} bytes; at most {limit} are allowed", "TOO_LONG")
    return value


@dataclass(frozen=True, slots=True)
class Text:
    """A string."""

    member: str
    limit: int = MAX_TEXT

    def __call__(self, value: object, draft: Draft) -> None:
        """Write it as it is."""
        draft.members[self.member] = check_text(cast("str", value), self.limit)


@dataclass(frozen=True, slots=True)
class Path:
    """A file of the job; relative to the working directory, as with sbatch (opt.c, _fullpath)."""

    member: str

    def __call__(self, value: object, draft: Draft) -> None:
        """Write the absolute path."""
        path = check_text(cast("str", value), MAX_PATH)
        if not path.startswith("/"):
            path = check_text(f"{draft.work_dir.rstrip('/')}/{path}", MAX_PATH)
        draft.members[self.member] = path


def check_range(number: int, least: int, most: int) -> int:
    """Return a number that is in range."""
    if not least <= number <= most:
        raise FaultError(f"is {number}; it must be {least} to {most}", "OUT_OF_RANGE")
    return number


@dataclass(frozen=True, slots=True)
class Number:
    """A number that is written as it is."""

    member: str
    least: int
    most: int

    def __call__(self, value: object, draft: Draft) -> None:
        """Write it."""
        draft.members[self.member] = check_range(cast("int", value), self.least, self.most)


@dataclass(frozen=True, slots=True)
class SizeNumber:
    """A number from which others are derived: it goes to ``draft.size``."""

    name: str
    most: int

    def __call__(self, value: object, draft: Draft) -> None:
        """Keep it for ``hpcagent.slurm.derive``."""
        setattr(draft.size, self.name, check_range(cast("int", value), 1, self.most))


@dataclass(frozen=True, slots=True)
class Flag:
    """A switch; ``off`` None means that off is the same as not given."""

    member: str
    on: int
    off: int | None = None

    def __call__(self, value: object, draft: Draft) -> None:
        """Write what on or off means."""
        written = self.on if value else self.off
        if written is not None:
            draft.members[self.member] = written


@dataclass(frozen=True, slots=True)
class Word:
    """One of an enum's words."""

    member: str
    words: Mapping[str, int]
    since: Mapping[str, Release] = field(default_factory=dict)
    """Words that came with a release: an older slurmctld would ignore the number."""

    def __call__(self, value: object, draft: Draft) -> None:
        """Write the word's number."""
        if value not in self.words:
            allowed = ", ".join(self.words)
            raise FaultError(f"is {value}; it must be one of {allowed}", "UNKNOWN_VALUE")
        word = cast("str", value)
        check_release(word, self.since.get(word), draft)
        draft.members[self.member] = self.words[word]


def check_release(word: str, since: Release | None, draft: Draft) -> None:
    """Refuse what the installed Slurm does not have yet."""
    if since is not None and draft.release < since:
        installed = dotted(draft.release)
        said = f"is {word}, which came with Slurm {dotted(since)}; this one is {installed}"
        raise FaultError(said, "SLURM_TOO_OLD")


@dataclass(frozen=True, slots=True)
class Minutes:
    """A length of time in seconds, ``math.inf`` for unlimited. Slurm keeps minutes: rounded up."""

    member: str

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
class Moment:
    """A time, in seconds since the epoch."""

    member: str

    def __call__(self, value: object, draft: Draft) -> None:
        """Write it in whole seconds."""
        draft.members[self.member] = check_range(math.ceil(cast("float", value)), 0, MAX_I64)


@dataclass(frozen=True, slots=True)
class Memory:
    """An amount of memory in bytes. Slurm keeps MiB: rounded up."""

    member: str
    flag: int = 0
    least: int = 0

    def __call__(self, value: object, draft: Draft) -> None:
        """Write it in MiB, with the flag that says of what."""
        size = check_range(cast("int", value), self.least, MAX_U64)
        draft.members[self.member] = -(-size // MIB) | self.flag


def nice(value: object, draft: Draft) -> None:
    """Write a nice value as the offset that Slurm counts from."""
    number = check_range(cast("int", value), -MAX_NICE, MAX_NICE)
    draft.members["nice"] = NICE_OFFSET + number


def nodes(value: object, draft: Draft) -> None:
    """Keep a number of nodes, or a range, as sbatch does: ``-N4`` is ``-N4-4``."""
    count = cast("NodeCount", value)
    least = check_range(count.min, 1, MAX_U32)
    most = least if count.max is None else check_range(count.max, 1, MAX_U32)
    if most < least:
        raise FaultError(f"has max {most} below min {least}", "OUT_OF_RANGE")
    draft.size.min_nodes, draft.size.max_nodes = least, most


def nodelist(value: object, draft: Draft) -> None:
    """Write the node list, and keep its names: sbatch asks for so many nodes at least.

    Each once and in order, as sbatch does: slurmctld counts a name as often as it is given.
    """
    text = check_text(cast("str", value), hostlist.MAX_LENGTH)
    draft.size.nodelist = _expand(text)
    draft.members["req_nodes"] = hostlist.compress(draft.size.nodelist)


def exclude(value: object, draft: Draft) -> None:
    """Write the nodes to leave out."""
    text = check_text(cast("str", value), hostlist.MAX_LENGTH)
    _expand(text)
    draft.members["exc_nodes"] = text


def _expand(text: str) -> tuple[str, ...]:
    try:
        return hostlist.expand(text)
    except ValueError as error:
        raise FaultError(f"is no list of nodes: {error}", "HOSTLIST_FORM") from error


def gres(value: object, draft: Draft) -> None:
    """Write generic resources in the form of the installed Slurm."""
    items = cast("Sequence[Gres]", value)
    prefix = gres_prefix(draft)
    text = ",".join(prefix + _gres(item) for item in items)
    draft.members["tres_per_node"] = check_text(text, MAX_TEXT)


def gres_prefix(draft: Draft) -> str:
    """Return what stands before a gres in TRES strings; the wrong one is misread, not refused.

    20.11 has none, 21.08 to 23.02 ``gres:``, 23.11 and later ``gres/``.
    """
    if draft.release >= (23, 11, 0):
        return "gres/"
    return "gres:" if draft.release >= (21, 8, 0) else ""


_GRES_WORD = re.compile(r"[A-Za-z0-9_.+-]+")


def _gres(item: Gres) -> str:
    """Write one; ``gpu:4090`` would be 4090 of them, so such a type has its count behind it."""
    if not item.name:
        raise FaultError("has a gres without a name", "GRES_FORM")
    for word in (item.name, item.type):
        if word and _GRES_WORD.fullmatch(word) is None:
            said = f"has {word[:80]!r}, which is no gres name: letters, digits and _ . + - only"
            raise FaultError(said, "GRES_FORM")
    count = 1 if item.count is None and item.type[:1].isdigit() else item.count
    words = [word for word in (item.name, item.type) if word]
    if count is not None:
        words.append(str(check_range(count, 1, MAX_U64 - 2)))
    return ":".join(words)


MAX_DEPENDENCY = 128 * 1024
"""slurmctld's limit of a dependency, in bytes (job_mgr.c, MAX_STR_LEN * 128)."""


def dependency(value: object, draft: Draft) -> None:
    """Write what must come before the job, and tell the job as sbatch does."""
    text = check_text(_expression(cast("Dependency", value)), MAX_DEPENDENCY)
    draft.members["dependency"] = text
    draft.variables["SLURM_JOB_DEPENDENCY"] = text


def _expression(wanted: Dependency) -> str:
    if not wanted.terms:
        return wanted.expression
    words = []
    for term in wanted.terms:
        word, singleton = term.type.lower(), term.type == "SINGLETON"
        if term.type == "UNSPECIFIED":
            raise FaultError("has a term without a type", "DEPENDENCY_FORM")
        if singleton == bool(term.jobs):
            needs = "takes no jobs" if singleton else "needs at least one job"
            raise FaultError(f"has a term {word}, which {needs}", "DEPENDENCY_FORM")
        if term.delay is not None and term.type != "AFTER":
            raise FaultError(f"has a delay, which {word} does not take", "DEPENDENCY_FORM")
        words.append(":".join((word, *(job + _wait(term.delay) for job in term.jobs))))
    return ("?" if wanted.any else ",").join(words)


def _wait(delay: float | None) -> str:
    """Write a delay in minutes; slurmctld refuses ``+0`` and keeps seconds in an int."""
    minutes = check_range(math.ceil((delay or 0) / 60), 0, MAX_I32 // 60)
    return f"+{minutes}" if minutes else ""


def umask(value: object, draft: Draft) -> None:
    """Tell slurmd the file mode creation mask, as sbatch does: by the environment."""
    draft.variables["SLURM_UMASK"] = f"0{check_range(cast('int', value), 0, 0o777):03o}"


def get_user_env(value: object, draft: Draft) -> None:
    """Let slurmd load the user's login environment (slurmd/req.c, _get_user_env).

    The limits stay, as with ``sbatch --export=NONE``; ``sbatch --get-user-env`` leaves them to
    slurmd, for the sake of Moab (sbatch.c, main).
    """
    if value:
        draft.variables["SLURM_GET_USER_ENV"] = "1"
