"""How tasks are laid out over nodes, sockets and cores, and bound to memory."""

import re
from typing import cast

from hpcagent.jobs.spec import Distribution
from hpcagent.slurm.draft import Draft, FaultError
from hpcagent.slurm.kinds.checks import MAX_U16, check_range, check_text
from hpcagent.slurm.kinds.numbers import number_of

UNKNOWN = 0x2000
"""SLURM_DIST_UNKNOWN (slurm.h): the default of every level."""
_PACK, _NO_PACK = 0x800000, 0x400000
_NODES = {"CYCLIC": 1, "BLOCK": 2, "ARBITRARY": 3, "PLANE": 4}
_INNER = {"CYCLIC": 1, "BLOCK": 2, "FCYCLIC": 3}
"""SLURM_DIST_* (slurm.h): a digit for each level."""


def distribution(value: object, draft: Draft) -> None:
    """Write the methods, and tell the job in sbatch's words (proc_args.c, set_distribution)."""
    wanted = cast("Distribution", value)
    words, bits = _words(wanted), UNKNOWN
    if words:
        bits = number_of(words[0], _NODES, {}, draft)
        for level, word in enumerate(words[1:], start=1):
            bits |= number_of(word, _INNER, {}, draft) << 4 * level
    _check_together(wanted, words)
    if wanted.pack is not None:
        bits |= _PACK if wanted.pack else _NO_PACK
    draft.members["task_dist"] = bits
    flag = [] if wanted.pack is None else ["pack" if wanted.pack else "nopack"]
    told = [":".join(words).lower(), *flag] if words else flag
    draft.variables["SLURM_DISTRIBUTION"] = ",".join(told)
    if words == ["PLANE"]:
        draft.members["plane_size"] = draft.size.plane_size = wanted.plane_size
        draft.variables["SLURM_DIST_PLANESIZE"] = str(wanted.plane_size)
    draft.size.arbitrary = words == ["ARBITRARY"]


def _words(wanted: Distribution) -> list[str]:
    """Return a method for each level as far as any is given, Slurm's defaults between.

    Block over nodes, cyclic over sockets, and over cores as over sockets.
    """
    nodes, sockets, cores = wanted.nodes, wanted.sockets, wanted.cores
    if cores:
        sockets = sockets or "CYCLIC"
    if sockets:
        nodes = nodes or "BLOCK"
    return [word for word in (nodes, sockets, cores) if word]


def _check_together(wanted: Distribution, words: list[str]) -> None:
    if not words and wanted.pack is None:
        raise FaultError("is empty: give a method, or pack", "REQUIRED")
    whole = words[0] if words and words[0] in {"PLANE", "ARBITRARY"} else ""
    if whole and len(words) > 1:
        raise FaultError(f"has {whole} for nodes: no other level can be given", "CONFLICT")
    if whole == "PLANE":
        if wanted.pack is not None:
            raise FaultError("has PLANE for nodes: pack cannot be given", "CONFLICT")
        check_range(wanted.plane_size, 1, MAX_U16)
    elif wanted.plane_size:
        raise FaultError("has a plane_size, which is for PLANE only", "CONFLICT")


# ---------------------------------------------------------------------- memory

MAX_MEM_BIND = 128 * 1024
"""slurmctld's limit, in bytes (job_mgr.c)."""
_VERBOSE, _SORT, _PREFER = 0x01, 0x40, 0x80
_SET = {"p": _PREFER, "prefer": _PREFER, "sort": _SORT, "v": _VERBOSE, "verbose": _VERBOSE}
_CLEAR = {"q": _VERBOSE, "quiet": _VERBOSE, "nosort": _SORT}
_HOW = {"no": 0x02, "none": 0x02, "rank": 0x04, "local": 0x20}
_LISTS = {"map_mem": 0x08, "mapmem": 0x08, "mask_mem": 0x10, "maskmem": 0x10}
_BOUND = 0x02 | 0x04 | 0x08 | 0x10 | 0x20
"""MEM_BIND_* (slurm.h)."""
_NAMES = {
    _VERBOSE: "verbose", _PREFER: "prefer", _SORT: "sort", 0x02: "none", 0x04: "rank",
    0x20: "local", 0x08: "map_mem", 0x10: "mask_mem",
}  # fmt: skip
"""In the order in which Slurm names them (slurm_xstr_mem_bind_type)."""
_SEPARATOR = re.compile(r",(?![0-9]|[0-9a-fA-F]*(?:,|$))")
"""A comma that is not within a list of numbers or masks."""
_MAX_REPEATED = 1024
"""Most repetitions of ``3*N``: sbatch writes the number out so often, whatever it is."""


def mem_bind(value: object, draft: Draft) -> None:
    """Write how memory is bound (slurm_resource_info.c, slurm_verify_mem_bind)."""
    flags, items = 0, ""
    for word in _SEPARATOR.split(check_text(cast("str", value), MAX_MEM_BIND)):
        name, _, rest = word.replace("=", ":").partition(":")
        key = name.lower()
        if key in _LISTS:
            flags = flags & ~_BOUND | _LISTS[key]
            items = _expand(rest, hexadecimal="mask" in key)
        elif word.lower() in _HOW:
            flags, items = flags & ~_BOUND | _HOW[word.lower()], ""
        elif word.lower() in _SET:
            flags |= _SET[word.lower()]
        elif word.lower() in _CLEAR:
            flags &= ~_CLEAR[word.lower()]
        else:
            raise FaultError(f"has {word[:80]!r}, which sbatch does not know", "TEXT_FORM")
    draft.members["mem_bind_type"] = flags
    if items:
        draft.members["mem_bind"] = check_text(items, MAX_MEM_BIND)
    if flags:
        _tell(flags, items, draft)


def _tell(flags: int, items: str, draft: Draft) -> None:
    """Set the variables that sbatch sets (opt.c, _opt_verify)."""
    told = ",".join(name for bit, name in _NAMES.items() if flags & bit)
    draft.variables["SLURM_MEM_BIND"] = f"{told}:{items}" if items else told
    verbose = "verbose" if flags & _VERBOSE else "quiet"
    draft.fallbacks["SLURM_MEM_BIND_VERBOSE"] = verbose
    if flags & _SORT:
        draft.fallbacks["SLURM_MEM_BIND_SORT"] = "sort"


def _expand(text: str, *, hexadecimal: bool) -> str:
    """Write ``3*2`` as ``3,3``, as sbatch does."""
    digits = r"(?:0x)?([0-9a-fA-F]+)" if hexadecimal else r"([0-9]+)"
    form = re.compile(rf"{digits}(?:\*([0-9]{{1,9}}))?")
    words: list[str] = []
    for item in text.split(","):
        match = form.fullmatch(item)
        if match is None:
            raise FaultError(f"has {item[:80]!r}, which is no number", "TEXT_FORM")
        words += [match[1]] * check_range(int(match[2] or 1), 1, _MAX_REPEATED)
    return ",".join(words)
