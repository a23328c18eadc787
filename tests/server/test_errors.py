"""An error rises to the edge and becomes one honest status."""

import grpc
import pytest
from server.conftest import Logged
from server.memory import MemoryBackend
from server.refusals import refusal
from server.requests import original

from hpcagent.jobs.errors import Kind, OutcomeUnknown, Refused
from hpcagent.v1.slurm_agent_pb2_grpc import SlurmAgentStub


def test_a_refusal_reaches_the_caller_with_its_reason(
    slurm: SlurmAgentStub, backend: MemoryBackend
) -> None:
    backend.error = Refused(
        "no such partition", kind=Kind.INVALID_ARGUMENT, reason="ESLURM_INVALID_PARTITION_NAME"
    )
    refused = refusal(lambda: slurm.SubmitJob(original()))
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert (refused.message, refused.reason) == (
        "no such partition",
        "ESLURM_INVALID_PARTITION_NAME",
    )


def test_an_unforeseen_error_is_logged_and_its_words_stay_here(
    slurm: SlurmAgentStub, backend: MemoryBackend, logged: Logged
) -> None:
    backend.error = KeyError("secret thing")
    refused = refusal(lambda: slurm.SubmitJob(original()))
    assert refused.code is grpc.StatusCode.INTERNAL
    assert "secret" not in refused.message
    (entry,) = [line for line in logged if line["event"] == "unforeseen"]
    assert entry["log_id"] == refused.metadata["log_id"]
    assert entry["exc_info"] is backend.error
    assert entry["method"] == "/hpcagent.v1.SlurmAgent/SubmitJob"


def test_the_next_call_works_after_an_unforeseen_error(
    slurm: SlurmAgentStub, backend: MemoryBackend
) -> None:
    backend.error = KeyError("x")
    refusal(lambda: slurm.SubmitJob(original()))
    backend.error = None
    assert slurm.SubmitJob(original()).job_id.id == "1"


@pytest.mark.parametrize(
    ("by_deadline", "code"),
    [(False, grpc.StatusCode.UNKNOWN), (True, grpc.StatusCode.DEADLINE_EXCEEDED)],
)
def test_an_unknown_outcome_is_said_to_be_unknown(
    slurm: SlurmAgentStub, backend: MemoryBackend, by_deadline: bool, code: grpc.StatusCode
) -> None:
    backend.error = OutcomeUnknown("?", reason="SUBMIT_OUTCOME_UNKNOWN", deadline=by_deadline)
    refused = refusal(lambda: slurm.SubmitJob(original()))
    assert (refused.code, refused.reason) == (code, "SUBMIT_OUTCOME_UNKNOWN")
