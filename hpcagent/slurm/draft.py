"""A job_desc_msg_t in the making: members so far, and everything found wrong on the way.

Checks do not stop at the first fault, since a caller is told all of them at once. So whoever
works on a draft notes a fault and goes on, and ``hpcagent.slurm.description.descriptor`` asks at
the end.
"""

from dataclasses import dataclass, field
from typing import TypeAlias

from hpcagent.jobs.errors import Violation
from hpcagent.jobs.model import Warning as JobWarning

Value: TypeAlias = str | int | float | list[str] | None
"""What a member can be given; None is Slurm's "no value", ``math.inf`` its "unlimited"."""

Release: TypeAlias = tuple[int, int, int]
"""A release of Slurm, as (22, 5, 8)."""


def dotted(release: Release) -> str:
    """Write a release as Slurm does: ``22.05.8``."""
    major, minor, micro = release
    return f"{major}.{minor:02}.{micro}"


class FaultError(ValueError):
    """A value that cannot be accepted: what is wrong in plain words, and a reason for programs."""

    def __init__(self, said: str, reason: str) -> None:
        super().__init__(said)
        self.said = said
        self.reason = reason


@dataclass(frozen=True, slots=True)
class GresWish:
    """So many of a generic resource for each ``job``, ``node``, ``socket`` or ``task``.

    Or, as ``cpus``, so many processors for each of the resource.
    """

    each: str
    name: str
    type: str
    count: int


@dataclass(slots=True)
class Size:
    """What the request says about nodes, tasks and processors; None where it says nothing."""

    min_nodes: int | None = None
    max_nodes: int | None = None
    ntasks: int | None = None
    cpus_per_task: int | None = None
    ntasks_per_node: int | None = None
    nodelist: tuple[str, ...] = ()
    """The nodes that the job must have, each once, in order."""
    mincpus: int | None = None
    sockets: int | None = None
    """Of each node, at least; ``cores`` of each socket, ``threads`` of each core."""
    cores: int | None = None
    threads: int | None = None
    node_info_given: bool = False
    """These three were given together, which alone lets sbatch derive tasks from them."""
    hint: str = ""
    plane_size: int | None = None
    arbitrary: bool = False
    """Tasks are laid out as the nodelist says."""


@dataclass(slots=True)
class Draft:
    """The job so far."""

    release: Release
    work_dir: str
    members: dict[str, Value] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    """Environment variables that options imply, as sbatch sets them."""
    fallbacks: dict[str, str] = field(default_factory=dict)
    """The same, where sbatch lets a given variable stand."""
    bits: int = 0
    """Bits of ``bitflags`` so far."""
    licenses: list[str] = field(default_factory=list)
    """Parts of ``licenses``, in their order."""
    per_node: dict[str, str] = field(default_factory=dict)
    """Parts of ``tres_per_node``, by the option that gives them."""
    gres: list[GresWish] = field(default_factory=list)
    """Generic resources that are wished for, from which sizes follow."""
    clusters: bool = False
    """Other clusters may take the job: nothing is derived from what resources this one has."""
    propagate: frozenset[str] | None = None
    """Limits that the job gets, by Slurm's names; None: those that slurm.conf lets through."""
    script_lines: str = ""
    """Lines to be put into the script, behind its first."""
    cluster: str = ""
    """The agent's own cluster; empty while it is not known."""
    cpu_governors: int | None = None
    """What slurm.conf allows to set the frequency of processors, as bits; None: not known."""
    spec_resources: bool = True
    """Whether slurm.conf lets jobs choose the cores that are left to the system."""
    het_offset: int | None = None
    """Which component of a heterogeneous job it is; 0 is the leader."""
    size: Size = field(default_factory=Size)
    faults: list[Violation] = field(default_factory=list)
    warnings: list[JobWarning] = field(default_factory=list)

    def fault(self, path: str, said: str, reason: str) -> None:
        """Note that a field of the request cannot be accepted."""
        self.faults.append(Violation(path, said, reason))

    def warn(self, name: str, said: str) -> None:
        """Note something that the caller should know."""
        self.warnings.append(JobWarning(name, said))
