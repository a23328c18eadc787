"""SlurmAgent: the service's methods."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import grpc
import structlog

from hpcagent.audit import Mutation
from hpcagent.jobs.backend import Backend
from hpcagent.jobs.spec import JobSpec
from hpcagent.server import masks
from hpcagent.server.control import ControlMethods
from hpcagent.server.deadlines import deadline_of
from hpcagent.server.decode.descriptor import descriptor_spec
from hpcagent.server.decode.jobs import get_query, list_query
from hpcagent.server.decode.submission import item_spec, job_spec
from hpcagent.server.encode import jobs, results
from hpcagent.server.following import FollowMethods
from hpcagent.server.interceptors.context import bind_request_id
from hpcagent.server.inventory import ClusterMethods
from hpcagent.server.mutations import audited
from hpcagent.server.pipeline import Pipeline
from hpcagent.server.streams import Streams
from hpcagent.v1 import job_pb2, job_requests_pb2, slurm_agent_pb2, slurm_agent_pb2_grpc

SUBMIT_JOBS = "/hpcagent.v1.SlurmAgent/SubmitJobs"


class SlurmAgent(
    ClusterMethods, ControlMethods, FollowMethods, slurm_agent_pb2_grpc.SlurmAgentServicer
):
    """Serves one Slurm cluster. A call may take ``max_deadline`` seconds at most, but a stream."""

    def __init__(self, backend: Backend, max_deadline: float, streams: Streams) -> None:
        self._backend = backend
        self._streams = streams
        self._max_deadline = max_deadline

    def SubmitJob(
        self, request: slurm_agent_pb2.SubmitJobRequest, context: grpc.ServicerContext
    ) -> job_requests_pb2.SubmitJobResponse:
        """Submit a job."""
        return self._submit(job_spec(request, self._cluster), context)

    def SubmitJobs(
        self,
        request_iterator: Iterator[slurm_agent_pb2.SubmitJobsRequest],
        context: grpc.ServicerContext,
    ) -> Iterator[slurm_agent_pb2.SubmitJobsResponse]:
        """Submit many jobs."""
        work, room = partial(self._item, context=context), self._streams.room
        pipeline = Pipeline(SUBMIT_JOBS, work, results.refused_item, room)
        with (
            self._streams.admitted(),
            self._streams.running(context, pipeline.close, pipeline.stop),
        ):
            yield from pipeline.answers(request_iterator)

    def _item(
        self, asked: slurm_agent_pb2.SubmitJobsRequest, context: grpc.ServicerContext
    ) -> slurm_agent_pb2.SubmitJobsResponse:
        bind_request_id(asked.request)
        response = self._submit(item_spec(asked, self._cluster), context)
        return slurm_agent_pb2.SubmitJobsResponse(item=asked.item, response=response)

    def SubmitDescriptor(
        self, request: slurm_agent_pb2.SubmitDescriptorRequest, context: grpc.ServicerContext
    ) -> job_requests_pb2.SubmitJobResponse:
        """Submit a job that the original system describes."""
        return self._submit(descriptor_spec(request), context)

    def _submit(
        self, spec: JobSpec, context: grpc.ServicerContext
    ) -> job_requests_pb2.SubmitJobResponse:
        deadline = deadline_of(context, self._max_deadline)
        with audited(_submission(spec, context)) as facts:
            submission = self._backend.submit(spec, deadline)
            facts["job_id"] = str(submission.job_id or "")
        return results.submission(submission)

    def EstimateJob(
        self, request: slurm_agent_pb2.SubmitJobRequest, context: grpc.ServicerContext
    ) -> slurm_agent_pb2.EstimateJobResponse:
        """Tell when and where a job would start."""
        deadline = deadline_of(context, self._max_deadline)
        spec = job_spec(request, self._cluster)
        return results.estimate(self._backend.estimate(spec, deadline))

    def GetJob(
        self, request: job_requests_pb2.GetJobRequest, context: grpc.ServicerContext
    ) -> job_pb2.Job:
        """Tell about a job."""
        deadline = deadline_of(context, self._max_deadline)
        query = get_query(request, self._cluster)
        if query.job_id is None:
            job = self._backend.find(query.request_id, deadline)
        else:
            structlog.contextvars.bind_contextvars(job_id=str(query.job_id))
            job = self._backend.get(query.job_id, deadline)
        if masks.names_steps(query.mask):
            job = replace(job, steps=self._backend.steps(job, deadline))
        return masks.apply(query.mask, jobs.job(job))

    def ListJobs(
        self, request: job_requests_pb2.ListJobsRequest, context: grpc.ServicerContext
    ) -> job_requests_pb2.ListJobsResponse:
        """Tell about jobs."""
        deadline = deadline_of(context, self._max_deadline)
        query = list_query(request, self._cluster)
        read = self._backend.history if query.history else self._backend.list
        page = read(query.wanted, query.size, query.after, deadline)
        return jobs.job_page(page, query)

    @property
    def _cluster(self) -> str:
        """The cluster's name, empty until slurmctld has told it."""
        return self._backend.info().cluster


def _submission(spec: JobSpec, context: grpc.ServicerContext) -> Mutation:
    """Return what is audited of a submission: not the script, nor the environment."""
    claim = spec.claim
    structlog.contextvars.bind_contextvars(user=claim.user or claim.user_id)
    facts = {
        "user": claim.user,
        "user_id": claim.user_id,
        "group": claim.group,
        "group_id": claim.group_id,
        "digest": spec.digest(),
        "script_bytes": len(spec.script.encode()),
        "validate_only": spec.validate_only,
    }
    return Mutation("submit", context.peer(), spec.request_id, facts)
