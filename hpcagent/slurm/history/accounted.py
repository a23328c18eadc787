"""From the accounting database's numbers and words about a job to the domain's.

The counterpart of ``hpcagent.slurm.states``, for jobs that slurmctld has purged. Sources: slurmdb.h
(slurmdb_job_rec_t, slurmdb_step_rec_t, slurmdb_stats_t); sacct(1) and its print.c, for the units.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpcagent.jobs import stamp
from hpcagent.jobs.model import (
    ENDED,
    HetJob,
    Job,
    JobId,
    JobSource,
    JobState,
    JobStep,
    Tres,
)
from hpcagent.slurm import states, tres
from hpcagent.slurm.states import Record

MEMBERS: Sequence[str] = (
    "account", "admin_comment", "alloc_nodes", "array_job_id", "array_max_tasks", "array_task_id",
    "array_task_str", "constraints", "derived_ec", "derived_es", "elapsed", "eligible", "end",
    "exitcode", "gid", "het_job_id", "het_job_offset", "jobid", "jobname", "licenses", "nodes",
    "partition", "priority", "qosid", "req_cpus", "restart_cnt", "resv_name", "start", "state",
    "std_err", "std_in", "std_out", "submit", "system_comment", "timelimit", "tres_alloc_str",
    "tres_req_str", "uid", "user", "work_dir",
)  # fmt: skip

NO_NODES = "None assigned"
"""What the database has for the nodes of a job that never had any."""

STEPS: Mapping[int, str] = {
    0xFFFFFFFB: "batch",
    0xFFFFFFFC: "extern",
    0xFFFFFFFA: "interactive",
}
"""SLURM_BATCH_SCRIPT, SLURM_EXTERN_CONT, SLURM_INTERACTIVE_STEP (slurm.h), in sacct's words."""

_MEMORY, _DISK = 2, 6
"""TRES_MEM and TRES_FS_DISK: their ids in every database (slurm_protocol_defs.h)."""
_MARKS = 0xFFFFFFFFFFFFFFFD
"""The largest amount that is one; NO_VAL64 and INFINITE64 follow."""


@dataclass(frozen=True, slots=True)
class Context:
    """What the numbers in records mean."""

    cluster: str
    tres: Mapping[int, str]
    """``gres/gpu`` by id."""
    qos: Mapping[int, str]
    users: Mapping[int, str]
    """Of those whom the database does not name: who has no association."""
    groups: Mapping[int, str]
    now: float


def job(record: Record, context: Context) -> Job:
    """Return the job that a record describes, which slurmctld no longer has.

    One that has not ended there either is in a state that nobody knows: slurmdbd lags, or has lost
    the end. Its last state is told in Slurm's words.
    """
    number = record["state"]
    base = number & states.BASE_MASK
    last = states.STATES[base] if base < len(states.STATES) else JobState.UNKNOWN
    ended = last in ENDED
    request_id, admin_comment = stamp.split(record["admin_comment"] or "")
    flags = tuple(flag for bit, flag in states.FLAGS.items() if number & (1 << bit))
    return Job(
        job_id=_job_id(record, context.cluster),
        state=last if ended else JobState.UNKNOWN,
        state_flags=flags,
        backend_state="+".join((last.name, *(flag.name for flag in flags))),
        as_of_time=context.now,
        source=JobSource.ACCOUNTING,
        request_id=request_id,
        admin_comment=admin_comment,
        exit_status=states.exit_status(record["exitcode"] or 0) if ended else None,
        derived_exit_status=states.exit_status(record["derived_ec"] or 0) if ended else None,
        **_identity(record, context),
        **_times(record),
        **_resources(record, context),
        **_words(record),
        **_groups(record),
    )


def _job_id(record: Record, cluster: str) -> JobId:
    if record["array_task_id"] is not None and record["array_job_id"]:
        return JobId(record["array_job_id"], record["array_task_id"], None, cluster)
    if record["het_job_id"]:
        return JobId(record["het_job_id"], None, record["het_job_offset"], cluster)
    return JobId(record["jobid"], None, None, cluster)


def _identity(record: Record, context: Context) -> dict[str, Any]:
    return {
        "raw_job_id": record["jobid"],
        "user_id": record["uid"] or 0,
        "group_id": record["gid"] or 0,
        "user": record["user"] or context.users.get(record["uid"], ""),
        "group": context.groups.get(record["gid"], ""),
        "account": record["account"] or "",
        "partition": record["partition"] or "",
        "qos": context.qos.get(record["qosid"], ""),
        "reservation": record["resv_name"] or "",
        "name": record["jobname"] or "",
    }


def _times(record: Record) -> dict[str, Any]:
    limit = record["timelimit"]
    return {
        "submit_time": record["submit"],
        "eligible_time": record["eligible"],
        "start_time": record["start"],
        "end_time": record["end"],
        "time_limit": limit * 60 if limit else None,
        "run_time": float(record["elapsed"] or 0),
    }


def _resources(record: Record, context: Context) -> dict[str, Any]:
    nodes = record["nodes"] or ""
    allocated = amounts(record["tres_alloc_str"] or "", context.tres)
    return {
        "node_list": "" if nodes == NO_NODES else nodes,
        "nodes": record["alloc_nodes"] or 0,
        "cpus": next((one.count for one in allocated if one.type == "cpu"), record["req_cpus"]),
        "requested_tres": amounts(record["tres_req_str"] or "", context.tres),
        "allocated_tres": allocated,
        "features": record["constraints"] or "",
        "licenses": record.get("licenses") or "",
    }


def _words(record: Record) -> dict[str, Any]:
    return {
        "work_dir": record["work_dir"] or "",
        "std_out": record.get("std_out") or "",
        "std_err": record.get("std_err") or "",
        "std_in": record.get("std_in") or "",
        "comment": record["derived_es"] or "",
        "system_comment": record["system_comment"] or "",
        "priority": record["priority"] or 0,
        "restart_count": record.get("restart_cnt") or 0,
    }


def _groups(record: Record) -> dict[str, Any]:
    found: dict[str, Any] = {"array": states.array_of(record)}
    if record["het_job_id"]:
        found["het_job"] = HetJob(record["het_job_id"], record["het_job_offset"] or 0)
    return found


def amounts(text: str, names: Mapping[int, str]) -> tuple[Tres, ...]:
    """Read a TRES string of the database: ``1=4,2=8000,1001=2``."""
    return tuple(
        tres.amount(names[number], count)
        for number, count in _numbers(text).items()
        if number in names
    )


def _numbers(text: str) -> dict[int, int]:
    """Return amounts by the id of the resource; what has no amount is left out."""
    pairs = (item.partition("=") for item in text.split(",") if item)
    found = {int(number): int(count) for number, _, count in pairs}
    return {number: count for number, count in found.items() if count <= _MARKS}


# ------------------------------------------------------------------------------- steps


def step(record: Record) -> JobStep:
    """Return the step that a record describes."""
    base = record["state"] & states.BASE_MASK
    state = states.STATES[base] if base < len(states.STATES) else JobState.UNKNOWN
    ended = state in ENDED
    most = _numbers(record["tres_usage_in_max"] or "")
    total_in = _numbers(record["tres_usage_in_tot"] or "")
    total_out = _numbers(record["tres_usage_out_tot"] or "")
    return JobStep(
        id=_step_id(record),
        name=record["stepname"] or "",
        state=state,
        exit_status=states.exit_status(record["exitcode"]) if ended else None,
        start_time=record["start"],
        end_time=record["end"] if ended else None,
        ntasks=record["ntasks"] or 0,
        node_list=record["nodes"] or "",
        cpu_time=(record["tot_cpu_sec"] or 0) + (record["tot_cpu_usec"] or 0) / 1_000_000,
        max_rss_bytes=most.get(_MEMORY),
        disk_read_bytes=total_in.get(_DISK),
        disk_write_bytes=total_out.get(_DISK),
    )


def _step_id(record: Record) -> str:
    number = record["step_number"]
    name = STEPS.get(number, str(number))
    component = record["step_het_comp"]
    return name if component is None else f"{name}+{component}"
