"""K8sAgent: the service's methods."""

import grpc
import structlog

from hpcagent.audit import Mutation
from hpcagent.jobs.model import ObjectId
from hpcagent.jobs.task import TaskSpec
from hpcagent.jobs.task_backend import TaskBackend
from hpcagent.server import masks
from hpcagent.server.deadlines import deadline_of
from hpcagent.server.decode import task_jobs as asked
from hpcagent.server.decode.task import task_spec
from hpcagent.server.encode import jobs, results
from hpcagent.server.mutations import audited
from hpcagent.server.streams import Streams
from hpcagent.server.task_following import TaskFollowMethods
from hpcagent.server.task_inventory import TaskClusterMethods
from hpcagent.v1 import job_pb2, k8s_agent_pb2, k8s_agent_pb2_grpc
from hpcagent.v1 import job_requests_pb2 as messages


class K8sAgent(TaskClusterMethods, TaskFollowMethods, k8s_agent_pb2_grpc.K8sAgentServicer):
    """Serves Kubernetes clusters. A call but a stream takes ``max_deadline`` seconds at most."""

    def __init__(self, backend: TaskBackend, max_deadline: float, streams: Streams) -> None:
        self._backend = backend
        self._follower = backend
        self._streams = streams
        self._max_deadline = max_deadline
        self._clusters = backend.info().clusters

    def SubmitJob(
        self, request: k8s_agent_pb2.SubmitTaskRequest, context: grpc.ServicerContext
    ) -> messages.SubmitJobResponse:
        """Create a task's objects."""
        deadline = deadline_of(context, self._max_deadline)
        spec = task_spec(request)
        with audited(_submission(spec, context)) as facts:
            submission = self._backend.submit(spec, deadline)
            facts["job_id"] = str(submission.job_id or "")
        return results.submission(submission)

    def RenderJob(
        self, request: k8s_agent_pb2.SubmitTaskRequest, context: grpc.ServicerContext
    ) -> k8s_agent_pb2.RenderJobResponse:
        """Tell what SubmitJob would create."""
        deadline = deadline_of(context, self._max_deadline)
        return results.rendering(self._backend.render(task_spec(request), deadline))

    def GetJob(self, request: messages.GetJobRequest, context: grpc.ServicerContext) -> job_pb2.Job:
        """Tell about a job."""
        deadline = deadline_of(context, self._max_deadline)
        query = asked.get_query(request, self._clusters)
        if query.job_id is None:
            job = self._backend.find(query.request_id, deadline, manifest=query.manifest)
        else:
            structlog.contextvars.bind_contextvars(job_id=str(query.job_id))
            job = self._backend.get(query.job_id, deadline, manifest=query.manifest)
        return masks.apply(query.mask, jobs.job(job))

    def ListJobs(
        self, request: messages.ListJobsRequest, context: grpc.ServicerContext
    ) -> messages.ListJobsResponse:
        """Tell about jobs."""
        deadline = deadline_of(context, self._max_deadline)
        query = asked.list_query(request, self._clusters)
        page = self._backend.list(query.wanted, query.size, query.after, deadline)
        return jobs.job_page(page, query)

    def CancelJob(
        self, request: messages.CancelJobRequest, context: grpc.ServicerContext
    ) -> messages.CancelJobResponse:
        """Delete a job's objects."""
        deadline = deadline_of(context, self._max_deadline)
        order = asked.cancel_order(request, self._clusters)
        with audited(_order("cancel", order, context)):
            done = self._backend.cancel(order.job_id, order.ending, deadline)
        return messages.CancelJobResponse(results=results.job_results(done))

    def SuspendJob(
        self, request: messages.SuspendJobRequest, context: grpc.ServicerContext
    ) -> messages.SuspendJobResponse:
        """Scale a job to zero."""
        deadline = deadline_of(context, self._max_deadline)
        order = asked.suspend_order(request, self._clusters)
        with audited(_order("suspend", order, context)):
            done = self._backend.suspend(order.job_id, order.ending.grace, deadline)
        return messages.SuspendJobResponse(results=results.job_results(done))

    def ResumeJob(
        self, request: messages.ResumeJobRequest, context: grpc.ServicerContext
    ) -> messages.ResumeJobResponse:
        """Give a job its replicas again."""
        deadline = deadline_of(context, self._max_deadline)
        order = asked.resume_order(request, self._clusters)
        with audited(_order("resume", order, context)):
            done = self._backend.resume(order.job_id, deadline)
        return messages.ResumeJobResponse(results=results.job_results(done))

    def UpdateJob(
        self, request: messages.UpdateJobRequest, context: grpc.ServicerContext
    ) -> messages.UpdateJobResponse:
        """Change a job."""
        deadline = deadline_of(context, self._max_deadline)
        order = asked.change_order(request, self._clusters)
        with audited(_change(order, context)):
            job = self._backend.update(
                order.job_id, order.change, deadline, validate_only=order.validate_only
            )
        return results.update(order.job_id, job)


def _submission(spec: TaskSpec, context: grpc.ServicerContext) -> Mutation:
    """Return what is audited of a submission: no environment, and no secret."""
    claim, plan = spec.claim, spec.task.plan
    structlog.contextvars.bind_contextvars(user=claim.user or claim.user_id)
    facts = {
        "user": claim.user,
        "user_id": claim.user_id,
        "group": claim.group,
        "group_id": claim.group_id,
        "cluster": spec.cluster,
        "namespace": spec.namespace,
        "task_id": plan.id,
        "image": plan.container_image,
        "digest": spec.digest(),
        "secret_count": len(spec.secret_env),
        "validate_only": spec.validate_only,
    }
    return Mutation("submit", context.peer(), spec.request_id, facts)


def _order(verb: str, order: asked.TaskOrder, context: grpc.ServicerContext) -> Mutation:
    facts = {**_target(order.job_id), "caller_reason": order.reason}
    return Mutation(verb, context.peer(), order.request_id, facts)


def _change(order: asked.TaskChange, context: grpc.ServicerContext) -> Mutation:
    more = {"changed": order.paths, "validate_only": order.validate_only}
    facts = {**_target(order.job_id), **more}
    return Mutation("update", context.peer(), order.request_id, facts)


def _target(job_id: ObjectId) -> dict[str, object]:
    structlog.contextvars.bind_contextvars(job_id=str(job_id))
    return {"target": str(job_id), "cluster": job_id.cluster}
