"""From Slurm's numbers and words about a job to the domain's.

``MEMBERS`` is what is read of job_info_t; each becomes a field of ``Job`` here and nowhere else.
Sources: slurm.h (enum job_states, JOB_* flags, job_info_t); squeue(1), JOB STATE CODES.
"""

import math
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from hpcagent.jobs import stamp
from hpcagent.jobs.model import (
    ENDED,
    ExitStatus,
    HetJob,
    Job,
    JobArray,
    JobId,
    JobState,
    JobStateFlag,
)
from hpcagent.slurm import output_files, reasons, tres
from hpcagent.slurm.draft import Release
from hpcagent.slurm.kinds import NICE_OFFSET

Record: TypeAlias = Mapping[str, Any]
"""Members of one job_info_t, as ``_slurm`` reads them."""

STATES: Sequence[JobState] = (
    JobState.PENDING, JobState.RUNNING, JobState.SUSPENDED, JobState.COMPLETED,
    JobState.CANCELLED, JobState.FAILED, JobState.TIMEOUT, JobState.NODE_FAIL,
    JobState.PREEMPTED, JobState.BOOT_FAIL, JobState.DEADLINE, JobState.OUT_OF_MEMORY,
)  # fmt: skip
"""By Slurm's number, enum job_states."""

BASE_MASK = 0xFF
"""JOB_STATE_BASE: the bits of job_state that hold the number."""

FLAGS: Mapping[int, JobStateFlag] = {
    8: JobStateFlag.LAUNCH_FAILED,
    10: JobStateFlag.REQUEUED,
    11: JobStateFlag.REQUEUE_HOLD,
    12: JobStateFlag.SPECIAL_EXIT,
    13: JobStateFlag.RESIZING,
    14: JobStateFlag.CONFIGURING,
    15: JobStateFlag.COMPLETING,
    16: JobStateFlag.STOPPED,
    17: JobStateFlag.RECONFIG_FAIL,
    18: JobStateFlag.POWER_UP_NODE,
    19: JobStateFlag.REVOKED,
    20: JobStateFlag.REQUEUE_FED,
    21: JobStateFlag.RESV_DEL_HOLD,
    22: JobStateFlag.SIGNALING,
    23: JobStateFlag.STAGE_OUT,
    24: JobStateFlag.EXPEDITING,
}
"""By the number of the bit. Bit 9, JOB_UPDATE_DB, is slurmctld's note to itself."""

COMPLETING = 1 << 15
"""JOB_COMPLETING: the job has ended, its nodes still clean up."""

MEMBERS: Sequence[str] = (
    "account", "admin_comment", "array_job_id", "array_max_tasks", "array_task_id",
    "array_task_str", "batch_flag", "batch_host", "comment", "deadline", "dependency", "derived_ec",
    "eligible_time", "end_time", "exit_code", "features", "group_id", "het_job_id",
    "het_job_id_set", "het_job_offset", "job_id", "job_state", "licenses", "name", "nice", "nodes",
    "num_cpus", "num_nodes", "num_tasks", "partition", "pre_sus_time", "priority", "qos",
    "requeue", "restart_cnt", "resv_name", "start_time", "state_desc", "state_reason", "std_err",
    "std_in", "std_out", "submit_time", "suspend_time", "system_comment", "time_limit",
    "tres_alloc_str", "tres_req_str", "user_id", "work_dir",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Names:
    """Names of users and groups, by number; those without one are left out."""

    users: Mapping[int, str]
    groups: Mapping[int, str]


def numbers_of(states: Sequence[JobState]) -> list[int]:
    """Return Slurm's numbers of states; a state that Slurm does not have has none."""
    return [STATES.index(state) for state in states if state in STATES]


def job(record: Record, names: Names, *, cluster: str, now: float, release: Release) -> Job:
    """Return the job that a record describes, as of ``now``; ``release`` is that of Slurm."""
    number = record["job_state"]
    state = _state(number)
    flags = tuple(flag for bit, flag in FLAGS.items() if number & (1 << bit))
    request_id, admin_comment = stamp.split(record["admin_comment"] or "")
    user = names.users.get(record["user_id"], "")
    return Job(
        job_id=job_id(record, cluster),
        state=state,
        state_flags=flags,
        backend_state="+".join((state.name, *(flag.name for flag in flags))),
        request_id=request_id,
        admin_comment=admin_comment,
        reason=reasons.reason(record, cluster),
        as_of_time=now,
        user=user,
        group=names.groups.get(record["group_id"], ""),
        **_identity(record),
        **_outcome(record, state),
        **_times(record, state, now),
        **_resources(record),
        **_words(record),
        **output_files.fields(record, user, release),
        **_groups(record),
    )


def job_id(record: Record, cluster: str) -> JobId:
    """Return the id under which users know a record: ``123``, ``123_4``, ``123+1``."""
    if record["array_task_id"] is not None and record["array_job_id"]:
        return JobId(record["array_job_id"], record["array_task_id"], None, cluster)
    if record["het_job_id"]:
        return JobId(record["het_job_id"], None, record["het_job_offset"], cluster)
    return JobId(record["job_id"], None, None, cluster)


def _state(number: int) -> JobState:
    base = number & BASE_MASK
    return STATES[base] if base < len(STATES) else JobState.UNKNOWN


def is_refused(record: Record) -> bool:
    """Whether a record is what slurmctld keeps of a job that it has refused.

    It finds some flaws only after it has made the job, which it then lets fail at once; only there
    are the two said together (22.05 job_mgr.c, job_allocate: "fundamental flaw in job request").
    Components of a heterogeneous job that it had made before it refused the next it cancels, and
    only there one that never ran has a nonzero status (proc_req.c, _het_job_cancel).
    """
    state = _state(record["job_state"])
    if state is JobState.CANCELLED:
        return bool(record["het_job_id"] and record["exit_code"] == 1 and not record["nodes"])
    return state is JobState.FAILED and bool(record["state_reason_name"] == "BadConstraints")


def _identity(record: Record) -> dict[str, Any]:
    return {
        "raw_job_id": record["job_id"],
        "user_id": record["user_id"],
        "group_id": record["group_id"],
        "account": record["account"] or "",
        "partition": record["partition"] or "",
        "qos": record["qos"] or "",
        "reservation": record["resv_name"] or "",
        "name": record["name"] or "",
    }


def _outcome(record: Record, state: JobState) -> dict[str, Any]:
    if state not in ENDED or _still_unknown(record, state):
        return {}
    return {
        "exit_status": exit_status(record["exit_code"] or 0),
        "derived_exit_status": exit_status(record["derived_ec"] or 0),
    }


def _still_unknown(record: Record, state: JobState) -> bool:
    """Whether the job is being ended, and its processes have not reported yet."""
    completing = bool(record["job_state"] & COMPLETING)
    return completing and state is not JobState.COMPLETED and not record["exit_code"]


DUMPING = frozenset({
    signal.SIGQUIT, signal.SIGILL, signal.SIGTRAP, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE,
    signal.SIGSEGV, signal.SIGXCPU, signal.SIGXFSZ, signal.SIGSYS,
})  # fmt: skip
"""Signals that may leave a core file behind: signal(7), "Core"."""


def exit_status(status: int) -> ExitStatus:
    """Read a wait(2) status, as Slurm keeps it; out of memory is signal 125, as it prints it."""
    status &= 0xFFFF
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        # slurmd's own error numbers stand here too (a launch failure is 0:53), with any bits set.
        return ExitStatus(signal=number, core_dumped=os.WCOREDUMP(status) and number in DUMPING)
    return ExitStatus(code=os.WEXITSTATUS(status))


def _times(record: Record, state: JobState, now: float) -> dict[str, Any]:
    start = record["start_time"] or None
    limit = record["time_limit"]
    return {
        "submit_time": record["submit_time"] or None,
        "eligible_time": record["eligible_time"] or None,
        "start_time": start,
        "end_time": None if state is JobState.PENDING else record["end_time"] or None,
        "deadline": record["deadline"] or None,
        "time_limit": limit * 60 if limit else None,
        "run_time": _run_time(record, state, now) if start else 0,
    }


def _run_time(record: Record, state: JobState, now: float) -> float:
    """Seconds that a job has run, suspensions left out (scontrol's way, job_info.c)."""
    before, resumed = record["pre_sus_time"] or 0, record["suspend_time"] or 0
    if state is JobState.PENDING:
        return 0
    if state is JobState.SUSPENDED:
        return float(before)
    end = now if state is JobState.RUNNING else record["end_time"] or now
    since = max(record["start_time"], resumed)
    return max(0.0, float(before + end - since))


def _resources(record: Record) -> dict[str, Any]:
    return {
        "node_list": record["nodes"] or "",
        "batch_host": record["batch_host"] or "",
        "nodes": record["num_nodes"] or 0,
        "cpus": record["num_cpus"] or 0,
        "ntasks": record["num_tasks"] or 0,
        "requested_tres": tres.parse(record["tres_req_str"] or ""),
        "allocated_tres": tres.parse(record["tres_alloc_str"] or ""),
        "features": record["features"] or "",
        "licenses": record["licenses"] or "",
    }


def _words(record: Record) -> dict[str, Any]:
    return {
        "work_dir": record["work_dir"] or "",
        "comment": record["comment"] or "",
        "system_comment": record["system_comment"] or "",
        "dependency": record["dependency"] or "",
        "priority": record["priority"] or 0,
        "nice": (record["nice"] or NICE_OFFSET) - NICE_OFFSET,
        "restart_count": record["restart_cnt"] or 0,
        "requeue": bool(record["requeue"]),
    }


def array_of(record: Record) -> JobArray | None:
    """Return the array that a job is of, as slurmctld and accounting write it alike."""
    if not record["array_job_id"]:
        return None
    most, tasks = record["array_max_tasks"] or None, record["array_task_str"] or ""
    return JobArray(record["array_job_id"], tasks, None if most == math.inf else most)


def _groups(record: Record) -> dict[str, Any]:
    found: dict[str, Any] = {"array": array_of(record)}
    if record["het_job_id"]:
        found["het_job"] = HetJob(
            record["het_job_id"], record["het_job_offset"], record["het_job_id_set"] or ""
        )
    return found
