"""UpdateJobRequest: what shall be different about a job, and nothing that is not in its mask."""

from collections.abc import Iterator
from dataclasses import dataclass

from hpcagent.jobs.errors import InvalidRequest, Violation
from hpcagent.jobs.orders import Change
from hpcagent.server.decode.job_ids import job_id
from hpcagent.server.decode.options import options
from hpcagent.server.decode.unknown import unknown_fields
from hpcagent.server.decode.values import Faults, not_supported, request_id
from hpcagent.v1 import job_options_pb2, job_requests_pb2

TEXTS = ("name", "partition")
"""Fields of JobUpdate that Slurm can change, beside the options."""
OPTIONS = "options"
_KNOWN = job_options_pb2.JobOptions.DESCRIPTOR.fields_by_name


@dataclass(frozen=True, slots=True)
class Changed:
    """A change, and how the request was marked."""

    change: Change
    request_id: str
    paths: tuple[str, ...]


def change(request: job_requests_pb2.UpdateJobRequest, cluster: str) -> Changed:
    """Read what UpdateJob is asked for. Raises InvalidRequest with every violation."""
    faults: Faults = list(unknown_fields(request))
    found = job_id(request.job_id, "job_id", cluster, faults)
    mark = request_id(request.request_id, "request_id", faults)
    faults += _mask_faults(request)
    paths = tuple(dict.fromkeys(request.update_mask.paths))
    texts = {name: getattr(request.job, name) for name in TEXTS if name in paths}
    for name, text in texts.items():
        if not text:
            said = "is in update_mask, but empty: a job has always one"
            faults.append(Violation(f"job.{name}", said, "EMPTY"))
    wanted = [path.removeprefix(f"{OPTIONS}.") for path in paths if path.startswith(f"{OPTIONS}.")]
    chosen = _options(request.job.options, wanted, cluster, faults)
    if found is None or faults:
        raise InvalidRequest(faults)
    asked = Change(found, options=chosen, validate_only=request.validate_only, **texts)
    return Changed(asked, mark, paths)


def _options(
    given: job_options_pb2.JobOptions, wanted: list[str], cluster: str, faults: Faults
) -> dict[str, object]:
    """Read the options that are wanted; None stands for one that is not set."""
    read = options(given, f"job.{OPTIONS}", cluster, faults, only=wanted)
    return {name: read.get(name) for name in wanted}


def _mask_faults(request: job_requests_pb2.UpdateJobRequest) -> Iterator[Violation]:
    paths = request.update_mask.paths
    if not paths:
        yield Violation("update_mask", "is required: name what shall change", "REQUIRED")
    for index, path in enumerate(paths):
        where = f"update_mask.paths[{index}]"
        head, _, option = path.partition(".")
        if path == OPTIONS:
            said = f"is too wide: name each option, as {OPTIONS}.time"
            yield Violation(where, said, "PATH_TOO_WIDE")
        elif path in TEXTS or (head == OPTIONS and option in _KNOWN):
            continue
        elif path in job_requests_pb2.JobUpdate.DESCRIPTOR.fields_by_name:
            yield not_supported(where)
        else:
            yield Violation(where, f"JobUpdate has no field {path!r}", "UNKNOWN_PATH")
