"""Reading Slurm's TRES strings: ``cpu=4,mem=8000M,node=1,gres/gpu:a100=2``.

Source: slurm.conf(5), AccountingStorageTRES; slurmdb_make_tres_string: memory is printed in MiB
with a unit behind it, everything else as a plain number, sometimes with a unit too.
"""

from hpcagent.jobs.model import Tres

_UNITS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}
_BYTES = frozenset({"mem", "fs", "vmem"})
"""Types that are amounts of bytes; without a unit they are MiB."""


def parse(text: str) -> tuple[Tres, ...]:
    """Return the resources of a TRES string; items that have no count are left out."""
    items = (item.partition("=") for item in text.split(",") if item)
    return tuple(
        _tres(key, value) for key, equals, value in items if equals and value[:1].isdigit()
    )


def _tres(key: str, value: str) -> Tres:
    kind, _, name = key.partition("/")
    unit = value[-1] if value[-1].isalpha() else ""
    number = float(value.removesuffix(unit))
    power = _UNITS.get(unit.upper(), 0)
    if kind in _BYTES and not unit:
        power = _UNITS["M"]
    return Tres(kind, name, int(number * 1024**power))
