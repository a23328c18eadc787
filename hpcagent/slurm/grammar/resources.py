"""Generic resources and GPUs: ``name[:type][:count]``, several with commas between them.

Sources: gres.c, gres_prepend_tres_type and _get_gres_cnt; slurm_opt.c, arg_set_gpus. A count may
have a unit: K, M, G, T or P, of 1024. A type cannot begin with a digit where it stands alone.
"""

import re
from typing import cast

from hpcagent.jobs.spec import Gres
from hpcagent.slurm.draft import FaultError
from hpcagent.slurm.grammar.forms import NOT_GIVEN, Grammar, fault

GPU = "gpu"
UNITS = {unit: 1 << 10 * power for power, unit in enumerate(("", "k", "m", "g", "t", "p"))}
PREFIX = re.compile(r"gres[:/]", re.IGNORECASE)
"""What may stand before a resource: sbatch puts it there itself."""

_COUNT = re.compile(r"([0-9]{1,100})([kmgtp]?)", re.IGNORECASE | re.ASCII)
_WANTED = "it must be name[:type][:count], for instance gpu:tesla:2"
_GPU_WANTED = "it must be [type:]count, for instance 2 or tesla:2"


def _item(text: str, words: list[str], wanted: str) -> Gres:
    """Make a resource of its name and what stands behind it: a type, a count, or both."""
    name, *rest = words
    if len(rest) > 2 or not all(words):  # noqa: PLR2004 - a type and a count
        raise fault(text, wanted, "GRES_FORM")
    *kind, last = rest or [""]
    count = _COUNT.fullmatch(last)
    if count is None:
        if kind or last[:1].isdigit():
            raise fault(text, wanted, "GRES_FORM")
        return Gres(name, last)
    number, unit = count.groups()
    return Gres(name, kind[0] if kind else "", int(number) * UNITS[unit.lower()])


def _gres(text: str) -> object:
    """Read resources of any name; ``none`` is sbatch's word for a step, not for a job."""
    items = [PREFIX.sub("", item, count=1) for item in text.split(",")]
    if not any(items):  # other than any other empty text, one that slurmctld refuses
        raise fault(text, _WANTED, "GRES_FORM")
    if text.lower() in {"none", "help", "list"}:
        raise FaultError(f"is {text}, which is for the steps of a job: leave it unset", "GRES_FORM")
    return tuple(_item(text, item.split(":"), _WANTED) for item in items)


def _gpus(text: str) -> object:
    if not text:
        return NOT_GIVEN
    return tuple(_item(text, [GPU, *item.split(":")], _GPU_WANTED) for item in text.split(","))


def _words(item: Gres) -> list[str]:
    """Write a type and a count; a type that looks like a count has one behind it."""
    count = 1 if item.count is None and item.type[:1].isdigit() else item.count
    return [item.type] * bool(item.type) + [str(count)] * (count is not None)


def _write(value: object) -> str:
    items = cast("tuple[Gres, ...]", value)
    return ",".join(":".join((item.name, *_words(item))) for item in items)


def _write_gpus(value: object) -> str:
    items = cast("tuple[Gres, ...]", value)
    return ",".join(":".join(_words(item)) or "1" for item in items)


GRES = Grammar(_gres, _write)
"""Generic resources."""
GPUS = Grammar(_gpus, _write_gpus)
"""GPUs, without their name."""
