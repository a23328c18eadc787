"""What a watch is asked for: WatchJobsRequest."""

from dataclasses import dataclass

from google.protobuf.field_mask_pb2 import FieldMask

from hpcagent.jobs.errors import InvalidRequest
from hpcagent.jobs.model import JobFilter
from hpcagent.server import masks
from hpcagent.server.decode.jobs import job_filter
from hpcagent.server.decode.unknown import unknown_fields
from hpcagent.server.decode.values import Faults
from hpcagent.v1 import job_requests_pb2


@dataclass(frozen=True, slots=True)
class WatchOrder:
    """Which jobs to follow, from where on, and which of their fields to tell."""

    wanted: JobFilter
    resume_token: str
    mask: FieldMask


def watch_order(request: job_requests_pb2.WatchJobsRequest, cluster: str) -> WatchOrder:
    """Read what WatchJobs is asked for. Raises InvalidRequest with every violation."""
    faults: Faults = list(unknown_fields(request))
    wanted = job_filter(request.filter, cluster, faults)
    faults.extend(masks.check(request.read_mask))
    if faults:
        raise InvalidRequest(faults)
    return WatchOrder(wanted, request.resume_token, request.read_mask)
