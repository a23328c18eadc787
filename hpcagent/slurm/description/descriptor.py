"""From a JobSpec to the members of job_desc_msg_t: checks, the option table, sbatch's derivations.

Pure: it asks nobody, so a request can be judged whole before anything is sent, and tests need no
Slurm. All faults of a request are raised at once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from hpcagent.jobs import stamp
from hpcagent.jobs.errors import InvalidRequest
from hpcagent.jobs.identity import Identity
from hpcagent.jobs.model import Warning as JobWarning
from hpcagent.jobs.spec import JobSpec
from hpcagent.slurm import environment, script, work_dir
from hpcagent.slurm.description import conflicts, derive, gres_sizes, per_task
from hpcagent.slurm.description.members import BASE_MEMBERS, BASE_MEMBERS_SINCE
from hpcagent.slurm.draft import Draft, FaultError, Release, Value, dotted
from hpcagent.slurm.kinds import MAX_PATH, MAX_TEXT, MAX_U32, check_range, check_text
from hpcagent.slurm.options import BY_NAME, Option, path_of

DEFAULT_NAME = "sbatch"
"""What sbatch calls a job whose script comes from its standard input."""


@dataclass(frozen=True, slots=True)
class Site:
    """What a descriptor depends on besides the request."""

    release: Release
    max_script_bytes: int
    surroundings: environment.Surroundings
    cluster: str = ""
    cpu_governors: int | None = None
    """slurm.conf's CpuFreqGovernors, as bits; None: not known."""
    spec_resources: bool = True
    """Whether slurm.conf lets jobs choose the cores that are left to the system."""
    het_offset: int | None = None
    """Which component of a heterogeneous job is described; 0 is the leader."""


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A job ready to be submitted, but for whose it is."""

    members: Mapping[str, Value]
    warnings: tuple[JobWarning, ...]
    components: tuple[Mapping[str, Value], ...] = ()
    """Members of the further components, if it is heterogeneous: the leader's are ``members``."""

    def owned_by(self, identity: Identity) -> list[dict[str, Value]]:
        """Return the members of every component, of other jobs of the job itself, and whose it is.

        Without a group slurmctld would take the agent's.
        """
        whose = {"user_id": identity.uid, "group_id": identity.gid}
        return [{**members, **whose} for members in (self.members, *self.components)]


def describe(spec: JobSpec, site: Site) -> Descriptor:
    """Return the job that a request describes. Raises InvalidRequest with every violation."""
    draft = Draft(
        site.release,
        spec.work_dir,
        faults=[*spec.faults],
        cluster=site.cluster,
        cpu_governors=site.cpu_governors,
        spec_resources=site.spec_resources,
        het_offset=site.het_offset,
    )
    draft.members.update(_base_members(site.release))
    _fill_request_fields(spec, draft)
    text = script.check(spec.script, spec.directives, site.max_script_bytes, draft)
    given = environment.check(spec.environment, draft)
    _fill_options(spec, draft)
    draft.members["script"] = script.splice(text, site.max_script_bytes, draft)
    per_task.derive(draft)
    derive.derive(draft)
    gres_sizes.derive(draft)
    _fill_cpus(spec, draft)
    draft.faults += work_dir.check(spec.create_work_dir)
    if draft.faults:
        raise InvalidRequest(draft.faults)
    draft.members["environment"] = environment.build(given, draft, site.surroundings)
    return Descriptor(draft.members, tuple(draft.warnings))


def _base_members(release: Release) -> dict[str, Value]:
    members: dict[str, Value] = dict(BASE_MEMBERS)
    for since, newer in BASE_MEMBERS_SINCE.items():
        if release >= since:
            members.update(newer)
    return members


def _fill_request_fields(spec: JobSpec, draft: Draft) -> None:
    """Take the fields of the request itself, those of the original system."""
    _try(draft, "work_dir", lambda: _fill_work_dir(spec.work_dir, draft))
    draft.members |= {"name": DEFAULT_NAME, "std_in": "/dev/null"}
    if spec.name:
        _try(draft, "name", lambda: _fill_name(spec.name, draft))
    if spec.partition:
        _try(draft, "partition", lambda: _fill_text("partition", spec.partition, draft))
    if spec.nodes:
        _try(draft, "nodes", lambda: _fill_nodes(spec.nodes, draft))
    if spec.request_id:
        _try(draft, "request_id", lambda: _fill_stamp(spec.request_id, draft))
    for index, argument in enumerate(spec.argv):
        if "\0" in argument:
            draft.fault(f"argv[{index}]", "contains a NUL character", "NUL_CHARACTER")
    if spec.argv:
        draft.members["argv"] = [spec.name or DEFAULT_NAME, *spec.argv]


def _fill_work_dir(path: str, draft: Draft) -> None:
    if not path:
        raise FaultError("is required: give an absolute path", "REQUIRED")
    draft.members["work_dir"] = check_text(path, MAX_PATH)
    if not path.startswith("/"):
        raise FaultError(f"{path[:80]!r} is not an absolute path", "PATH_NOT_ABSOLUTE")
    if {".", ".."} & set(path.split("/")):
        raise FaultError("has a component '.' or '..': give the path itself", "PATH_NOT_CLEAN")


def _fill_name(name: str, draft: Draft) -> None:
    draft.members["name"] = check_text(name, MAX_TEXT)
    draft.variables["SLURM_JOB_NAME"] = name  # up to 22.05 slurmd reads %x of file names from it


def _fill_cpus(spec: JobSpec, draft: Draft) -> None:
    """Let a request's own numbers of processors stand for those derived."""
    for member, number in (("min_cpus", spec.min_cpus), ("max_cpus", spec.max_cpus)):
        if number > MAX_U32:
            draft.fault(member, f"is {number}; it must be 1 to {MAX_U32}", "OUT_OF_RANGE")
        elif number:
            draft.members[member] = number
    if spec.max_cpus and spec.max_cpus < spec.min_cpus:
        draft.fault("max_cpus", f"is {spec.max_cpus}, less than min_cpus", "OUT_OF_RANGE")


def _fill_text(member: str, text: str, draft: Draft) -> None:
    draft.members[member] = check_text(text, MAX_TEXT)


def _fill_nodes(nodes: int, draft: Draft) -> None:
    number = check_range(nodes, 1, MAX_U32)
    draft.size.min_nodes = draft.size.max_nodes = number


def _fill_stamp(request_id: str, draft: Draft) -> None:
    if stamp.REQUEST_ID.fullmatch(request_id) is None:
        said = "must be 1 to 128 characters of A-Z a-z 0-9 . _ : -"
        raise FaultError(said, "REQUEST_ID_FORM")
    draft.members["admin_comment"] = stamp.stamp(request_id)


def _fill_options(spec: JobSpec, draft: Draft) -> None:
    """Walk the option table for what is given."""
    for name, value in spec.options.items():
        option = BY_NAME.get(name)
        if option is None:
            said = "is not supported by this release of hpcagent"
            draft.fault(path_of(name), said, "OPTION_NOT_SUPPORTED")
        elif _is_in_release(option, draft):
            _try(draft, path_of(name), partial(option.fill, value, draft))
    if spec.nodes and "nodes" in spec.options:
        draft.fault(path_of("nodes"), "is given, and so is nodes: give one", "CONFLICT")
    conflicts.check(spec.options, draft)


def _is_in_release(option: Option, draft: Draft) -> bool:
    """Tell whether the installed Slurm has an option; if not, note why."""
    installed, since, until = draft.release, option.since, option.until
    if since is not None and installed < since:
        said = f"came with Slurm {dotted(since)}; this one is {dotted(installed)}"
        draft.fault(path_of(option.name), said, "SLURM_TOO_OLD")
        return False
    if until is not None and installed >= until:
        said = f"is gone since Slurm {dotted(until)}; this one is {dotted(installed)}"
        draft.fault(path_of(option.name), said, "SLURM_TOO_NEW")
        return False
    return True


def _try(draft: Draft, path: str, fill: Callable[[], None]) -> None:
    try:
        fill()
    except FaultError as fault:
        draft.fault(path, fault.said, fault.reason)
