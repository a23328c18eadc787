"""What is asked about jobs: GetJobRequest, ListJobsRequest."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from google.protobuf.field_mask_pb2 import FieldMask

from hpcagent.jobs.errors import InvalidRequest, Violation
from hpcagent.jobs.model import JobFilter, JobId, JobState
from hpcagent.server import masks, paging
from hpcagent.server.decode.job_ids import job_id
from hpcagent.server.decode.unknown import unknown_fields
from hpcagent.server.decode.values import Faults, moment, not_supported, request_id, word
from hpcagent.v1 import job_pb2, job_requests_pb2

NOT_YET = ("nodes", "namespaces", "labels")
"""Fields of JobFilter that this release, or this backend, cannot honour."""


@dataclass(frozen=True, slots=True)
class GetQuery:
    """Which job: by its id, else by the request that made it; and which of its fields."""

    job_id: JobId | None
    request_id: str
    mask: FieldMask


@dataclass(frozen=True, slots=True)
class ListQuery:
    """Which jobs, and which page of them."""

    wanted: JobFilter
    size: int
    after: paging.Key | None
    binding: paging.Binding
    mask: FieldMask
    history: bool = False
    """Those that slurmctld has purged, too."""


def get_query(request: job_requests_pb2.GetJobRequest, cluster: str) -> GetQuery:
    """Read what GetJob is asked for. Raises InvalidRequest with every violation."""
    faults: Faults = list(unknown_fields(request))
    found = None
    if request.HasField("job_id") == bool(request.request_id):
        faults.append(Violation("job_id", "give job_id or request_id, and only one", "CONFLICT"))
    elif request.HasField("job_id"):
        found = job_id(request.job_id, "job_id", cluster, faults)
    mark = request_id(request.request_id, "request_id", faults)
    _check_view(request.view, request.read_mask, faults, of_one=True)
    refuse(faults)
    return GetQuery(found, mark, request.read_mask)


def list_query(request: job_requests_pb2.ListJobsRequest, cluster: str) -> ListQuery:
    """Read what ListJobs is asked for. Raises InvalidRequest with every violation."""
    faults: Faults = list(unknown_fields(request))
    wanted = job_filter(request.filter, cluster, faults)
    if request.page_size < 0:
        said = f"is {request.page_size}; it must be 0 to {paging.MAX_SIZE}"
        faults.append(Violation("page_size", said, "OUT_OF_RANGE"))
    binding = paging.Binding.of(request.filter)
    key = binding.key(request.page_token)
    if isinstance(key, Violation):
        faults.append(key)
    _check_view(request.view, request.read_mask, faults)
    refuse(faults)
    after = None if isinstance(key, Violation) else key
    size = paging.size(request.page_size)
    return ListQuery(wanted, size, after, binding, request.read_mask, request.history)


def refuse(faults: Faults) -> None:
    """Raise InvalidRequest with what was noted, if anything was."""
    if faults:
        raise InvalidRequest(faults)


def _check_view(view: int, mask: FieldMask, faults: Faults, *, of_one: bool = False) -> None:
    """Note a view that is not Slurm's, and unknown fields of Job."""
    if view == job_requests_pb2.JOB_VIEW_MANIFEST:
        faults.append(Violation("view", "is JOB_VIEW_MANIFEST: Slurm has none", "UNKNOWN_VALUE"))
    elif view:
        word(job_requests_pb2.JobView.DESCRIPTOR, view, "view", faults)
    faults.extend(masks.check(mask, of_one=of_one))


def job_filter(message: job_requests_pb2.JobFilter, cluster: str, faults: Faults) -> JobFilter:
    """Read which jobs are meant."""
    faults.extend(not_supported(f"filter.{name}") for name in NOT_YET if getattr(message, name))
    for index, name in enumerate(message.clusters):
        if cluster and name != cluster:
            said = f"this agent drives cluster {cluster!r}, not {name!r}"
            faults.append(Violation(f"filter.clusters[{index}]", said, "OTHER_CLUSTER"))
    any_state = job_pb2.JOB_STATE_UNSPECIFIED in message.states
    found = [
        job_id(one, f"filter.job_ids[{index}]", cluster, faults)
        for index, one in enumerate(message.job_ids)
    ]
    return JobFilter(
        users=_texts(message.users, "filter.users", faults),
        accounts=_texts(message.accounts, "filter.accounts", faults),
        partitions=_texts(message.partitions, "filter.partitions", faults),
        qos=_texts(message.qos, "filter.qos", faults),
        states=() if any_state else states(message.states, "filter.states", faults),
        names=_texts(message.names, "filter.names", faults),
        job_ids=tuple(one for one in found if one is not None),
        request_ids=_request_ids(message.request_ids, faults),
        submitted_after=_moment(message, "submitted_after", faults),
        submitted_before=_moment(message, "submitted_before", faults),
    )


def _texts(texts: Iterable[str], path: str, faults: Faults) -> tuple[str, ...]:
    given = tuple(texts)
    for index, text in enumerate(given):
        if not text:
            faults.append(Violation(f"{path}[{index}]", "is empty: leave it out", "EMPTY"))
    return given


def _request_ids(texts: Iterable[str], faults: Faults) -> tuple[str, ...]:
    given = _texts(texts, "filter.request_ids", faults)
    for index, text in enumerate(given):
        request_id(text, f"filter.request_ids[{index}]", faults)
    return given


def states(numbers: Iterable[int], path: str, faults: Faults) -> tuple[JobState, ...]:
    """Read states, each of which must be a specified one."""
    enum = job_pb2.JobState.DESCRIPTOR
    words = [word(enum, number, f"{path}[{i}]", faults) for i, number in enumerate(numbers)]
    return tuple(JobState[state] for state in words if state is not None)


def _moment(
    message: job_requests_pb2.JobFilter,
    name: Literal["submitted_after", "submitted_before"],
    faults: Faults,
) -> float | None:
    if not message.HasField(name):
        return None
    return moment(getattr(message, name), f"filter.{name}", faults)
