"""The environment of a job: what the request gives, and what sbatch adds.

A job shall not be able to tell that it came through the agent. So it gets the variables that
``sbatch --export=NONE`` writes beside the given ones (sbatch.c: _set_submit_dir_env,
_set_umask_env, _set_prio_process_env, _set_rlimit_env; opt.c: set_envs), but for one:
``SLURM_EXPORT_ENV=NONE`` is left out, since ``srun`` inside the job would take it as its own
option and keep the given variables from the tasks (docs/adr/0008).
"""

import resource
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hpcagent.slurm.draft import Draft

LIMITS: Mapping[str, int] = {
    name: getattr(resource, f"RLIMIT_{name}")
    for name in (
        "CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS"
    )
}  # fmt: skip
"""What Slurm propagates, by its names (slurm_rlimits_info.c)."""

_UNLIMITED = (1 << 64) - 1
"""RLIM_INFINITY as sbatch prints it."""

OF_COMPONENTS = frozenset({
    "SLURM_CPUS_PER_GPU", "SLURM_CPUS_PER_TASK", "SLURM_DISTRIBUTION", "SLURM_DIST_PLANESIZE",
    "SLURM_GPUS", "SLURM_GPUS_PER_NODE", "SLURM_GPUS_PER_SOCKET", "SLURM_GPUS_PER_TASK",
    "SLURM_GPU_BIND", "SLURM_GPU_FREQ", "SLURM_MEM_BIND", "SLURM_MEM_BIND_SORT",
    "SLURM_MEM_BIND_VERBOSE", "SLURM_MEM_PER_GPU", "SLURM_NPROCS", "SLURM_NTASKS",
    "SLURM_NTASKS_PER_CORE", "SLURM_NTASKS_PER_GPU", "SLURM_NTASKS_PER_NODE",
    "SLURM_NTASKS_PER_SOCKET", "SLURM_NTASKS_PER_TRES", "SLURM_THREADS_PER_CORE",
    "SLURM_TRES_BIND", "SLURM_TRES_PER_TASK",
})  # fmt: skip
"""What a heterogeneous job is told of each of its components (sbatch opt.c, set_envs; env.c,
set_env_from_opts): the name is followed by the component's offset, and it all stands in the
leader's environment, which is the job's."""
_BEHIND = ("_HET_GROUP_", "_PACK_GROUP_")
"""What stands before the offset: Slurm's present word, and the old one."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a job's environment takes from where it is submitted, and not from the request."""

    submit_host: str
    umask: int = 0o022
    limits: Mapping[str, int | None] = field(default_factory=dict)
    """Soft limits, by Slurm's names; None is unlimited."""
    through: frozenset[str] = frozenset(LIMITS)
    """Which of them slurm.conf lets through to a job that does not choose."""


def own_limits() -> dict[str, int | None]:
    """Return this process's soft limits, as sbatch would propagate its own."""
    soft = {name: resource.getrlimit(number)[0] for name, number in LIMITS.items()}
    return {
        name: None if limit == resource.RLIM_INFINITY else limit for name, limit in soft.items()
    }


def propagated(conf_all: str, conf_except: str) -> frozenset[str]:
    """Return which limits slurm.conf's PropagateResourceLimits(Except) lets through.

    Source: slurm.conf(5); slurm_rlimits_info.c, parse_rlimits. Unset both: all.
    """
    if conf_except:
        return frozenset(LIMITS) - _listed(conf_except)
    return _listed(conf_all) if conf_all else frozenset(LIMITS)


def _listed(text: str) -> frozenset[str]:
    words = {word.upper().removeprefix("RLIMIT_") for word in text.replace(",", " ").split()}
    if "ALL" in words:
        return frozenset(LIMITS)
    return frozenset(words - {"NONE"})


def check(entries: Sequence[str], draft: Draft) -> dict[str, str]:
    """Return the given variables; a later entry wins. Faults go to the draft."""
    variables: dict[str, str] = {}
    for index, entry in enumerate(entries):
        path = f"environment[{index}]"
        name, equals, value = entry.partition("=")
        if "\0" in entry:
            draft.fault(path, "contains a NUL character", "NUL_CHARACTER")
        elif not equals or not name:
            draft.fault(path, f"{entry[:80]!r} is not of the form NAME=value", "ENVIRONMENT_FORM")
        else:
            variables[name] = value
    return variables


def build(given: Mapping[str, str], draft: Draft, around: Surroundings) -> list[str]:
    """Return the whole environment as ``NAME=value``; what Slurm needs wins over what is given.

    A given SLURM_UMASK is kept, as sbatch does.
    """
    variables = {
        "SLURM_UMASK": f"0{around.umask:03o}",
        **_of_component(draft.fallbacks, draft),
        **given,
        "SLURM_PRIO_PROCESS": "0",
        "SLURM_SUBMIT_DIR": draft.work_dir,
        "SLURM_SUBMIT_HOST": around.submit_host,
        **_limits(draft, around),
        **_of_component(draft.variables, draft),
    }
    return [f"{name}={value}" for name, value in variables.items()]


def _limits(draft: Draft, around: Surroundings) -> dict[str, str]:
    """Write the limits for slurmd; ``U`` before one tells that the user chose it."""
    chosen = draft.propagate
    names = around.through if chosen is None else chosen
    mark = "" if chosen is None else "U"
    return {
        f"SLURM_RLIMIT_{name}": f"{mark}{_UNLIMITED if limit is None else limit}"
        for name, limit in around.limits.items()
        if name in names
    }


def of_leader(entries: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split a component's environment: what the leader's shall have of it, and the rest."""
    leaders: list[str] = []
    own: list[str] = []
    for entry in entries:
        name, _, _ = entry.partition("=")
        marked = any(name.rpartition(behind)[0] in OF_COMPONENTS for behind in _BEHIND)
        (leaders if marked else own).append(entry)
    return leaders, own


def _of_component(variables: Mapping[str, str], draft: Draft) -> Mapping[str, str]:
    """Return the variables that options imply; of a component with its offset in their names."""
    if draft.het_offset is None:
        return variables
    plain = {name: value for name, value in variables.items() if name not in OF_COMPONENTS}
    return plain | {
        f"{name}{behind}{draft.het_offset}": value
        for name, value in variables.items()
        if name in OF_COMPONENTS
        for behind in _BEHIND
    }
