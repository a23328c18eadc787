"""Lengths of time. Sources: parse_time.c, time_str2secs; slurm_opt.c, arg_set_time_limit.

Forms: minutes, ``MM:SS``, ``HH:MM:SS``, ``D-H``, ``D-H:M``, ``D-H:M:S``, and a word for no limit.
"""

import math
import re
from typing import cast

from hpcagent.slurm.grammar.forms import Grammar, fault

MINUTE, HOUR, DAY = 60, 3600, 86400
"""In seconds."""
UNLIMITED = {"-1", "INFINITE", "UNLIMITED"}

_WANTED = (
    "it must be minutes, MM:SS, HH:MM:SS, D-H, D-H:M or D-H:M:S, for instance 90, 1:30:00 or 2-12"
)
_DAYS = re.compile(r"([0-9]{1,100})-(?:([0-9]{1,100})(?::([0-9]{1,100})(?::([0-9]{1,100}))?)?)?")
_CLOCK = re.compile(r"([0-9]{1,100})(?::([0-9]{1,100})(?::([0-9]{1,100}))?)?")


def seconds(text: str) -> float:
    """Read a length as seconds, ``math.inf`` for no limit. Raises FaultError."""
    if text.upper() in UNLIMITED:
        return math.inf
    if (days := _DAYS.fullmatch(text)) is not None:
        day, hour, minute, second = (int(part or 0) for part in days.groups())
        return float(day * DAY + hour * HOUR + minute * MINUTE + second)
    if (clock := _CLOCK.fullmatch(text)) is None:
        raise fault(text, _WANTED, "TIME_FORM")
    parts = [int(part) for part in clock.groups() if part is not None]
    units = (HOUR, MINUTE, 1) if len(parts) == len(clock.groups()) else (MINUTE, 1)
    return float(sum(part * unit for part, unit in zip(parts, units, strict=False)))


def write(value: object) -> str:
    """Write seconds as ``D-HH:MM:SS``, without days that there are not."""
    length = cast("float", value)
    if length == math.inf:
        return "UNLIMITED"
    days, rest = divmod(math.ceil(length), DAY)
    clock = f"{rest // HOUR:02}:{rest % HOUR // MINUTE:02}:{rest % MINUTE:02}"
    return f"{days}-{clock}" if days else clock


def _limit(text: str) -> object:
    """Read a limit; zero is none, to sbatch."""
    return seconds(text) or math.inf


LIMIT = Grammar(_limit, write)
"""A time limit."""


def _finite(text: str) -> object:
    length = seconds(text)
    if length == math.inf:
        raise fault(text, "it must have an end", "TIME_FORM")
    return length


LENGTH = Grammar(_finite, write)
"""A length that cannot be unlimited."""
