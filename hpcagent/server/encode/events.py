"""Events of a watch."""

from functools import lru_cache

from google.protobuf.field_mask_pb2 import FieldMask

from hpcagent.jobs.model import Job
from hpcagent.jobs.watch import Event, EventKind
from hpcagent.server import masks
from hpcagent.server.encode import jobs, values
from hpcagent.v1 import job_pb2, job_requests_pb2

KEPT = 1024
"""Jobs that are kept in their written form: many watchers are told of the same ones."""


def event(value: Event, mask: FieldMask) -> job_requests_pb2.JobEvent:
    """Return an event, its job with the fields that were asked for."""
    message = job_requests_pb2.JobEvent(
        resume_token=value.token, as_of_time=values.timestamp(value.as_of_time)
    )
    match value.kind:
        case EventKind.SNAPSHOT_END:
            message.snapshot_end.SetInParent()
        case EventKind.BOOKMARK:
            message.bookmark.SetInParent()
        case kind:
            assert value.job is not None, "every other kind of event has a job"  # noqa: S101
            getattr(message, kind.name.lower()).CopyFrom(_shown(value.job, tuple(mask.paths)))
    return message


@lru_cache(KEPT)
def _shown(job: Job, paths: tuple[str, ...]) -> job_pb2.Job:
    return masks.apply(FieldMask(paths=paths), jobs.job(job))
