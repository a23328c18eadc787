"""A caller has its answer before it gives up, and an honest one."""

import time
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from server.memory import MemoryBackend
from server.refusals import refusal
from server.requests import original

from hpcagent.jobs.errors import DeadlineExceeded
from hpcagent.server.deadlines import deadline_of
from hpcagent.server.interceptors.around import Call
from hpcagent.server.interceptors.deadline import deadline
from hpcagent.v1.job_requests_pb2 import GetJobRequest
from hpcagent.v1.slurm_agent_pb2_grpc import SlurmAgentStub


def remaining(left: float, longest: float) -> float:
    context: Any = SimpleNamespace(time_remaining=lambda: left)
    return deadline_of(context, longest).remaining()


@pytest.mark.parametrize(
    ("left", "longest", "expected"),
    [
        (10.0, 60.0, 9.9),
        (1.0, 60.0, 0.95),
        (0.2, 60.0, 0.18),
        (float("inf"), 60.0, 59.9),
        (100.0, 60.0, 59.9),
        (0.01, 60.0, 0.0),
    ],
)
def test_time_is_kept_for_the_way_back(left: float, longest: float, expected: float) -> None:
    assert remaining(left, longest) == pytest.approx(expected, abs=0.01)


def test_a_slow_backend_is_given_up_before_the_caller_gives_up(
    slurm: SlurmAgentStub, backend: MemoryBackend
) -> None:
    backend.shut()
    begin = time.monotonic()
    refused = refusal(lambda: slurm.SubmitJob(original(), timeout=1.0))
    assert time.monotonic() - begin < 1.0
    assert (refused.code, refused.reason) == (
        grpc.StatusCode.DEADLINE_EXCEEDED,
        "DEADLINE_EXCEEDED",
    )


@pytest.mark.parametrize(("active", "left"), [(False, 1.0), (True, 0.0)])
def test_a_call_whose_caller_has_given_up_is_not_begun(active: bool, left: float) -> None:
    context: Any = SimpleNamespace(is_active=lambda: active, time_remaining=lambda: left)
    call = Call("/hpcagent.v1.SlurmAgent/SubmitJob", "unary", original(), context)
    with pytest.raises(DeadlineExceeded, match="nothing was begun"), deadline(call):
        pytest.fail("it was begun")


def test_a_call_that_waited_for_its_turn_too_long_is_not_begun(
    slurm: SlurmAgentStub, backend: MemoryBackend
) -> None:
    gate = backend.shut()
    busy = [slurm.GetJob.future(GetJobRequest(request_id="busy")) for _ in range(4)]
    for _ in busy:
        backend.entered.acquire()
    late = slurm.SubmitJob.future(original(), timeout=0.1)
    assert late.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    gate.set()
    for call in busy:
        call.exception()
    assert [verb for verb, _ in backend.calls] == ["find"] * 4
