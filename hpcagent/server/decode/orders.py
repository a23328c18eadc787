"""What is asked to be done with jobs: CancelJob, SignalJob, HoldJob and their like.

Their messages differ in a field or two. What all of them have is read here once; each method says
what it has besides.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from hpcagent.jobs.errors import InvalidRequest, Violation
from hpcagent.jobs.model import JobFilter, JobState
from hpcagent.jobs.orders import Order, Target, Verb, signal_number
from hpcagent.server.decode.job_ids import job_id
from hpcagent.server.decode.jobs import job_filter, refuse, states
from hpcagent.server.decode.unknown import unknown_fields
from hpcagent.server.decode.values import Faults, not_supported, request_id, word
from hpcagent.v1 import job_requests_pb2

Request: TypeAlias = (
    job_requests_pb2.CancelJobRequest
    | job_requests_pb2.SignalJobRequest
    | job_requests_pb2.HoldJobRequest
    | job_requests_pb2.ReleaseJobRequest
    | job_requests_pb2.RequeueJobRequest
    | job_requests_pb2.SuspendJobRequest
    | job_requests_pb2.ResumeJobRequest
)

MAX_REASON_BYTES = 1024
NOT_SLURMS = ("grace_period", "propagation")
"""Fields of such requests that only Kubernetes can honour."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order, and how the request was marked."""

    order: Order
    request_id: str
    reason: str = ""
    """Why, for the audit trail."""


@dataclass(frozen=True, slots=True)
class MassCancellation:
    """Which jobs to cancel, in which states only, and why."""

    wanted: JobFilter
    states: tuple[JobState, ...]
    request_id: str
    reason: str


def plain(verb: Verb, request: Request, cluster: str) -> Ordered:
    """Read a request that names a job and nothing else."""
    return _Reading(request, cluster).order(verb)


def requeue(request: job_requests_pb2.RequeueJobRequest, cluster: str) -> Ordered:
    """Read what RequeueJob is asked for. Raises InvalidRequest with every violation."""
    reading = _Reading(request, cluster)
    only = states(request.states, "states", reading.faults)
    return reading.order(Verb.REQUEUE, states=only, hold=request.hold)


def signal(request: job_requests_pb2.SignalJobRequest, cluster: str) -> Ordered:
    """Read what SignalJob is asked for. Raises InvalidRequest with every violation."""
    reading = _Reading(request, cluster)
    number = signal_number(request.signal)
    if number is None:
        said = f"is {request.signal[:80]!r}; give a name or number of signal(7): USR1, SIGTERM, 10"
        reading.faults.append(Violation("signal", said, "UNKNOWN_SIGNAL"))
    target = Target.STEPS
    if request.target:
        enum = job_requests_pb2.SignalTarget.DESCRIPTOR
        name = word(enum, request.target, "target", reading.faults)
        target = Target[name] if name else target
    return reading.order(Verb.SIGNAL, signal=number or 0, target=target)


def cancel(request: job_requests_pb2.CancelJobRequest, cluster: str) -> Ordered | MassCancellation:
    """Read what CancelJob is asked for. Raises InvalidRequest with every violation."""
    reading = _Reading(request, cluster)
    only = states(request.states, "states", reading.faults)
    if not request.HasField("filter"):
        return reading.order(Verb.CANCEL, states=only)
    if request.HasField("job_id"):
        reading.faults.append(Violation("filter", "excludes job_id: give one", "CONFLICT"))
    wanted = job_filter(request.filter, cluster, reading.faults)
    if wanted == JobFilter():
        said = "is empty, which would mean every job: give a condition"
        reading.faults.append(Violation("filter", said, "REQUIRED"))
    refuse(reading.faults)
    return MassCancellation(wanted, only, reading.request_id, reading.reason)


class _Reading:
    """What such requests have in common, read; and the faults so far."""

    def __init__(self, request: Request, cluster: str) -> None:
        self._request = request
        self._cluster = cluster
        self.faults: Faults = list(unknown_fields(request))
        self.faults += _not_supported(request)
        self.request_id = request_id(request.request_id, "request_id", self.faults)
        self.reason = getattr(request, "reason", "")
        size = len(self.reason.encode())
        if size > MAX_REASON_BYTES:
            said = f"has {size} bytes; at most {MAX_REASON_BYTES} are allowed"
            self.faults.append(Violation("reason", said, "TOO_LONG"))

    def order(self, verb: Verb, **more: object) -> Ordered:
        """Return the order, or raise InvalidRequest with every violation."""
        found = job_id(self._request.job_id, "job_id", self._cluster, self.faults)
        if found is None or self.faults:
            raise InvalidRequest(self.faults)
        return Ordered(Order(verb, found, **more), self.request_id, self.reason)  # type: ignore[arg-type]


def _not_supported(request: Request) -> Iterable[Violation]:
    given = {field.name for field, _ in request.ListFields()}
    return [not_supported(name) for name in NOT_SLURMS if name in given]
