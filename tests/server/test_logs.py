"""What an operator, and an auditor, read of a call; and what neither must."""

import pytest
from server.conftest import Logged
from server.memory import MemoryBackend
from server.refusals import refusal
from server.requests import original

from hpcagent.jobs.errors import OutcomeUnknown, Refused
from hpcagent.v1.job_pb2 import JobId
from hpcagent.v1.job_requests_pb2 import CancelJobRequest, GetJobRequest
from hpcagent.v1.slurm_agent_pb2 import SubmitJobRequest
from hpcagent.v1.slurm_agent_pb2_grpc import SlurmAgentStub


def named(logged: Logged, logger: str) -> list[dict[str, object]]:
    return [dict(line) for line in logged if line["logger"] == logger]


def request_one() -> SubmitJobRequest:
    request = original()
    request.request_id = "one"
    return request


def test_a_call_is_one_line_with_all_that_is_asked_first(
    slurm: SlurmAgentStub, logged: Logged
) -> None:
    slurm.SubmitJob(request_one())
    (line,) = named(logged, "access")
    assert line.pop("duration_ms") > 0  # type: ignore[operator]
    assert str(line.pop("peer")).startswith("unix:")
    assert line == {
        "logger": "access",
        "log_level": "info",
        "event": "call",
        "method": "/hpcagent.v1.SlurmAgent/SubmitJob",
        "code": "OK",
        "request_id": "one",
        "user": "nscc-gz_jiangli",
        "job_id": "1",
    }


def test_the_line_of_a_failed_call_tells_code_and_reason(
    slurm: SlurmAgentStub, logged: Logged
) -> None:
    refusal(lambda: slurm.GetJob(GetJobRequest(job_id=JobId(id="99"))))
    (line,) = named(logged, "access")
    assert line["job_id"] == "99"
    assert (line["code"], line["reason"], line["log_level"]) == (
        "NOT_FOUND",
        "JOB_NOT_FOUND",
        "info",
    )


def test_one_calls_names_do_not_stick_to_the_next(slurm: SlurmAgentStub, logged: Logged) -> None:
    slurm.SubmitJob(request_one())
    for _ in range(8):
        slurm.GetJob(GetJobRequest(job_id=JobId(id="1")))
    assert not [line for line in named(logged, "access")[1:] if {"user", "request_id"} & set(line)]


@pytest.mark.parametrize("fails", [False, True])
def test_neither_script_nor_environment_is_ever_logged(
    slurm: SlurmAgentStub, backend: MemoryBackend, logged: Logged, fails: bool
) -> None:
    request = original()
    request.script, request.environment[:] = "#!/bin/sh\necho hush-script", ["TOKEN=hush-variable"]
    request.options["slurm"].comment = "hush-comment"
    request.argv.append("hush-argument")
    if fails:
        backend.error = KeyError("x")
        refusal(lambda: slurm.SubmitJob(request))
    else:
        slurm.SubmitJob(request)
    assert named(logged, "audit")
    assert "hush" not in str([*logged])


def test_a_submission_is_audited_before_and_after(
    slurm: SlurmAgentStub, backend: MemoryBackend, logged: Logged
) -> None:
    slurm.SubmitJob(request_one())
    intent, outcome = named(logged, "audit")
    for entry in (intent, outcome):
        assert (entry["verb"], entry["request_id"]) == ("submit", "one")
        assert (entry["user"], entry["user_id"]) == ("nscc-gz_jiangli", 1870)
        assert entry["digest"] == backend.specs[0].digest()
        assert entry["script_bytes"] == len(request_one().script)
    assert (intent["event"], outcome["event"]) == ("intent", "outcome")
    assert (outcome["outcome"], outcome["job_id"]) == ("done", "1")


def test_a_cancellation_is_audited_with_its_reason(slurm: SlurmAgentStub, logged: Logged) -> None:
    slurm.CancelJob(CancelJobRequest(job_id=JobId(id="3_1"), reason="user asked"))
    intent, outcome = named(logged, "audit")
    assert (intent["target"], intent["caller_reason"]) == ("3_1", "user asked")
    assert outcome["outcome"] == "done"


@pytest.mark.parametrize(
    ("error", "outcome", "reason"),
    [
        (Refused("no", reason="ESLURM_ACCESS_DENIED"), "failed", "ESLURM_ACCESS_DENIED"),
        (OutcomeUnknown("?", reason="SUBMIT_OUTCOME_UNKNOWN"), "unknown", "SUBMIT_OUTCOME_UNKNOWN"),
        (KeyError("x"), "unknown", "KeyError"),
    ],
)
def test_the_audit_tells_what_is_not_known(
    slurm: SlurmAgentStub,
    backend: MemoryBackend,
    logged: Logged,
    error: Exception,
    outcome: str,
    reason: str,
) -> None:
    backend.error = error
    refusal(lambda: slurm.SubmitJob(original()))
    assert (named(logged, "audit")[-1]["outcome"], named(logged, "audit")[-1]["reason"]) == (
        outcome,
        reason,
    )


def test_reading_is_not_audited(slurm: SlurmAgentStub, logged: Logged) -> None:
    refusal(lambda: slurm.GetJob(GetJobRequest(request_id="none")))
    assert not named(logged, "audit")
