"""Job ids: as text, as numbers, or as both, which then must agree."""

from hpcagent.jobs.errors import InvalidRequest, Violation
from hpcagent.jobs.model import MAX_JOB_NUMBER, JobId
from hpcagent.server.decode.values import Faults
from hpcagent.v1 import job_pb2


def job_id(message: job_pb2.JobId, path: str, cluster: str, faults: Faults) -> JobId | None:
    """Read an id. ``cluster`` is the agent's own, empty while it is not known."""
    noted = len(faults)
    numbers = _numbers(message, path, faults)
    text = _text(message, path, faults)
    if cluster and message.cluster not in {"", cluster}:
        said = f"this agent drives cluster {cluster!r}, not {message.cluster!r}"
        faults.append(Violation(f"{path}.cluster", said, "OTHER_CLUSTER"))
    if numbers is None and text is None and len(faults) == noted:
        faults.append(Violation(path, "is required: give id, or job_id", "REQUIRED"))
    if numbers is not None and text is not None and numbers != text:
        said = f"id says {text}, but the numbers beside it say {numbers}: they must agree"
        faults.append(Violation(f"{path}.id", said, "JOB_ID_MISMATCH"))
    return None if len(faults) > noted else text or numbers


def _text(message: job_pb2.JobId, path: str, faults: Faults) -> JobId | None:
    if not message.id:
        return None
    try:
        return JobId.parse(message.id, field=f"{path}.id", cluster=message.cluster)
    except InvalidRequest as error:
        faults.extend(error.violations)
        return None


def _numbers(message: job_pb2.JobId, path: str, faults: Faults) -> JobId | None:
    task = message.array_task_id if message.HasField("array_task_id") else None
    offset = message.het_job_offset if message.HasField("het_job_offset") else None
    if not message.job_id:
        if task is not None or offset is not None:
            said = "is required beside array_task_id or het_job_offset"
            faults.append(Violation(f"{path}.job_id", said, "REQUIRED"))
        return None
    if task is not None and offset is not None:
        said = "excludes het_job_offset: a job is an array task or a component, not both"
        faults.append(Violation(f"{path}.array_task_id", said, "CONFLICT"))
        return None
    given = {"job_id": message.job_id, "array_task_id": task, "het_job_offset": offset}
    for name, number in given.items():
        if number is not None and number > MAX_JOB_NUMBER:
            said = f"is {number}; it must be at most {MAX_JOB_NUMBER}"
            faults.append(Violation(f"{path}.{name}", said, "JOB_ID_RANGE"))
    return JobId(message.job_id, task, offset, message.cluster)
