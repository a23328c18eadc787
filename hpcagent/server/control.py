"""SlurmAgent's methods that do something with a job that exists."""

import grpc
import structlog

from hpcagent.audit import Mutation
from hpcagent.jobs.backend import Backend
from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import AgentError
from hpcagent.jobs.model import JobId, JobResult
from hpcagent.jobs.orders import Verb
from hpcagent.server.deadlines import deadline_of
from hpcagent.server.decode import changes, orders
from hpcagent.server.encode import jobs, results
from hpcagent.server.mutations import audited
from hpcagent.v1 import job_pb2
from hpcagent.v1 import job_requests_pb2 as messages

log = structlog.get_logger(__name__)

Results = tuple[JobResult, ...]


class ControlMethods:
    """A part of ``hpcagent.server.slurm_agent.SlurmAgent``."""

    _backend: Backend
    _max_deadline: float

    def CancelJob(
        self, request: messages.CancelJobRequest, context: grpc.ServicerContext
    ) -> messages.CancelJobResponse:
        """End a job, or all that match."""
        asked = orders.cancel(request, self._cluster)
        if isinstance(asked, orders.Ordered):
            done = self._carry_out(asked, context)
        else:
            done = self._cancel_matching(asked, context)
        return messages.CancelJobResponse(results=results.job_results(done))

    def SignalJob(
        self, request: messages.SignalJobRequest, context: grpc.ServicerContext
    ) -> messages.SignalJobResponse:
        """Signal a job's processes."""
        done = self._carry_out(orders.signal(request, self._cluster), context)
        return messages.SignalJobResponse(results=results.job_results(done))

    def HoldJob(
        self, request: messages.HoldJobRequest, context: grpc.ServicerContext
    ) -> messages.HoldJobResponse:
        """Keep a job from starting."""
        done = self._carry_out(orders.plain(Verb.HOLD, request, self._cluster), context)
        return messages.HoldJobResponse(results=results.job_results(done))

    def ReleaseJob(
        self, request: messages.ReleaseJobRequest, context: grpc.ServicerContext
    ) -> messages.ReleaseJobResponse:
        """Let a held job start."""
        done = self._carry_out(orders.plain(Verb.RELEASE, request, self._cluster), context)
        return messages.ReleaseJobResponse(results=results.job_results(done))

    def RequeueJob(
        self, request: messages.RequeueJobRequest, context: grpc.ServicerContext
    ) -> messages.RequeueJobResponse:
        """Put a job back into the queue."""
        done = self._carry_out(orders.requeue(request, self._cluster), context)
        return messages.RequeueJobResponse(results=results.job_results(done))

    def SuspendJob(
        self, request: messages.SuspendJobRequest, context: grpc.ServicerContext
    ) -> messages.SuspendJobResponse:
        """Stop a running job."""
        done = self._carry_out(orders.plain(Verb.SUSPEND, request, self._cluster), context)
        return messages.SuspendJobResponse(results=results.job_results(done))

    def ResumeJob(
        self, request: messages.ResumeJobRequest, context: grpc.ServicerContext
    ) -> messages.ResumeJobResponse:
        """Let a suspended job go on."""
        done = self._carry_out(orders.plain(Verb.RESUME, request, self._cluster), context)
        return messages.ResumeJobResponse(results=results.job_results(done))

    def UpdateJob(
        self, request: messages.UpdateJobRequest, context: grpc.ServicerContext
    ) -> messages.UpdateJobResponse:
        """Change a job."""
        deadline = deadline_of(context, self._max_deadline)
        asked = changes.change(request, self._cluster)
        with audited(_change(asked, context)) as facts:
            done = self._backend.change(asked.change, deadline)
            facts.update(_told(done))
        now = self._as_it_is(asked.change.job_id, deadline)
        return messages.UpdateJobResponse(results=results.job_results(done), job=now)

    def _as_it_is(self, job_id: JobId, deadline: Deadline) -> job_pb2.Job | None:
        """Return a job after a change; None if it cannot be read: the change stands."""
        try:
            return jobs.job(self._backend.get(job_id, deadline))
        except AgentError as error:
            log.warning("changed_job_unread", error=error.message)
            return None

    @property
    def _cluster(self) -> str:
        return self._backend.info().cluster

    def _carry_out(self, asked: orders.Ordered, context: grpc.ServicerContext) -> Results:
        deadline = deadline_of(context, self._max_deadline)
        order = asked.order
        structlog.contextvars.bind_contextvars(job_id=str(order.job_id))
        about = {"target": str(order.job_id), "caller_reason": asked.reason}
        if order.verb is Verb.SIGNAL:
            about |= {"signal": str(order.signal), "processes": order.target.value}
        mutation = Mutation(order.verb.value, context.peer(), asked.request_id, about)
        with audited(mutation) as facts:
            done = self._backend.control(order, deadline)
            facts.update(_told(done))
        return done

    def _cancel_matching(
        self, asked: orders.MassCancellation, context: grpc.ServicerContext
    ) -> Results:
        deadline = deadline_of(context, self._max_deadline)
        about = {"filter": str(asked.wanted), "caller_reason": asked.reason}
        mutation = Mutation(Verb.CANCEL.value, context.peer(), asked.request_id, about)
        with audited(mutation) as facts:
            done = self._backend.cancel_matching(asked.wanted, asked.states, deadline)
            facts.update(job_ids=[str(one.job_id) for one in done], **_told(done))
        return done


def _change(asked: changes.Changed, context: grpc.ServicerContext) -> Mutation:
    job_id = str(asked.change.job_id)
    structlog.contextvars.bind_contextvars(job_id=job_id)
    facts = {
        "target": job_id,
        "changed": asked.paths,
        "validate_only": asked.change.validate_only,
    }
    return Mutation("update", context.peer(), asked.request_id, facts)


def _told(done: Results) -> dict[str, object]:
    """Return what is audited of results beyond that they are there: those that failed."""
    failed = {str(one.job_id): one.error.reason for one in done if one.error}
    return {"failed": failed} if failed else {}
