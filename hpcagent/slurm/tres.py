"""Reading Slurm's TRES strings: ``cpu=4,mem=8000M,node=1,gres/gpu:a100=2``.

Source: slurm.conf(5), AccountingStorageTRES; assoc_mgr.c, assoc_mgr_make_tres_str_from_array:
memory and burst buffers are counted in MiB and printed with a unit behind them, file systems and
interconnects with one where the number is large, everything else as a plain number.
"""

import re

from hpcagent.jobs.model import Tres

_VALUE = re.compile(r"([0-9]+)(\.[0-9]+)?([KMGTP]?)")
_UNITS = ("", "K", "M", "G", "T", "P")
_MEBIBYTES = frozenset({"mem", "bb"})
"""Types whose number is MiB where no unit is given."""


def parse(text: str) -> tuple[Tres, ...]:
    """Return the resources of a TRES string; items that have no count are left out."""
    items = (item.partition("=") for item in text.split(","))
    read = ((key, _VALUE.fullmatch(value)) for key, _, value in items)
    return tuple(_tres(key, value) for key, value in read if value)


def amount(key: str, count: int) -> Tres:
    """Return a resource of which there are so many of Slurm's units: MiB of memory."""
    return Tres(*kind(key), count << 20 if kind(key)[0] in _MEBIBYTES else count)


def kind(key: str) -> tuple[str, str]:
    """Return the type of a resource, and what it is of that: ``gres`` and ``gpu:a100``."""
    found, _, name = key.partition("/")
    return found, name


def _tres(key: str, value: re.Match[str]) -> Tres:
    found, name = kind(key)
    whole, fraction, unit = value.groups(default="")
    scale = 1024 ** _UNITS.index("M" if found in _MEBIBYTES and not unit else unit)
    return Tres(found, name, int(whole) * scale + int(float(fraction or 0) * scale))
