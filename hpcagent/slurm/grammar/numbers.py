"""Numbers: counts, node counts, the nice value and the priority.

Sources: proc_args.c, parse_int and verify_node_count; slurm_opt.c, arg_set_nice and
arg_set_priority.
"""

import re
from typing import cast

from hpcagent.jobs.spec import NodeCount
from hpcagent.slurm.draft import FaultError
from hpcagent.slurm.grammar.forms import Argument, Grammar, Instead, fault

INT_MAX = 0x7FFFFFFF
"""sbatch keeps its numbers in an int; a larger one wraps there, and is refused here."""
TOP = 0xFFFFFFFD
"""``--priority=TOP``: NO_VAL - 1."""
DEFAULT_NICE = 100

_NUMBER = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]{1,100})", re.ASCII)
"""What strtol(3) reads."""


def integer(text: str, least: int, most: int, wanted: str) -> int:
    """Read a whole number in a range. Raises FaultError."""
    number = _NUMBER.fullmatch(text)
    if number is None:
        raise fault(text, wanted, "NUMBER_FORM")
    value = int(number[1])
    if not least <= value <= most:
        raise FaultError(f"is {value}; it must be {least} to {most}", "OUT_OF_RANGE")
    return value


def _count(text: str) -> object:
    return integer(text, 1, INT_MAX, "it must be a whole number above 0")


def _count_or_none(text: str) -> object:
    return integer(text, 0, INT_MAX, "it must be a whole number, 0 or above")


COUNT = Grammar(_count)
"""A number of things, at least one."""
COUNT_OR_NONE = Grammar(_count_or_none)
"""A number of things that may be zero."""
COUNT_OR_BARE = Grammar(_count_or_none, argument=Argument.OPTIONAL, bare=0)
"""The same; nothing is 0."""


def _yes_or_no(text: str) -> object:
    return integer(text, 0, 1, "it must be 0 or 1") == 1


BIT = Grammar(_yes_or_no, lambda value: str(int(cast("bool", value))))
"""0 or 1."""
BIT_OR_BARE = Grammar(_yes_or_no, BIT.write, Argument.OPTIONAL, bare=True)
"""The same; nothing is 1."""


def _nice(text: str) -> object:
    return integer(text, -INT_MAX, INT_MAX, "it must be a whole number")


NICE = Grammar(_nice, argument=Argument.OPTIONAL, bare=DEFAULT_NICE)
"""``--nice`` is ``--nice=100``."""


def _priority(text: str) -> object:
    if text.upper() == "TOP":
        return TOP
    value = integer(text, 0, TOP, "it must be a whole number, or TOP")
    return Instead("hold", value=True) if value == 0 else value


PRIORITY = Grammar(_priority)
"""A priority of 0 is a hold to slurmctld (job_mgr.c, set_job_prio)."""


# ---------------------------------------------------------------------- nodes

_UNITS = {"k": 1 << 10, "m": 1 << 20}
_NODES = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]{1,100})([kK]?)([mM]?)[ \t\n\v\f\r]*", re.ASCII)
_SIZES = re.compile(r"[0-9][0-9-]*[,:][0-9,:-]*", re.ASCII)
"""What sbatch takes for a list of numbers since 23.02, right or wrong."""
_NODES_WANTED = "it must be a number of nodes, or a range: 4, 2-4, 1k"


def _nodes(text: str) -> object:
    """Read ``4``, ``2-4`` or ``-4``, which is ``1-4``; each number may have a unit, k or m.

    Or ``1,4-8`` and ``1-15:4``, which the release may not have.
    """
    if _SIZES.fullmatch(text):
        return NodeCount(sizes=text)
    least, dash, most = text.partition("-")
    if not dash:
        return NodeCount(_some_nodes(text, text))
    count = NodeCount(_some_nodes(least, text) if least.strip() else 1, _some_nodes(most, text))
    if count.max is not None and count.max < count.min:
        raise FaultError(f"is {text[:80]!r}: its most is less than its least", "OUT_OF_RANGE")
    return count


def _some_nodes(number: str, text: str) -> int:
    read = _NODES.fullmatch(number)
    if read is None:
        raise fault(text, _NODES_WANTED, "NODES_FORM")
    value, *units = read.groups()
    count = int(value)
    for unit in units:
        count *= _UNITS.get(unit.lower(), 1)
    if not 1 <= count <= INT_MAX:
        raise FaultError(f"has {count} nodes; it must be 1 to {INT_MAX}", "OUT_OF_RANGE")
    return count


def _write_nodes(value: object) -> str:
    count = cast("NodeCount", value)
    if count.sizes:
        return count.sizes
    return str(count.min) if count.max in {None, count.min} else f"{count.min}-{count.max}"


NODES = Grammar(_nodes, _write_nodes)
"""A number of nodes, or a range."""
