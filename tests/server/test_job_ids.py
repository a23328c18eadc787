import pytest

from hpcagent.jobs.errors import Violation
from hpcagent.jobs.model import JobId
from hpcagent.server.decode.job_ids import job_id
from hpcagent.v1 import job_pb2


def decode(message: job_pb2.JobId) -> tuple[JobId | None, list[tuple[str, str]]]:
    faults: list[Violation] = []
    found = job_id(message, "job_id", "c1", faults)
    return found, [(fault.field, fault.reason) for fault in faults]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (job_pb2.JobId(id="12"), JobId(12)),
        (job_pb2.JobId(id="12_0"), JobId(12, array_task_id=0)),
        (job_pb2.JobId(id="12+0"), JobId(12, het_job_offset=0)),
        (job_pb2.JobId(job_id=12), JobId(12)),
        (job_pb2.JobId(job_id=12, array_task_id=0), JobId(12, array_task_id=0)),
        (job_pb2.JobId(job_id=12, het_job_offset=0), JobId(12, het_job_offset=0)),
        (job_pb2.JobId(id="12_3", job_id=12, array_task_id=3), JobId(12, array_task_id=3)),
        (job_pb2.JobId(cluster="c1", id="12"), JobId(12, cluster="c1")),
    ],
    ids=str,
)
def test_an_id_is_read_from_text_and_from_numbers(message: job_pb2.JobId, expected: JobId) -> None:
    assert decode(message) == (expected, [])


@pytest.mark.parametrize(
    ("message", "field", "reason"),
    [
        (job_pb2.JobId(), "job_id", "REQUIRED"),
        (job_pb2.JobId(id="12.batch"), "job_id.id", "JOB_ID_FORM"),
        (job_pb2.JobId(id="0"), "job_id.id", "JOB_ID_RANGE"),
        (job_pb2.JobId(id="4294967294"), "job_id.id", "JOB_ID_RANGE"),
        (job_pb2.JobId(id="9" * 5000), "job_id.id", "JOB_ID_FORM"),
        (job_pb2.JobId(job_id=4294967295), "job_id.job_id", "JOB_ID_RANGE"),
        (job_pb2.JobId(job_id=1, array_task_id=4294967294), "job_id.array_task_id", "JOB_ID_RANGE"),
        (job_pb2.JobId(array_task_id=3), "job_id.job_id", "REQUIRED"),
        (
            job_pb2.JobId(job_id=1, array_task_id=1, het_job_offset=1),
            "job_id.array_task_id",
            "CONFLICT",
        ),
        (job_pb2.JobId(id="12", job_id=13), "job_id.id", "JOB_ID_MISMATCH"),
        (job_pb2.JobId(id="12_3", job_id=12), "job_id.id", "JOB_ID_MISMATCH"),
        (job_pb2.JobId(cluster="c2", id="12"), "job_id.cluster", "OTHER_CLUSTER"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_id_that_is_none_is_refused_at_its_field(
    message: job_pb2.JobId, field: str, reason: str
) -> None:
    assert decode(message) == (None, [(field, reason)])
