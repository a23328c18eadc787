"""What of a job's output is to be read: ReadOutputRequest."""

from hpcagent.jobs.errors import InvalidRequest, Violation
from hpcagent.jobs.outputs import OutputQuery, OutputStream
from hpcagent.server.decode.job_ids import job_id
from hpcagent.server.decode.unknown import unknown_fields
from hpcagent.server.decode.values import Faults, word
from hpcagent.v1 import job_requests_pb2

KUBERNETES_ONLY = ("container", "previous", "since_time", "pod")
"""Fields that mean nothing to Slurm."""
MAX_OFFSET = (1 << 63) - 1
"""The largest place in a file, off_t."""


def output_query(request: job_requests_pb2.ReadOutputRequest, cluster: str) -> OutputQuery:
    """Read what ReadOutput is asked for of a Slurm job. Raises InvalidRequest."""
    faults: Faults = list(unknown_fields(request))
    found = job_id(request.job_id, "job_id", cluster, faults)
    given = {field.name for field, _ in request.ListFields()}
    faults += [
        Violation(name, "is for Kubernetes only", "FIELD_NOT_SUPPORTED")
        for name in KUBERNETES_ONLY
        if name in given
    ]
    lines = request.lines if request.HasField("lines") else None
    if lines is not None and request.offset:
        faults.append(Violation("lines", "excludes offset: give only one of them", "CONFLICT"))
    faults += [
        Violation(name, f"is {value}; it must be at most {MAX_OFFSET}", "OUT_OF_RANGE")
        for name, value in (("offset", request.offset), ("length", request.length))
        if value > MAX_OFFSET
    ]
    stream = _stream(request, faults)
    if found is None or faults:
        raise InvalidRequest(faults)
    return OutputQuery(found, stream, request.offset, request.length or None, lines, request.follow)


def _stream(request: job_requests_pb2.ReadOutputRequest, faults: Faults) -> OutputStream:
    if not request.stream:
        return OutputStream.STDOUT
    enum = job_requests_pb2.OutputStream.DESCRIPTOR
    name = word(enum, request.stream, "stream", faults)
    return OutputStream[name] if name else OutputStream.STDOUT
