"""Amounts of memory and disk. Source: proc_args.c, str_to_mbytes.

A number of MiB, or with a unit: K, M, G, T, and B behind it. Read as bytes; what Slurm keeps is
MiB, rounded up, which the rows of ``hpcagent.slurm.options`` see to.
"""

import re
from typing import cast

from hpcagent.slurm.grammar.forms import Grammar, fault

UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
"""Bytes in a unit."""

_SIZE = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]{1,100})(?:([KMGT])B?)?", re.IGNORECASE | re.ASCII)
_WANTED = "it must be a number with a unit of K, M (as without one), G or T, for instance 16G"


def _size(text: str) -> object:
    found = _SIZE.fullmatch(text)
    if found is None or int(found[1]) < 0:
        raise fault(text, _WANTED, "SIZE_FORM")
    number, unit = found.groups()
    return int(number) * UNITS[(unit or "M").upper()]


def _write(value: object) -> str:
    size = cast("int", value)
    unit = next((unit for unit in "TGM" if size and size % UNITS[unit] == 0), "K" if size else "M")
    return f"{-(-size // UNITS[unit])}{unit}"


SIZE = Grammar(_size, _write)
"""An amount, as bytes."""
