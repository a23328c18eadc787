"""Health is what the checks say, at once, and however busy the agent is."""

from collections.abc import Iterator

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from server.conftest import Logged, Serve
from server.memory import MemoryBackend
from server.refusals import refusal

from hpcagent.v1.job_requests_pb2 import GetJobRequest
from hpcagent.v1.slurm_agent_pb2_grpc import SlurmAgentStub

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SLURM, AGENT, ALL = "hpcagent.v1.SlurmAgent", "hpcagent.v1.Agent", ""
PATIENCE = 5.0


@pytest.fixture
def health(channel: grpc.Channel) -> health_pb2_grpc.HealthStub:
    return health_pb2_grpc.HealthStub(channel)


def asked(name: str) -> health_pb2.HealthCheckRequest:
    return health_pb2.HealthCheckRequest(service=name)


@pytest.fixture
def watched(
    health: health_pb2_grpc.HealthStub,
) -> Iterator[Iterator[health_pb2.HealthCheckResponse]]:
    """SlurmAgent's health, followed from its first answer on."""
    stream = health.Watch(asked(SLURM), timeout=PATIENCE)
    assert next(stream).status == SERVING
    yield stream
    stream.cancel()


@pytest.mark.parametrize("name", [SLURM, AGENT, ALL])
def test_a_service_without_troubles_serves(health: health_pb2_grpc.HealthStub, name: str) -> None:
    assert health.Check(asked(name)).status == SERVING


def test_a_service_that_is_not_served_is_not_found(health: health_pb2_grpc.HealthStub) -> None:
    refused = refusal(lambda: health.Check(asked("hpcagent.v1.K8sAgent")))
    assert refused.code is grpc.StatusCode.NOT_FOUND


def test_health_follows_the_checks_both_ways(
    health: health_pb2_grpc.HealthStub,
    watched: Iterator[health_pb2.HealthCheckResponse],
    backend: MemoryBackend,
) -> None:
    backend.trouble = {"slurmctld": "does not answer"}
    assert next(watched).status == NOT_SERVING
    assert health.Check(asked(AGENT)).status == SERVING
    backend.trouble = {}
    assert next(watched).status == SERVING


def test_the_agent_as_a_whole_has_the_troubles_of_its_services(
    serve: Serve, socket_path: str, backend: MemoryBackend
) -> None:
    backend.trouble = {"slurmctld": "does not answer"}
    serve()
    with grpc.insecure_channel(f"unix:{socket_path}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        assert health.Check(asked(ALL)).status == NOT_SERVING


def test_a_change_is_logged_with_what_is_wrong(
    logged: Logged,
    watched: Iterator[health_pb2.HealthCheckResponse],
    backend: MemoryBackend,
) -> None:
    backend.trouble = {"slurmctld": "does not answer"}
    next(watched)
    (line,) = [line for line in logged if line["event"] == "not_serving"]
    assert (line["service"], line["troubles"]) == (SLURM, {"slurmctld": "does not answer"})


def test_a_probe_does_not_wait_behind_calls_that_wait_for_the_backend(
    slurm: SlurmAgentStub, health: health_pb2_grpc.HealthStub, backend: MemoryBackend
) -> None:
    gate = backend.shut()
    busy = [slurm.GetJob.future(GetJobRequest(request_id="busy")) for _ in range(8)]
    for _ in range(4):  # all threads that there are
        backend.entered.acquire()
    assert health.Check(asked(ALL), timeout=PATIENCE).status == SERVING
    gate.set()
    for call in busy:
        call.exception()
