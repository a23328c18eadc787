"""What became of a request: a submission's answer, and each job's of one that can mean several."""

from collections.abc import Iterable

from google.rpc import status_pb2

from hpcagent.jobs import model
from hpcagent.jobs.errors import AgentError
from hpcagent.jobs.estimate import Estimate
from hpcagent.jobs.task_backend import Rendering
from hpcagent.server.encode import values
from hpcagent.server.encode.jobs import job, job_id, reason
from hpcagent.server.status import to_status
from hpcagent.v1 import job_pb2, job_requests_pb2, k8s_agent_pb2, slurm_agent_pb2


def submission(value: model.Submission) -> job_requests_pb2.SubmitJobResponse:
    """Return what became of a submission."""
    return job_requests_pb2.SubmitJobResponse(
        job_id=None if value.job_id is None else job_id(value.job_id),
        submit_time=values.timestamp(value.submit_time),
        warnings=warnings(value.warnings),
        message=values.text(value.message),
        request_digest=value.digest,
        request_id=value.request_id,
        replayed=value.replayed,
        option_origins=map(_origin, value.option_origins),
        component_ids=map(job_id, value.component_ids),
    )


def rendering(value: Rendering) -> k8s_agent_pb2.RenderJobResponse:
    """Return what a submission would create."""
    return k8s_agent_pb2.RenderJobResponse(
        manifest=value.manifest,
        job_id=job_id(value.job_id),
        warnings=warnings(value.warnings),
        request_digest=value.digest,
    )


def update(changed: model.JobId, now: model.Job) -> job_requests_pb2.UpdateJobResponse:
    """Return what became of a change of one job."""
    return job_requests_pb2.UpdateJobResponse(
        results=job_results([model.JobResult(changed)]), job=job(now)
    )


def refused_item(
    asked: slurm_agent_pb2.SubmitJobsRequest, error: Exception, log_id: str
) -> slurm_agent_pb2.SubmitJobsResponse:
    """Return why one job of a stream was not submitted, or that this cannot be known."""
    status = to_status(error, log_id=log_id)
    return slurm_agent_pb2.SubmitJobsResponse(item=asked.item, status=status)


def estimate(value: Estimate) -> slurm_agent_pb2.EstimateJobResponse:
    """Return when and where a job would start."""
    return slurm_agent_pb2.EstimateJobResponse(
        start_time=values.timestamp(value.start_time),
        node_list=values.text(value.node_list),
        cpus=value.cpus,
        partition=values.text(value.partition),
        preempted_jobs=map(job_id, value.preempted_jobs),
        reason=reason(value.reason),
        warnings=warnings(value.warnings),
        system_usage=value.system_usage,
    )


def _origin(value: model.OptionOrigin) -> job_requests_pb2.OptionOrigin:
    return job_requests_pb2.OptionOrigin(
        option=value.option,
        origin=job_requests_pb2.OptionOrigin.Origin.Value(f"ORIGIN_{value.origin}"),
        line=value.line,
        value=values.text(value.value),
        component=value.component,
    )


def job_results(results: Iterable[model.JobResult]) -> list[job_requests_pb2.JobResult]:
    """Return what became of each job of a request."""
    return [
        job_requests_pb2.JobResult(
            job_id=job_id(one.job_id), status=_status(one.error), warnings=warnings(one.warnings)
        )
        for one in results
    ]


def _status(error: AgentError | None) -> status_pb2.Status:
    return status_pb2.Status() if error is None else to_status(error, log_id="")


def warnings(noted: Iterable[model.Warning]) -> list[job_pb2.Warning]:
    """Return what is noteworthy."""
    return [job_pb2.Warning(code=w.code, name=w.name, text=values.text(w.text)) for w in noted]
