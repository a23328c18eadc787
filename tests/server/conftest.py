from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from types import SimpleNamespace

import grpc
import msgspec
import pytest
import structlog
from server.memory import MemoryBackend

from hpcagent import config
from hpcagent.server.build import Server, build
from hpcagent.v1 import agent_pb2_grpc, slurm_agent_pb2_grpc

Serve = Callable[..., Server]


@pytest.fixture
def backend() -> MemoryBackend:
    return MemoryBackend()


@pytest.fixture
def socket_path(tmp_path: Path) -> str:
    return str(tmp_path / "agent.sock")


@pytest.fixture
def serve(backend: MemoryBackend, socket_path: str) -> Iterator[Serve]:
    """Starts servers with the settings given; ends them after the test."""
    servers = []

    def start(**settings: object) -> Server:
        chosen = {"unix": socket_path, "threads": 4, **settings}
        server = build(msgspec.convert(chosen, config.Server), backend)
        server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop(0)


@pytest.fixture
def channel(serve: Serve, socket_path: str) -> Iterator[grpc.Channel]:
    """A connection to a server with default settings."""
    serve()
    with grpc.insecure_channel(f"unix:{socket_path}") as connected:
        yield connected


@pytest.fixture
def slurm(channel: grpc.Channel) -> slurm_agent_pb2_grpc.SlurmAgentStub:
    return slurm_agent_pb2_grpc.SlurmAgentStub(channel)


@pytest.fixture
def agent(channel: grpc.Channel) -> agent_pb2_grpc.AgentStub:
    return agent_pb2_grpc.AgentStub(channel)


Logged = list[MutableMapping[str, object]]


@pytest.fixture
def logged() -> Iterator[Logged]:
    """Every event that is logged, with what is bound to the call and the logger's name."""
    capture = structlog.testing.LogCapture()
    before = structlog.get_config()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_logger_name,
            capture,
        ],
        logger_factory=lambda name="": SimpleNamespace(name=name),
        wrapper_class=structlog.make_filtering_bound_logger(0),
        cache_logger_on_first_use=False,
    )
    yield capture.entries
    structlog.configure(**before)
