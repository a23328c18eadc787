"""Which nodes, how many, and what they must have inside."""

import re
from itertools import groupby
from typing import cast

from hpcagent.jobs.spec import NodeCount
from hpcagent.slurm import hostlist
from hpcagent.slurm.draft import Draft, FaultError
from hpcagent.slurm.kinds.checks import (
    MAX_TEXT,
    MAX_U16,
    MAX_U32,
    check_range,
    check_release,
    check_text,
)

SIZES_SINCE = (23, 2, 0)
MAX_SIZE = 16383
"""Largest number in a list of them (slurm.h, MAX_JOB_SIZE_BITMAP)."""


def nodes(value: object, draft: Draft) -> None:
    """Keep a number of nodes, or a range, as sbatch does: ``-N4`` is ``-N4-4``."""
    count = cast("NodeCount", value)
    if count.sizes:
        _nodes_of_sizes(count, draft)
        return
    least = check_range(count.min, 1, MAX_U32)
    most = least if count.max is None else check_range(count.max, 1, MAX_U32)
    if most < least:
        raise FaultError(f"has max {most} below min {least}", "OUT_OF_RANGE")
    draft.size.min_nodes, draft.size.max_nodes = least, most


def _nodes_of_sizes(count: NodeCount, draft: Draft) -> None:
    """Write which numbers of nodes will do, and their bounds (proc_args.c, verify_node_count)."""
    check_release("a list of numbers", SIZES_SINCE, draft)
    if count.min or count.max is not None:
        raise FaultError("has sizes, and min or max: give one of them", "CONFLICT")
    text = check_text(count.sizes, MAX_TEXT)
    sizes = sorted({size for word in text.split(",") for size in _sizes(word, text)})
    draft.size.min_nodes, draft.size.max_nodes = sizes[0], sizes[-1]
    draft.members["job_size_str"] = _ranges(sizes)


_SIZES = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9})(?::([0-9]{1,9}))?)?")


def _sizes(word: str, text: str) -> range:
    """Read ``4``, ``4-8``, or ``1-15:4``; of such steps Slurm leaves out the end itself.

    Source: bitstring.c, bitfmt2int, which takes steps alone only.
    """
    form = _SIZES.fullmatch(word)
    if form is None or (form[3] and word != text):
        said = f"is {text[:80]!r}: sizes must be numbers and ranges, 1,4-8, or steps, 1-15:4"
        raise FaultError(said, "NODES_FORM")
    first = check_range(int(form[1]), 1, MAX_SIZE)
    if form[3]:
        last = check_range(int(form[2]), first + 1, MAX_SIZE)
        return range(first, last, check_range(int(form[3]), 1, MAX_SIZE))
    return range(first, check_range(int(form[2] or first), first, MAX_SIZE) + 1)


def _ranges(sizes: list[int]) -> str:
    """Write numbers in order as ranges, as sbatch does (bitstring.c, bit_fmt_full)."""
    runs = [
        [size for _, size in run]
        for _, run in groupby(enumerate(sizes), key=lambda pair: pair[1] - pair[0])
    ]
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


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


_COUNT = re.compile(r"([0-9]{1,9})([kKmM]?)(?:-[0-9]{1,9}[kKmM]?)?")
_FACTORS = {"": 1, "k": 1 << 10, "m": 1 << 20}


def extra_node_info(value: object, draft: Draft) -> None:
    """Keep ``SOCKETS[:CORES[:THREADS]]``; of a range Slurm takes the least, ``*`` is any number.

    Source: proc_args.c, verify_socket_core_thread_count.
    """
    words = check_text(cast("str", value), 100).split(":")
    if len(words) > len(("sockets", "cores", "threads")):
        raise FaultError(f"has {len(words)} numbers; at most three are allowed", "NODE_INFO_FORM")
    counts = [_count(word) for word in words] + [None, None]
    size = draft.size
    size.sockets, size.cores, size.threads = counts[:3]
    size.node_info_given = True


def _count(word: str) -> int | None:
    if word in {"", "*"}:
        return None
    form = _COUNT.fullmatch(word)
    if form is None:
        said = f"has {word[:80]!r}, which is no number, no range of numbers and not *"
        raise FaultError(said, "NODE_INFO_FORM")
    return check_range(int(form[1]) * _FACTORS[form[2].lower()], 1, MAX_U16)


def hint(value: object, draft: Draft) -> None:
    """Keep what the application is like; what follows from it is derived."""
    word = cast("str", value)
    if word not in HINTS:
        raise FaultError(f"is {word}; it must be one of {', '.join(HINTS)}", "UNKNOWN_VALUE")
    draft.size.hint = word
    draft.variables["SLURM_HINT"] = word.lower()


HINTS = ("COMPUTE_BOUND", "MEMORY_BOUND", "MULTITHREAD", "NOMULTITHREAD")
"""sbatch's words (proc_args.c, verify_hint)."""
