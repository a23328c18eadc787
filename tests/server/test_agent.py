import socket
import time
from typing import Any

import grpc
import pytest
from server.refusals import refusal

from hpcagent import config
from hpcagent.server.build import build
from hpcagent.v1 import slurm_agent_pb2
from hpcagent.v1.agent_pb2 import GetAgentInfoRequest, GetAgentInfoResponse
from hpcagent.v1.agent_pb2_grpc import AgentStub


@pytest.fixture
def info(agent: AgentStub) -> GetAgentInfoResponse:
    return agent.GetAgentInfo(GetAgentInfoRequest())


def test_the_agent_tells_what_it_is(info: GetAgentInfoResponse) -> None:
    assert info.agent_version
    assert info.hostname == socket.gethostname()
    assert abs(info.start_time.ToSeconds() - time.time()) < 60
    assert list(info.job_options) == ["comment", "time"]
    assert (info.slurm.cluster, info.slurm.library_version) == ("memory", "22.05.8")
    assert list(info.slurm.controllers) == ["ctl1", "ctl2"]
    assert not info.HasField("kubernetes")


def test_the_agent_tells_its_limits(info: GetAgentInfoResponse) -> None:
    assert info.limits.max_request_bytes == config.Server().max_request_bytes
    assert info.limits.max_script_bytes == 4 << 20
    assert info.limits.max_page_size == 1000
    assert info.limits.max_deadline_millis == 60_000


METHODS = slurm_agent_pb2.DESCRIPTOR.services_by_name["SlurmAgent"].methods


@pytest.mark.parametrize("name", [method.name for method in METHODS])
def test_a_method_is_told_of_if_and_only_if_it_is_built(
    info: GetAgentInfoResponse, channel: grpc.Channel, name: str
) -> None:
    """An empty request is refused by what is built, as invalid or for another reason of its own."""
    call: Any = channel.stream_stream(f"/hpcagent.v1.SlurmAgent/{name}")
    try:
        next(call(iter([b""])))
        unimplemented = False
    except grpc.RpcError as error:
        unimplemented = error.code() is grpc.StatusCode.UNIMPLEMENTED
    assert (f"hpcagent.v1.SlurmAgent/{name}" in info.methods) is not unimplemented


def test_a_service_without_its_backend_is_not_served(socket_path: str) -> None:
    server = build(config.Server(unix=socket_path), None)
    server.start()
    with grpc.insecure_channel(f"unix:{socket_path}") as channel:
        info = AgentStub(channel).GetAgentInfo(GetAgentInfoRequest())
        call: Any = channel.unary_unary("/hpcagent.v1.SlurmAgent/GetJob")
        assert refusal(lambda: call(b"")).code is grpc.StatusCode.UNIMPLEMENTED
    server.stop(0)
    assert list(info.methods) == ["hpcagent.v1.Agent/GetAgentInfo"]
    assert not info.HasField("slurm")
