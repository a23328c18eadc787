"""Where a batch job's files are: what slurmstepd makes of the patterns that were asked for.

slurmctld keeps the patterns as they are; the symbols in them are replaced on the node, when the job
starts. A caller who wants to read what a job wrote needs the path itself, so the same is done here,
from the record alone. Sources: sbatch(1), "filename pattern"; slurmd/common/fname.c and
slurmstepd_job.c (22.05), since 25.11 common/print_fields.c, expand_stdio_fields.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from hpcagent.slurm.description.descriptor import DEFAULT_NAME
from hpcagent.slurm.draft import Release

DEFAULT_OUTPUT = "slurm-%j.out"
DEFAULT_ARRAY_OUTPUT = "slurm-%A_%a.out"
"""Where a batch job writes that did not say: slurmstepd's choice, which is in no record."""
NO_FILE = "/dev/null"
"""What a batch job reads that did not say."""

MAX_WIDTH = 10
"""Widest padding with zeros (fname.c, MAX_WIDTH)."""
NO_TASK = 0xFFFFFFFE
"""What Slurm prints as the index of a job that is no array task: NO_VAL."""

_NAMED_BY_SLURMCTLD: Final = (24, 11, 0)
"""Since then %x is the job's name. Before, it is SLURM_JOB_NAME of the job's environment, which
sbatch and hpcagent set only if a name was given."""
_MODULO: Final = (24, 11, 0)
"""Since then %b is known."""
_REWRITTEN: Final = (25, 11, 0)
"""Since then the patterns are read by the code that commands use, too."""

_SYMBOL = re.compile(r"%(?:(?P<percent>%)|(?P<width>[0-9]*)(?P<letter>[A-Za-z])|(?P<rest>[0-9]+))")
_PADDED = frozenset("AabjJntr")
"""Symbols that stand for numbers; a width before the others has no meaning."""

Symbols = Mapping[str, str | int | None]
"""What each letter stands for; None where that cannot be told."""


def fields(record: Mapping[str, Any], user: str, release: Release) -> dict[str, Any]:
    """Return the fields of ``Job`` about files: as asked for, and resolved if it has started."""
    asked = {
        "std_out": record["std_out"] or _default_output(record),
        "std_err": record["std_err"] or "",
        "std_in": record["std_in"] or "",
    }
    if not record["batch_flag"] or not record["batch_host"]:
        return asked
    known, work_dir = symbols(record, user, release), record["work_dir"] or ""
    opened = {
        "std_out": asked["std_out"],
        "std_err": asked["std_err"] or asked["std_out"],
        "std_in": asked["std_in"] or NO_FILE,
    }
    return asked | {
        f"resolved_{name}": resolve(pattern, work_dir, known, release)
        for name, pattern in opened.items()
    }


def symbols(record: Mapping[str, Any], user: str, release: Release) -> Symbols:
    """Return what the symbols stand for in the batch script of a job that has started.

    ``user`` is the name of its user, empty if that is not known.
    """
    task = NO_TASK if record["array_task_id"] is None else record["array_task_id"]
    known: dict[str, str | int | None] = {
        "A": record["array_job_id"] or record["job_id"],
        "a": task,
        "j": record["job_id"],
        "J": record["job_id"],
        "N": record["batch_host"] or None,
        "n": 0,
        "s": "batch",
        "t": 0,
        "u": user or None,
        "x": _job_name(record["name"] or "", release),
    }
    if release >= _MODULO:
        known["b"] = task % 10
    if release >= _REWRITTEN:
        known |= {"r": record["restart_cnt"] or 0, "S": None}
    return known


def resolve(pattern: str, work_dir: str, known: Symbols, release: Release) -> str:
    """Return the path that a pattern means; empty if one of its symbols is not known."""
    slash = "" if work_dir.endswith("/") else "/"
    if "\\" in pattern:  # then nothing is replaced
        if release >= _REWRITTEN:
            path = pattern.replace("\\", "")
        else:
            path = re.sub(r"\\(\\?)", r"\1", pattern)
            slash = ""  # slurmstepd's own slip
    elif pattern.isdecimal() and int(pattern) and release < _REWRITTEN:
        return NO_FILE  # "only task number 5 writes", and a batch script is task 0
    else:
        found = [_replaced(symbol, known, release) for symbol in _SYMBOL.finditer(pattern)]
        if None in found:
            return ""
        values = iter(found)
        path = _SYMBOL.sub(lambda _: next(values) or "", pattern)
    return path if pattern.startswith("/") else f"{work_dir}{slash}{path}"


def _replaced(symbol: "re.Match[str]", known: Symbols, release: Release) -> str | None:
    """Return what one symbol becomes; None if that is not known."""
    if symbol["percent"]:
        return "%"
    letter, width = symbol["letter"], symbol["width"] or symbol["rest"] or ""
    if letter not in known:
        if not width or release >= _REWRITTEN:
            return symbol[0]
        return width[-1] + (letter or "")  # slurmstepd goes on behind the last digit but one
    value = known[letter]
    if value is None or letter not in _PADDED:
        return None if value is None else str(value)
    return f"{value:0{min(int(width or 0), MAX_WIDTH)}}"


def _job_name(name: str, release: Release) -> str:
    """Return what %x becomes; C prints an unset variable as ``(null)``."""
    return "(null)" if name == DEFAULT_NAME and release < _NAMED_BY_SLURMCTLD else name


def _default_output(record: Mapping[str, Any]) -> str:
    if not record["batch_flag"]:
        return ""
    pattern = DEFAULT_ARRAY_OUTPUT if record["array_job_id"] else DEFAULT_OUTPUT
    return f"{record['work_dir'] or ''}/{pattern}"
