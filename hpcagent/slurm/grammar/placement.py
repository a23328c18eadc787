"""How tasks are laid out, how fast processors run, which switches, which signal.

Sources: proc_args.c, verify_dist_type and get_signal_opts; cpu_frequency.c,
cpu_freq_verify_cmdline; slurm_opt.c, arg_set_switches.
"""

import math
import re
from collections.abc import Mapping
from typing import cast

from hpcagent.jobs.spec import (
    CpuFrequency,
    Distribution,
    JobSignal,
    MemoryUpdate,
    Switches,
)
from hpcagent.slurm.draft import FaultError
from hpcagent.slurm.grammar import lengths, numbers
from hpcagent.slurm.grammar.forms import Grammar, fault

_DISTRIBUTION_WANTED = (
    "it must be block, cyclic, arbitrary or plane=size, with :block, :cyclic or :fcyclic behind"
    " block and cyclic for sockets and for cores, and ,pack or ,nopack"
)
_PLANE = re.compile(r"plane[^=]*=\+?([0-9]{1,100})", re.IGNORECASE | re.ASCII)
_ALONE = {"arbitrary": "ARBITRARY", "hostfile": "ARBITRARY"}
_PACK = {"pack": True, "nopack": False}


def _distribution(text: str) -> object:
    if text[:5].lower() == "plane":
        plane = _PLANE.fullmatch(text)
        if plane is None:
            raise fault(text, "a plane needs its size: plane=4", "DISTRIBUTION_FORM")
        return Distribution(nodes="PLANE", plane_size=int(plane[1]))
    methods, comma, flag = text.lower().partition(",")
    if methods in _PACK and not comma:
        return Distribution(pack=_PACK[methods])
    pack = _PACK.get(flag) if comma else None
    if comma and pack is None:
        raise fault(text, _DISTRIBUTION_WANTED, "DISTRIBUTION_FORM")
    if methods in _ALONE:
        return Distribution(nodes=_ALONE[methods], pack=pack)
    nodes, sockets, cores, *_ = [*_levels(text, methods), "", ""]
    return Distribution(nodes, sockets, cores, pack=pack)


def _levels(text: str, methods: str) -> list[str]:
    """Read a method for each level; ``*`` is block of nodes, cyclic of sockets, cores as sockets.

    sbatch would read ``block::cyclic`` as ``block:cyclic``; here it is refused.
    """
    words = methods.split(":")
    if len(words) > len(("nodes", "sockets", "cores")):
        raise fault(text, _DISTRIBUTION_WANTED, "DISTRIBUTION_FORM")
    read: list[str] = []
    for level, word in enumerate(words):
        default = ("block", "cyclic", read[-1].lower() if read else "")[level]
        method = default if word == "*" else word
        if method not in ({"block", "cyclic"} | ({"fcyclic"} if level else set())):
            raise fault(text, _DISTRIBUTION_WANTED, "DISTRIBUTION_FORM")
        read.append(method.upper())
    return read


def _write_distribution(value: object) -> str:
    wanted = cast("Distribution", value)
    levels = [wanted.nodes, wanted.sockets, wanted.cores]
    while levels and not levels[-1]:
        levels.pop()
    words = [":".join(word.lower() or "*" for word in levels)] if levels else []
    if wanted.plane_size:
        words = [f"{words[0]}={wanted.plane_size}"]
    if wanted.pack is not None:
        words.append("pack" if wanted.pack else "nopack")
    return ",".join(words)


DISTRIBUTION = Grammar(_distribution, _write_distribution)
"""How tasks are laid out."""


# ---------------------------------------------------------------------- frequency

LEVELS: Mapping[str, str] = {
    "lo": "LOW", "him1": "HIGHM1", "highm1": "HIGHM1", "hi": "HIGH", "med": "MEDIUM",
}  # fmt: skip
"""What a level's name begins with; the first that fits is meant."""
GOVERNORS: Mapping[str, str] = {
    "co": "CONSERVATIVE", "perf": "PERFORMANCE", "pow": "POWERSAVE", "user": "USERSPACE",
    "onde": "ONDEMAND", "sche": "SCHEDUTIL",
}  # fmt: skip
"""What a governor's name begins with."""

_FREQUENCY_WANTED = (
    "it must be a frequency in kHz or low, medium, high, highm1; two of them with - between; or a"
    " governor, which may also stand behind two with a colon"
)


def _cpu_freq(text: str) -> object:
    bounds, colon, governor = text.partition(":")
    least, dash, most = bounds.partition("-")
    alone = _named(least, GOVERNORS)
    if (alone and (colon or dash)) or (colon and not dash):
        raise fault(text, _FREQUENCY_WANTED, "CPU_FREQUENCY_FORM")
    if alone:
        return CpuFrequency(governor=alone)
    behind = _named(governor, GOVERNORS)
    if colon and not behind:
        raise fault(text, _FREQUENCY_WANTED, "CPU_FREQUENCY_FORM")
    if dash:
        return CpuFrequency(_frequency(text, least), _frequency(text, most), behind)
    return CpuFrequency(max=_frequency(text, least))


def _named(word: str, names: Mapping[str, str]) -> str:
    return next((name for begin, name in names.items() if word.lower().startswith(begin)), "")


def _frequency(text: str, word: str) -> int | str:
    if re.fullmatch(r"[0-9]{1,10}", word, re.ASCII) and int(word):
        return int(word)
    if level := _named(word, LEVELS):
        return level
    raise fault(text, _FREQUENCY_WANTED, "CPU_FREQUENCY_FORM")


def _write_cpu_freq(value: object) -> str:
    wanted = cast("CpuFrequency", value)
    bounds = [str(bound).lower() for bound in (wanted.min, wanted.max) if bound is not None]
    return ":".join(word for word in ("-".join(bounds), wanted.governor.lower()) if word)


CPU_FREQ = Grammar(_cpu_freq, _write_cpu_freq)
"""The frequency of processors."""


# ---------------------------------------------------------------------- signal, switches

_SIGNAL = re.compile(
    r"(?P<to>r?b?r?):?\s*(?P<signal>[a-z0-9]+)\s*(?:@\s*\+?(?P<before>[0-9]{1,100}))?",
    re.IGNORECASE | re.ASCII,
)
_SIGNAL_WANTED = "it must be [[R][B]:]signal[@seconds], for instance B:USR1@120"


def _signal(text: str) -> object:
    """Read a signal; letters before it are eaten without a colon too: ``BUSR1``."""
    found = _SIGNAL.fullmatch(text)
    if found is None:
        raise fault(text, _SIGNAL_WANTED, "SIGNAL_FORM")
    before, to = found["before"], found["to"].upper()
    if before is not None and int(before) > 0xFFFF:  # noqa: PLR2004 - it is kept in 16 bits
        raise FaultError(f"has {before} seconds; at most 65535 are allowed", "OUT_OF_RANGE")
    seconds = None if before is None else float(before)
    return JobSignal(found["signal"].upper(), seconds, "B" in to, "R" in to)


def _write_signal(value: object) -> str:
    wanted = cast("JobSignal", value)
    to = "R" * wanted.reservation + "B" * wanted.batch
    before = "" if wanted.before is None else f"@{math.ceil(wanted.before)}"
    return f"{to}{':' if to else ''}{wanted.signal}{before}"


SIGNAL = Grammar(_signal, _write_signal)
"""A signal before the end."""


def _switches(text: str) -> object:
    count, at, wait = text.partition("@")
    number = cast("int", numbers.COUNT.read(count))
    return Switches(number, cast("float", lengths.LENGTH.read(wait)) if at else None)


def _write_switches(value: object) -> str:
    wanted = cast("Switches", value)
    wait = "" if wanted.max_wait is None else f"@{lengths.write(wanted.max_wait)}"
    return f"{wanted.count}{wait}"


SWITCHES = Grammar(_switches, _write_switches)
"""Leaf switches, and how long to wait for so few."""


# ---------------------------------------------------------------------- memory that shrinks

_MEM_UPDATE = re.compile(r"([0-9]{1,5})@(.+)", re.ASCII)


def _mem_update(text: str) -> object:
    form = _MEM_UPDATE.fullmatch(text)
    if form is None:
        raise fault(text, "it must be of the form margin@delay: 20@30", "MEM_UPDATE_FORM")
    return MemoryUpdate(int(form[1]), cast("float", lengths.LENGTH.read(form[2])))


def _write_mem_update(value: object) -> str:
    wanted = cast("MemoryUpdate", value)
    return f"{wanted.margin_percent}@{lengths.LENGTH.write(wanted.delay)}"


MEM_UPDATE = Grammar(_mem_update, _write_mem_update)
"""When the memory of a running job may be lowered."""
