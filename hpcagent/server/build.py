"""The gRPC server: services, interceptors, addresses and their life, put together."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from grpc_channelz.v1 import channelz
from grpc_health.v1 import health
from grpc_reflection.v1alpha import reflection

from hpcagent import config
from hpcagent.jobs.backend import Backend
from hpcagent.jobs.task_backend import TaskBackend
from hpcagent.server import agent, listen, methods
from hpcagent.server.agent import Agent
from hpcagent.server.health import Health, Troubles
from hpcagent.server.interceptors.access_log import access_log
from hpcagent.server.interceptors.around import PROBE, Interceptor, Pools
from hpcagent.server.interceptors.context import context
from hpcagent.server.interceptors.deadline import deadline
from hpcagent.server.interceptors.errors import errors
from hpcagent.server.interceptors.metrics import metrics
from hpcagent.server.k8s_agent import K8sAgent
from hpcagent.server.slurm_agent import SlurmAgent
from hpcagent.server.streams import METHODS, Streams
from hpcagent.v1 import (
    agent_pb2_grpc,
    k8s_agent_pb2,
    k8s_agent_pb2_grpc,
    slurm_agent_pb2,
    slurm_agent_pb2_grpc,
)

AROUNDS = (context, metrics, access_log, errors, deadline)
"""The outermost first: log and metrics tell the code that ``errors`` made."""
PROBE_THREADS = 1
"""Answering a probe takes microseconds."""

SLURM_AGENT = slurm_agent_pb2.DESCRIPTOR.services_by_name["SlurmAgent"]
K8S_AGENT = k8s_agent_pb2.DESCRIPTOR.services_by_name["K8sAgent"]
CHANNELZ = "grpc.channelz.v1.Channelz"


class Server:
    """A built server. It listens once it is started."""

    def __init__(
        self, settings: config.Server, server: grpc.Server, watch: Health, streams: Streams
    ) -> None:
        self._settings = settings
        self._streams = streams
        self._server = server
        self._health = watch
        self.tcp_port = 0
        """The port in use; zero where TCP is not."""

    def start(self) -> None:
        """Listen and serve. Raises ``hpcagent.server.listen.ListenError``."""
        if self._settings.unix:
            listen.listen_unix(self._server, self._settings.unix)
        if self._settings.tcp:
            self.tcp_port = listen.listen_tcp(self._server, self._settings.tcp)
        self._health.start()
        self._server.start()

    @property
    def health_looks(self) -> int:
        """How often health has been looked at; it grows twice a second while the server lives."""
        return self._health.looks

    def stop(self, grace: float) -> None:
        """Take no new calls, let those under way end for ``grace`` seconds, cancel the rest."""
        self._health.stop()
        self._streams.end("the agent is about to end; go on with another, or with this one later")
        self._server.stop(grace).wait()


def build(
    settings: config.Server, slurm: Backend | None, tasks: TaskBackend | None = None
) -> Server:
    """Return a server of the agent's services; without a backend its service is left out."""
    streams = Streams(settings.streams, settings.threads)
    server = grpc.server(
        ThreadPoolExecutor(settings.threads, thread_name_prefix="call"),
        interceptors=[Interceptor(AROUNDS, _pools(streams))],
        options=_options(settings),
        maximum_concurrent_rpcs=settings.threads + settings.queue,
    )
    checks: dict[str, Troubles] = {agent.SERVICE.full_name: dict}
    served: list[str] = []
    if slurm is not None:
        batch = SlurmAgent(slurm, settings.max_deadline, streams)
        slurm_agent_pb2_grpc.add_SlurmAgentServicer_to_server(batch, server)
        checks[SLURM_AGENT.full_name] = slurm.troubles
        served += methods.served(SLURM_AGENT, batch)
    if tasks is not None:
        staged = K8sAgent(tasks, settings.max_deadline, streams)
        k8s_agent_pb2_grpc.add_K8sAgentServicer_to_server(staged, server)
        checks[K8S_AGENT.full_name] = tasks.troubles
        served += methods.served(K8S_AGENT, staged)
    agent_pb2_grpc.add_AgentServicer_to_server(Agent(settings, served, slurm, tasks), server)
    watch = Health(checks)
    watch.add_to(server)
    if settings.reflection:
        _add_reflection(server, list(checks))
    return Server(settings, server, watch, streams)


def _pools(streams: Streams) -> Pools:
    """Probes must not wait for a thread when all of them are waiting for a backend.

    Whoever probes would then end an agent that works.
    """
    probes = ThreadPoolExecutor(PROBE_THREADS, thread_name_prefix="probe")

    def pool(method: str) -> ThreadPoolExecutor | None:
        if method.startswith(PROBE):
            return probes
        return streams if method.rpartition("/")[2] in METHODS else None

    return pool


def _add_reflection(server: grpc.Server, services: list[str]) -> None:
    """Let tools such as grpcurl find out what is served, and see connections and calls."""
    channelz.add_channelz_servicer(server)
    names = [*services, health.SERVICE_NAME, CHANNELZ, reflection.SERVICE_NAME]
    reflection.enable_server_reflection(names, server)


def _options(settings: config.Server) -> list[tuple[str, Any]]:
    return [
        # Else a second daemon could listen on the same port and take every other connection.
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", settings.max_request_bytes),
        # Answers are bounded by the size of a page.
        ("grpc.max_send_message_length", -1),
        ("grpc.enable_channelz", int(settings.reflection)),
        # Find dead connections in less than 90 s, and be patient with clients that look for dead
        # servers: with gRPC's default of 5 min they would be told to go away.
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", 20_000),
    ]
