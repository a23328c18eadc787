"""A job, and pages of jobs."""

import math
from dataclasses import fields
from typing import Any

from hpcagent.jobs import model
from hpcagent.server import masks
from hpcagent.server.decode.jobs import ListQuery
from hpcagent.server.encode import values
from hpcagent.v1 import job_pb2, job_requests_pb2

TEXTS = (
    "request_id", "name", "backend_state", "user", "group", "account", "partition", "qos",
    "reservation", "node_list", "batch_host", "work_dir", "std_out", "std_err", "std_in",
    "resolved_std_out", "resolved_std_err", "resolved_std_in", "comment", "admin_comment",
    "system_comment", "dependency", "features", "licenses", "manifest",
)  # fmt: skip
"""Fields of a job that are texts here and there."""
NUMBERS = (
    "raw_job_id", "user_id", "group_id", "nodes", "cpus", "ntasks", "priority", "nice",
    "restart_count", "requeue",
)  # fmt: skip
"""Fields of a job that are numbers or switches here and there."""
TIMES = (
    "submit_time", "eligible_time", "start_time", "end_time", "deadline", "as_of_time",
)  # fmt: skip
"""Fields of a job that are seconds since the epoch here and Timestamps there."""


def job_id(value: model.JobId) -> job_pb2.JobId:
    """Return an id in all its forms."""
    return job_pb2.JobId(
        cluster=value.cluster,
        id=str(value),
        job_id=value.job_id,
        array_task_id=value.array_task_id,
        het_job_offset=value.het_job_offset,
    )


def job(value: model.Job) -> job_pb2.Job:
    """Return a job."""
    same: dict[str, Any] = {name: values.text(getattr(value, name)) for name in TEXTS}
    same |= {name: getattr(value, name) for name in NUMBERS}
    same |= {name: values.timestamp(getattr(value, name)) for name in TIMES}
    return job_pb2.Job(
        job_id=job_id(value.job_id),
        state=job_pb2.JobState.Value(f"JOB_STATE_{value.state.name}"),
        state_flags=[
            job_pb2.JobStateFlag.Value(f"JOB_STATE_FLAG_{flag.name}") for flag in value.state_flags
        ],
        reason=reason(value.reason),
        exit_status=exit_status(value.exit_status),
        derived_exit_status=exit_status(value.derived_exit_status),
        time_limit=time_limit(value.time_limit),
        run_time=values.duration(value.run_time),
        requested_tres=map(tres, value.requested_tres),
        allocated_tres=map(tres, value.allocated_tres),
        array=_array(value.array),
        het_job=_het_job(value.het_job),
        kubernetes=_kubernetes(value.kubernetes),
        source=job_pb2.JobSource.Value(f"JOB_SOURCE_{value.source.name}"),
        steps=map(_step, value.steps),
        **same,
    )


def job_page(page: model.JobPage, query: ListQuery) -> job_requests_pb2.ListJobsResponse:
    """Return a page of jobs with the fields that were asked for."""
    return job_requests_pb2.ListJobsResponse(
        jobs=[masks.apply(query.mask, job(one)) for one in page.jobs],
        next_page_token=query.binding.token(page.next_key),
        as_of_time=values.timestamp(page.as_of_time),
    )


def reason(value: model.JobReason | None) -> job_pb2.JobReason | None:
    """Return why a job is in its state, or could not run; None where there is no reason."""
    if value is None:
        return None
    return job_pb2.JobReason(
        category=job_pb2.JobReasonCategory.Value(f"JOB_REASON_CATEGORY_{value.category}"),
        name=value.name,
        text=values.text(value.text),
        blocking_jobs=map(job_id, value.blocking_jobs),
        blocked_by=values.text(value.blocked_by),
    )


def exit_status(value: model.ExitStatus | None) -> job_pb2.ExitStatus | None:
    """Return how something ended; None while it has not."""
    if value is None:
        return None
    return job_pb2.ExitStatus(code=value.code, signal=value.signal, core_dumped=value.core_dumped)


def time_limit(seconds: float | None) -> job_pb2.TimeLimit | None:
    """Return a limit of time; ``math.inf`` is none, None is unset."""
    if seconds is None:
        return None
    if seconds == math.inf:
        return job_pb2.TimeLimit(unlimited=job_pb2.Unlimited())
    return job_pb2.TimeLimit(value=values.duration(seconds))


def tres(value: model.Tres) -> job_pb2.Tres:
    """Return an amount of a trackable resource."""
    return job_pb2.Tres(type=value.type, name=values.text(value.name), count=value.count)


def _step(value: model.JobStep) -> job_pb2.JobStep:
    return job_pb2.JobStep(
        id=value.id,
        name=values.text(value.name),
        state=job_pb2.JobState.Value(f"JOB_STATE_{value.state.name}"),
        exit_status=exit_status(value.exit_status),
        start_time=values.timestamp(value.start_time),
        end_time=values.timestamp(value.end_time),
        ntasks=value.ntasks,
        node_list=value.node_list,
        cpu_time=values.duration(value.cpu_time),
        max_rss_bytes=value.max_rss_bytes,
        disk_read_bytes=value.disk_read_bytes,
        disk_write_bytes=value.disk_write_bytes,
    )


def _array(value: model.JobArray | None) -> job_pb2.JobArray | None:
    if value is None:
        return None
    return job_pb2.JobArray(
        array_job_id=value.array_job_id, tasks=value.tasks, max_tasks=value.max_tasks
    )


def _het_job(value: model.HetJob | None) -> job_pb2.HetJob | None:
    if value is None:
        return None
    return job_pb2.HetJob(het_job_id=value.het_job_id, offset=value.offset, id_set=value.id_set)


def _kubernetes(value: model.KubernetesJob | None) -> job_pb2.KubernetesJob | None:
    if value is None:
        return None
    parts = {part.name: getattr(value, part.name) for part in fields(value)}
    return job_pb2.KubernetesJob(**parts)
