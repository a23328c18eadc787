"""Which fields of a Job an answer shall have: ``read_mask`` (https://google.aip.dev/157)."""

from collections.abc import Iterator

from google.protobuf.descriptor import Descriptor
from google.protobuf.field_mask_pb2 import FieldMask

from hpcagent.jobs.errors import Violation
from hpcagent.v1 import job_pb2

ALL = "*"
"""The path that means every field."""
STEPS = "steps"
"""The field that is told where a mask names it, and of one job at a time."""


def check(mask: FieldMask, path: str = "read_mask", *, of_one: bool = False) -> Iterator[Violation]:
    """Find the paths of a mask that Job does not have, or that are told of one job only."""
    for index, wanted in enumerate(mask.paths):
        where = f"{path}.paths[{index}]"
        if wanted != ALL and not _has(job_pb2.Job.DESCRIPTOR, wanted):
            yield Violation(where, f"Job has no field {wanted!r}", "UNKNOWN_PATH")
        elif not of_one and wanted.partition(".")[0] == STEPS:
            said = "steps are told of one job at a time: ask GetJob"
            yield Violation(where, said, "FIELD_NOT_SUPPORTED")


def names_steps(mask: FieldMask) -> bool:
    """Tell whether a mask names a job's steps; ``*`` does not."""
    return any(path.partition(".")[0] == STEPS for path in mask.paths)


def _has(descriptor: Descriptor | None, path: str) -> bool:
    """Tell whether a message has what a path names. Only its last part may be repeated."""
    name, _, rest = path.partition(".")
    field = descriptor.fields_by_name.get(name) if descriptor else None
    if field is None:
        return False
    return not rest or (not field.is_repeated and _has(field.message_type, rest))


def apply(mask: FieldMask, job: job_pb2.Job) -> job_pb2.Job:
    """Return the job with the fields of a checked mask only; no mask, or ``*``: all of it."""
    if not mask.paths or ALL in mask.paths:
        return job
    shown = job_pb2.Job()
    mask.MergeMessage(job, shown)
    return shown
