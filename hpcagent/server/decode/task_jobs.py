"""What is asked about jobs of Kubernetes, and asked to be done with them.

The messages are those of all backends; what differs is how a job is named, and the fields that only
Kubernetes can honour.
"""

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from google.protobuf.field_mask_pb2 import FieldMask

from hpcagent.jobs.errors import InvalidRequest, Violation
from hpcagent.jobs.model import JobFilter, ObjectId
from hpcagent.jobs.task import TaskUpdate
from hpcagent.jobs.task_backend import Ending, LogQuery
from hpcagent.server import masks, paging
from hpcagent.server.decode.jobs import ListQuery, job_filter, refuse, states
from hpcagent.server.decode.task import devices
from hpcagent.server.decode.unknown import unknown_fields
from hpcagent.server.decode.values import Faults, moment, not_supported, request_id, whole, word
from hpcagent.server.decode.watches import WatchOrder
from hpcagent.v1 import job_pb2, job_requests_pb2

Clusters: TypeAlias = tuple[str, ...]
"""The agent's clusters, the default first."""
Control: TypeAlias = (
    job_requests_pb2.CancelJobRequest
    | job_requests_pb2.SuspendJobRequest
    | job_requests_pb2.ResumeJobRequest
    | job_requests_pb2.UpdateJobRequest
)

MAX_REASON_BYTES = 1024
MAX_OFFSET = (1 << 63) - 1
"""The largest place in a file, off_t."""
NAMED = ("job_ids", "namespaces", "labels", "clusters")
"""Fields of JobFilter that are read here, for they mean Kubernetes' own."""
NOT_OURS = ("accounts", "qos", "nodes")
"""Fields of JobFilter that mean nothing in Kubernetes, or that it cannot honour."""


@dataclass(frozen=True, slots=True)
class TaskQuery:
    """Which job: by its id, else by the request that made it; and which of its fields."""

    job_id: ObjectId | None
    request_id: str
    manifest: bool
    mask: FieldMask


@dataclass(frozen=True, slots=True)
class TaskOrder:
    """Which job something shall be done with, and how the request was marked."""

    job_id: ObjectId
    request_id: str
    ending: Ending = field(default_factory=Ending)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TaskChange:
    """What shall be changed of a job, or only checked; ``paths`` as the caller named them."""

    job_id: ObjectId
    change: TaskUpdate
    paths: tuple[str, ...]
    request_id: str
    validate_only: bool


# --------------------------------------------------------------------------------------- queries


def object_id(
    message: job_pb2.JobId, path: str, clusters: Clusters, faults: Faults
) -> ObjectId | None:
    """Read the id of a job of Kubernetes: ``namespace/name``, of one of the agent's clusters."""
    noted = len(faults)
    cluster = message.cluster or clusters[0]
    _check_cluster(cluster, f"{path}.cluster", clusters, faults)
    for name in ("job_id", "array_task_id", "het_job_offset"):
        if name in {one.name for one, _ in message.ListFields()}:
            said = "is Slurm's: a job of Kubernetes has no number"
            faults.append(Violation(f"{path}.{name}", said, "JOB_ID_FORM"))
    if not message.id:
        said = "is required: namespace/name"
        faults.append(Violation(f"{path}.id", said, "REQUIRED"))
    if len(faults) > noted:
        return None
    try:
        return ObjectId.parse(message.id, field=f"{path}.id", cluster=cluster)
    except InvalidRequest as error:
        faults.extend(error.violations)
        return None


def get_query(request: job_requests_pb2.GetJobRequest, clusters: Clusters) -> TaskQuery:
    """Read what GetJob is asked for. Raises InvalidRequest with every violation."""
    faults: Faults = list(unknown_fields(request))
    found = None
    if request.HasField("job_id") == bool(request.request_id):
        faults.append(Violation("job_id", "give job_id or request_id, and only one", "CONFLICT"))
    elif request.HasField("job_id"):
        found = object_id(request.job_id, "job_id", clusters, faults)
    mark = request_id(request.request_id, "request_id", faults)
    view = _view(request.view, faults)
    faults.extend(masks.check(request.read_mask))
    refuse(faults)
    manifest = view == "MANIFEST" or "manifest" in request.read_mask.paths
    return TaskQuery(found, mark, manifest, request.read_mask)


def list_query(request: job_requests_pb2.ListJobsRequest, clusters: Clusters) -> ListQuery:
    """Read what ListJobs is asked for. Raises InvalidRequest with every violation."""
    faults: Faults = list(unknown_fields(request))
    wanted = _filter(request.filter, clusters, faults)
    if request.page_size < 0:
        said = f"is {request.page_size}; it must be 0 to {paging.MAX_SIZE}"
        faults.append(Violation("page_size", said, "OUT_OF_RANGE"))
    if request.history:
        faults.append(Violation("history", "is for Slurm only", "FIELD_NOT_SUPPORTED"))
    if _view(request.view, faults) == "MANIFEST" or "manifest" in request.read_mask.paths:
        said = "cannot have manifests: ask for one job with GetJob"
        faults.append(Violation("view", said, "FIELD_NOT_SUPPORTED"))
    binding = paging.Binding.of(request.filter)
    key = binding.key(request.page_token)
    if isinstance(key, Violation):
        faults.append(key)
        key = None
    faults.extend(masks.check(request.read_mask))
    refuse(faults)
    return ListQuery(wanted, paging.size(request.page_size), key, binding, request.read_mask)


def watch_order(request: job_requests_pb2.WatchJobsRequest, clusters: Clusters) -> WatchOrder:
    """Read what WatchJobs is asked for. Raises InvalidRequest with every violation."""
    faults: Faults = list(unknown_fields(request))
    wanted = _filter(request.filter, clusters, faults)
    faults.extend(masks.check(request.read_mask))
    refuse(faults)
    return WatchOrder(wanted, request.resume_token, request.read_mask)


def log_query(request: job_requests_pb2.ReadOutputRequest, clusters: Clusters) -> LogQuery:
    """Read what ReadOutput is asked for. Raises InvalidRequest with every violation."""
    faults: Faults = list(unknown_fields(request))
    found = object_id(request.job_id, "job_id", clusters, faults)
    if request.stream == job_requests_pb2.OUTPUT_STREAM_STDIN:
        said = "is OUTPUT_STREAM_STDIN: a container of Kubernetes has no standard input"
        faults.append(Violation("stream", said, "STREAM_NOT_SUPPORTED"))
    elif request.stream:
        word(job_requests_pb2.OutputStream.DESCRIPTOR, request.stream, "stream", faults)
    lines = request.lines if request.HasField("lines") else None
    if lines is not None and request.offset:
        faults.append(Violation("lines", "excludes offset: give only one of them", "CONFLICT"))
    if request.previous and request.follow:
        said = "excludes previous: an instance that has ended writes no more"
        faults.append(Violation("follow", said, "CONFLICT"))
    for name in ("offset", "length"):
        if (value := getattr(request, name)) > MAX_OFFSET:
            said = f"is {value}; it must be at most {MAX_OFFSET}"
            faults.append(Violation(name, said, "OUT_OF_RANGE"))
    since = moment(request.since_time, "since_time", faults)
    if found is None or faults:
        raise InvalidRequest(faults)
    return LogQuery(
        job_id=found,
        pod=request.pod,
        container=request.container,
        previous=request.previous,
        offset=request.offset,
        length=request.length or None,
        lines=lines,
        since_time=since if request.HasField("since_time") else None,
        follow=request.follow,
    )


def _view(view: int, faults: Faults) -> str:
    return (word(job_requests_pb2.JobView.DESCRIPTOR, view, "view", faults) or "") if view else ""


def _check_cluster(name: str, path: str, clusters: Clusters, faults: Faults) -> None:
    if name not in clusters:
        said = f"is {name!r}; the agent's clusters are {', '.join(clusters)}"
        faults.append(Violation(path, said, "CLUSTER_UNKNOWN"))


def _filter(message: job_requests_pb2.JobFilter, clusters: Clusters, faults: Faults) -> JobFilter:
    """Read which jobs are meant; without a cluster those of the default one."""
    given = {one.name for one, _ in message.ListFields()}
    faults += [not_supported(f"filter.{name}") for name in NOT_OURS if name in given]
    shared = deepcopy(message)
    for name in (*NAMED, *NOT_OURS):
        shared.ClearField(name)  # type: ignore[arg-type] # the stubs want a literal
    for index, name in enumerate(message.clusters):
        _check_cluster(name, f"filter.clusters[{index}]", clusters, faults)
    found = [
        object_id(one, f"filter.job_ids[{index}]", clusters, faults)
        for index, one in enumerate(message.job_ids)
    ]
    return replace(
        job_filter(shared, "", faults),
        job_ids=tuple(one for one in found if one is not None),
        namespaces=_texts(message.namespaces, "filter.namespaces", faults),
        labels=dict(message.labels),
        clusters=tuple(message.clusters) or clusters[:1],
    )


def _texts(texts: Iterable[str], path: str, faults: Faults) -> tuple[str, ...]:
    given = tuple(texts)
    for index, text in enumerate(given):
        if not text:
            faults.append(Violation(f"{path}[{index}]", "is empty: leave it out", "EMPTY"))
    return given


# ---------------------------------------------------------------------------------------- orders


def cancel_order(request: job_requests_pb2.CancelJobRequest, clusters: Clusters) -> TaskOrder:
    """Read what CancelJob is asked for. Raises InvalidRequest with every violation."""
    faults: Faults = list(unknown_fields(request))
    if request.HasField("filter"):
        faults.append(not_supported("filter"))
    propagation = ""
    if request.propagation:
        enum = job_requests_pb2.Propagation.DESCRIPTOR
        propagation = word(enum, request.propagation, "propagation", faults) or ""
    size = len(request.reason.encode())
    if size > MAX_REASON_BYTES:
        said = f"has {size} bytes; at most {MAX_REASON_BYTES} are allowed"
        faults.append(Violation("reason", said, "TOO_LONG"))
    ending = Ending(
        states=states(request.states, "states", faults),
        grace=whole(request, "grace_period", "", faults),
        foreground=propagation == "FOREGROUND",
    )
    found, mark = _marked(request, clusters, faults)
    return TaskOrder(found, mark, ending, request.reason)


def suspend_order(request: job_requests_pb2.SuspendJobRequest, clusters: Clusters) -> TaskOrder:
    """Read what SuspendJob is asked for. Raises InvalidRequest with every violation."""
    faults: Faults = list(unknown_fields(request))
    ending = Ending(grace=whole(request, "grace_period", "", faults))
    found, mark = _marked(request, clusters, faults)
    return TaskOrder(found, mark, ending)


def resume_order(request: job_requests_pb2.ResumeJobRequest, clusters: Clusters) -> TaskOrder:
    """Read what ResumeJob is asked for. Raises InvalidRequest with every violation."""
    faults: Faults = list(unknown_fields(request))
    found, mark = _marked(request, clusters, faults)
    return TaskOrder(found, mark)


CHANGEABLE = ("replicas", "image", "cpu_millis", "memory_bytes", "devices")
"""Fields of JobUpdate that Kubernetes can change; named as in ``TaskUpdate``."""


def change_order(request: job_requests_pb2.UpdateJobRequest, clusters: Clusters) -> TaskChange:
    """Read what UpdateJob is asked for. Raises InvalidRequest with every violation."""
    faults: Faults = list(unknown_fields(request))
    paths = tuple(dict.fromkeys(request.update_mask.paths))
    if not paths:
        faults.append(Violation("update_mask", "is required: name what shall change", "REQUIRED"))
    for index, path in enumerate(paths):
        if path not in CHANGEABLE:
            said = f"{path!r} cannot be changed of a job of Kubernetes: {', '.join(CHANGEABLE)} can"
            faults.append(Violation(f"update_mask.paths[{index}]", said, "UNKNOWN_PATH"))
    found, mark = _marked(request, clusters, faults)
    values = {path: getattr(request.job, path) for path in paths}
    if "devices" in values:
        values["devices"] = devices(request.job.devices)
    return TaskChange(found, TaskUpdate(**values), paths, mark, request.validate_only)


def _marked(request: Control, clusters: Clusters, faults: Faults) -> tuple[ObjectId, str]:
    """Read what all orders have; raise InvalidRequest if anything was noted."""
    mark = request_id(request.request_id, "request_id", faults)
    found = object_id(request.job_id, "job_id", clusters, faults)
    if found is None or faults:
        raise InvalidRequest(faults)
    return found, mark
