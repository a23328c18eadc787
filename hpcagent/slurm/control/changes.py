"""From a change to the members of job_desc_msg_t that slurmctld is to change.

The option table says how an option is written, as for a submission. Here is which of its members
slurmctld takes of a job that exists, so that an option which it would pass over is refused by name
instead. Whether it lets *this* user change them in *this* state is for slurmctld to say.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from hpcagent.jobs.errors import InvalidRequest
from hpcagent.jobs.model import Job
from hpcagent.jobs.orders import Change
from hpcagent.slurm.description import conflicts, derive
from hpcagent.slurm.draft import Draft, FaultError, Release, Size, Value, dotted
from hpcagent.slurm.errors import changed
from hpcagent.slurm.kinds import MAX_TEXT, NICE_OFFSET, check_text
from hpcagent.slurm.options import BY_NAME, path_of

NOT_CHANGEABLE = "NOT_CHANGEABLE"
"""Reason of an option that no job that exists can be given."""

ALWAYS: Release = (0, 0, 0)
CHANGEABLE: Mapping[str, Release] = dict.fromkeys(
    (
        "account", "begin_time", "comment", "contiguous", "core_spec", "cores_per_socket",
        "cpus_per_task", "cpus_per_tres", "deadline", "delay_boot", "dependency", "exc_nodes",
        "features", "licenses", "mail_type", "mail_user", "max_cpus", "max_nodes", "mem_per_tres",
        "min_cpus", "min_nodes", "name", "network", "nice", "ntasks_per_node", "ntasks_per_socket",
        "num_tasks", "partition", "pn_min_cpus", "pn_min_memory", "pn_min_tmp_disk", "priority",
        "qos", "req_nodes", "req_switch", "requeue", "reservation", "shared", "sockets_per_node",
        "std_out", "threads_per_core", "time_limit", "time_min", "tres_bind", "tres_freq",
        "tres_per_job", "tres_per_node", "tres_per_socket", "tres_per_task", "wait4switch", "wckey",
        "work_dir",
    ),
    ALWAYS,
) | {
    "prefer": (22, 5, 0),
    "extra": (23, 2, 0),
    "std_err": (23, 2, 0),
    "std_in": (23, 2, 0),
}  # fmt: skip
"""Members that slurmctld changes, by the first release that does (job_mgr.c, _update_job)."""

MEANS_ANOTHER_THING: Mapping[str, str] = {
    "array": "Slurm cannot change which tasks an array has",
    "exclusive": "Slurm cannot make a job exclusive once it is submitted",
    "hold": "use HoldJob and ReleaseJob",
    "reboot": "Slurm leaves this to its administrators",
}
"""Options whose member slurmctld would take, for something else than they say."""

CLEARED: Mapping[str, Mapping[str, Value]] = {
    "begin": {"begin_time": 1},  # a time that has passed is "now"; 0 is no change
    "comment": {"comment": ""},
    "constraint": {"features": ""},
    "dependency": {"dependency": ""},
    "exclude": {"exc_nodes": ""},
    "gres": {"tres_per_node": ""},
    "licenses": {"licenses": ""},
    "nice": {"nice": NICE_OFFSET},
    "nodelist": {"req_nodes": ""},
    "prefer": {"prefer": ""},
    "qos": {"qos": ""},
    "reservation": {"reservation": ""},
}
"""What slurmctld is told so that a job no longer has an option."""


def members(change: Change, job: Job, release: Release) -> dict[str, Value]:
    """Return the members to change. Raises InvalidRequest with every violation."""
    draft = Draft(release, job.work_dir)
    for member, text in (("name", change.name), ("partition", change.partition)):
        if text is not None:
            _try(draft, member, partial(_fill_text, member, text, draft))
    for name, value in change.options.items():
        _try(draft, path_of(name), partial(_fill_option, name, value, draft))
    derive.write_gres(draft)
    conflicts.check(change.options, draft)
    if draft.faults:
        raise InvalidRequest([replace(fault, field=changed(fault.field)) for fault in draft.faults])
    return draft.members | _size_members(draft.size, job)


def _fill_text(member: str, text: str, draft: Draft) -> None:
    draft.members[member] = check_text(text, MAX_TEXT)


def _fill_option(name: str, value: object, draft: Draft) -> None:
    option = BY_NAME.get(name)
    if option is None:
        raise FaultError("is not supported by this release of hpcagent", "OPTION_NOT_SUPPORTED")
    if name in MEANS_ANOTHER_THING:
        raise FaultError(f"cannot be changed: {MEANS_ANOTHER_THING[name]}", NOT_CHANGEABLE)
    for member in option.fill.members:
        _require(member, draft.release)
    if value is not None:
        option.fill(value, draft)
    elif name in CLEARED:
        draft.members |= CLEARED[name]
    else:
        raise FaultError("is in update_mask, but has no value, and cannot be without", "REQUIRED")


def _require(member: str, release: Release) -> None:
    since = CHANGEABLE.get(member)
    if since is None:
        raise FaultError("cannot be changed of a job that exists", NOT_CHANGEABLE)
    if release < since:
        said = f"can be changed since Slurm {dotted(since)}; this one is {dotted(release)}"
        raise FaultError(said, "SLURM_TOO_OLD")


def _size_members(size: Size, job: Job) -> dict[str, Value]:
    """Write the numbers of nodes and tasks, and the processors that follow from them.

    slurmctld leaves the processors as they are when the tasks change, so that they would share.
    """
    given = {
        "min_nodes": size.min_nodes,
        "max_nodes": size.max_nodes,
        "num_tasks": size.ntasks,
        "cpus_per_task": size.cpus_per_task,
        "ntasks_per_node": size.ntasks_per_node,
        "pn_min_cpus": size.mincpus,
        "sockets_per_node": size.sockets,
        "cores_per_socket": size.cores,
        "threads_per_core": size.threads,
    }
    if size.ntasks is not None or size.cpus_per_task is not None:
        had = max(1, job.ntasks)
        each = size.cpus_per_task or max(1, job.cpus // had)
        given["min_cpus"] = (size.ntasks or had) * each
    return {member: number for member, number in given.items() if number is not None}


def _try(draft: Draft, path: str, fill: Callable[[], None]) -> None:
    try:
        fill()
    except FaultError as fault:
        draft.fault(path, fault.said, fault.reason)
