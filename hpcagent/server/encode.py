"""From the domain's words to the contract's messages: the only writer of an answer's fields.

What differs is the form: seconds become Timestamp and Duration, ``math.inf`` becomes Unlimited,
and bytes that were no UTF-8, which Slurm lets a job's name have, become U+FFFD, since protobuf
would refuse the whole answer for them.
"""

import math
from collections.abc import Iterable
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import status_pb2

from hpcagent import config
from hpcagent.jobs import model
from hpcagent.server import masks, paging
from hpcagent.server.decode.jobs import ListQuery
from hpcagent.server.decode.values import NANOS
from hpcagent.v1 import agent_pb2, job_pb2, job_requests_pb2

TEXTS = (
    "request_id", "name", "backend_state", "user", "group", "account", "partition", "qos",
    "reservation", "node_list", "batch_host", "work_dir", "std_out", "std_err", "std_in",
    "comment", "admin_comment", "system_comment", "dependency", "features", "licenses",
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


def timestamp(seconds: float | None) -> Timestamp | None:
    """Return a time as a message; None is none."""
    return None if seconds is None else Timestamp(**_split(seconds))


def duration(seconds: float) -> Duration:
    """Return a length of time as a message."""
    return Duration(**_split(seconds))


def _split(seconds: float) -> dict[str, int]:
    whole, nanos = divmod(round(seconds * NANOS), NANOS)
    return {"seconds": whole, "nanos": nanos}


def text(value: str) -> str:
    """Return a text that protobuf takes."""
    if value.isascii():
        return value
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


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
    same: dict[str, Any] = {name: text(getattr(value, name)) for name in TEXTS}
    same |= {name: getattr(value, name) for name in NUMBERS}
    same |= {name: timestamp(getattr(value, name)) for name in TIMES}
    return job_pb2.Job(
        job_id=job_id(value.job_id),
        state=job_pb2.JobState.Value(f"JOB_STATE_{value.state.name}"),
        state_flags=[
            job_pb2.JobStateFlag.Value(f"JOB_STATE_FLAG_{flag.name}") for flag in value.state_flags
        ],
        reason=_reason(value.reason),
        exit_status=_exit_status(value.exit_status),
        derived_exit_status=_exit_status(value.derived_exit_status),
        time_limit=_time_limit(value.time_limit),
        run_time=duration(value.run_time),
        requested_tres=map(_tres, value.requested_tres),
        allocated_tres=map(_tres, value.allocated_tres),
        array=_array(value.array),
        het_job=_het_job(value.het_job),
        source=job_pb2.JOB_SOURCE_LIVE,
        **same,
    )


def job_page(page: model.JobPage, query: ListQuery) -> job_requests_pb2.ListJobsResponse:
    """Return a page of jobs with the fields that were asked for."""
    return job_requests_pb2.ListJobsResponse(
        jobs=[masks.apply(query.mask, job(one)) for one in page.jobs],
        next_page_token=query.binding.token(page.next_key),
        as_of_time=timestamp(page.as_of_time),
    )


def submission(value: model.Submission) -> job_requests_pb2.SubmitJobResponse:
    """Return what became of a submission."""
    return job_requests_pb2.SubmitJobResponse(
        job_id=None if value.job_id is None else job_id(value.job_id),
        submit_time=timestamp(value.submit_time),
        warnings=_warnings(value.warnings),
        message=text(value.message),
        request_digest=value.digest,
        request_id=value.request_id,
    )


def cancellation(results: Iterable[model.JobResult]) -> job_requests_pb2.CancelJobResponse:
    """Return what became of a cancellation."""
    return job_requests_pb2.CancelJobResponse(results=map(_result, results))


def _result(value: model.JobResult) -> job_requests_pb2.JobResult:
    return job_requests_pb2.JobResult(
        job_id=job_id(value.job_id), status=status_pb2.Status(), warnings=_warnings(value.warnings)
    )


def _warnings(warnings: Iterable[model.Warning]) -> list[job_pb2.Warning]:
    return [job_pb2.Warning(code=w.code, name=w.name, text=text(w.text)) for w in warnings]


def _reason(value: model.JobReason | None) -> job_pb2.JobReason | None:
    if value is None:
        return None
    category = job_pb2.JobReasonCategory.Value(f"JOB_REASON_CATEGORY_{value.category}")
    return job_pb2.JobReason(category=category, name=value.name, text=text(value.text))


def _exit_status(value: model.ExitStatus | None) -> job_pb2.ExitStatus | None:
    if value is None:
        return None
    return job_pb2.ExitStatus(code=value.code, signal=value.signal, core_dumped=value.core_dumped)


def _time_limit(seconds: float | None) -> job_pb2.TimeLimit | None:
    if seconds is None:
        return None
    if seconds == math.inf:
        return job_pb2.TimeLimit(unlimited=job_pb2.Unlimited())
    return job_pb2.TimeLimit(value=duration(seconds))


def _tres(value: model.Tres) -> job_pb2.Tres:
    return job_pb2.Tres(type=value.type, name=text(value.name), count=value.count)


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


def slurm_backend(info: model.BackendInfo) -> agent_pb2.SlurmBackend:
    """Return what is known of Slurm."""
    return agent_pb2.SlurmBackend(
        cluster=info.cluster,
        library_version=info.library_version,
        controller_version=info.controller_version,
        identity=info.identity,
        controllers=info.controllers,
    )


def limits(settings: config.Server, info: model.BackendInfo | None) -> agent_pb2.Limits:
    """Return the limits of requests."""
    return agent_pb2.Limits(
        max_request_bytes=settings.max_request_bytes,
        max_script_bytes=info.max_script_bytes if info else 0,
        max_page_size=paging.MAX_SIZE,
        max_deadline_millis=round(settings.max_deadline * 1000),
    )
