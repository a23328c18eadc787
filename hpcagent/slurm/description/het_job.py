"""Heterogeneous jobs: one script, and several descriptions of what it shall have.

sbatch reads its options once for each component, and forgets between two of them only some: what
says how large a component is, and where. All else holds on. So each component is described here as
a job of its own, with what holds on put in, and only the leader has the script. Sources (22.05):
sbatch.c, main; opt.c, process_options_second_pass and set_envs; env.c, set_env_from_opts;
slurm_opt.c, reset_each_pass.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import cast

from hpcagent.jobs.errors import InvalidRequest, Violation
from hpcagent.jobs.model import Warning as JobWarning
from hpcagent.jobs.spec import HetComponent, JobSpec
from hpcagent.slurm.description import descriptor
from hpcagent.slurm.description.descriptor import Descriptor, Site
from hpcagent.slurm.draft import Release
from hpcagent.slurm.environment import of_leader
from hpcagent.slurm.options import BY_NAME

FORGOTTEN = frozenset({
    "bb", "consolidate-segments", "constraint", "contiguous", "core-spec", "cores-per-socket",
    "cpu-freq", "cpus-per-gpu", "cpus-per-task", "distribution", "exclusive", "extra-node-info",
    "gpu-bind", "gpu-freq", "gpus", "gpus-per-node", "gpus-per-socket", "gpus-per-task", "gres",
    "gres-flags", "hint", "licenses", "mail-type", "mail-user", "mem-bind", "mem-per-cpu",
    "mem-per-gpu", "mincpus", "network", "nodefile", "nodelist", "nodes", "ntasks",
    "ntasks-per-core", "ntasks-per-gpu", "ntasks-per-node", "ntasks-per-socket", "overcommit",
    "oversubscribe", "power", "resv-ports", "segment", "sockets-per-node", "spread-job",
    "spread-segments", "switches", "thread-spec", "threads-per-core", "tmp", "tres-bind",
    "tres-per-task", "use-min-nodes",
})  # fmt: skip
"""sbatch's options that do not hold on: a component has what it is given itself. Nor does its
partition, or its number of nodes."""

OPTIONS = 'options["slurm"].'
"""How the path of a leader's option begins."""

REFUSED_UNHARMED_SINCE: Release = (24, 11, 4)
"""From here on slurmctld survives that it refuses a component."""
MAIL_AT_END = frozenset({"END", "ALL"})
"""Events of --mail-type that a component being refused is to the leader, which is there already."""


def describe(spec: JobSpec, site: Site) -> Descriptor:
    """Return the job that a request describes. Raises InvalidRequest with every violation."""
    if not spec.components:
        return descriptor.describe(spec, site)
    found: list[Descriptor] = []
    faults: list[Violation] = []
    known: set[Violation] = set()
    for offset, one in enumerate(each(spec)):
        try:
            found.append(descriptor.describe(one, replace(site, het_offset=offset)))
        except InvalidRequest as error:
            faults += [
                moved(fault, offset)
                for fault in error.violations
                if fault not in known or _is_own(fault, spec.components[offset - 1])
            ]
            known.update(error.violations)
    if faults:
        raise InvalidRequest(faults)
    return _joined(found)


def each(spec: JobSpec) -> Iterator[JobSpec]:
    """Return every component as a job of its own, the leader first."""
    yield spec
    held_on, name = spec.options, spec.name
    for component in spec.components:
        held_on = {name: held_on[name] for name in held_on if not _is_forgotten(name)}
        held_on |= component.options
        name = component.name or name
        yield replace(
            spec,
            name=name,
            partition=component.partition,
            nodes=component.nodes,
            min_cpus=0,
            max_cpus=0,
            options=held_on,
            components=(),
            faults=(),
        )


def is_fatal_if_refused(spec: JobSpec, release: Release) -> bool:
    """Tell whether slurmctld would end if it refused a component of this job.

    It makes the leader, refuses a later component, cancels the leader, and for the mail about that
    locks a list that it holds already: "fatal: list_iterator_create: Resource deadlock avoided"
    (proc_req.c, _het_job_cancel). Seen with 22.05.8, by sbatch too; mended in 24.11.4.
    """
    mail = cast("Iterable[str]", spec.options.get("mail_type", ()))
    return bool(
        spec.components and release < REFUSED_UNHARMED_SINCE and not MAIL_AT_END.isdisjoint(mail)
    )


def moved(fault: Violation, offset: int) -> Violation:
    """Return a violation of a job that is the component of that offset, by its path there."""
    if not offset:
        return fault
    field = f"options.{fault.field.removeprefix(OPTIONS)}" if _is_option(fault) else fault.field
    return replace(fault, field=f"components[{offset - 1}].{field}")


def _is_forgotten(name: str) -> bool:
    return name in BY_NAME and BY_NAME[name].sbatch.removeprefix("--") in FORGOTTEN


def _is_option(fault: Violation) -> bool:
    return fault.field.startswith(OPTIONS)


def _is_own(fault: Violation, component: HetComponent) -> bool:
    """Whether a fault is in what a component was given itself, and not in what holds on."""
    if _is_option(fault):
        return fault.field.removeprefix(OPTIONS) in component.options
    return bool(getattr(component, fault.field, None))


def _joined(found: list[Descriptor]) -> Descriptor:
    """Put the components together: one script, and in one environment what is told of each."""
    leader, *others = (dict(one.members) for one in found)
    told = cast("list[str]", leader["environment"])
    for members in others:
        members["script"] = None
        leaders, members["environment"] = of_leader(cast("list[str]", members["environment"]))
        told = [*told, *leaders]
    by_name = {entry.partition("=")[0]: entry for entry in told}
    leader["environment"] = list(by_name.values())
    return Descriptor(leader, tuple(_warnings(found)), tuple(others))


def _warnings(found: Iterable[Descriptor]) -> Iterator[JobWarning]:
    """Return what is noteworthy of any component, and of which unless it is the leader."""
    known: set[JobWarning] = set()
    for offset, one in enumerate(found):
        for warning in one.warnings:
            if warning not in known:
                said = f"component {offset}: {warning.text}" if offset else warning.text
                yield replace(warning, text=said)
        known.update(one.warnings)
