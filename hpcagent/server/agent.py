"""Agent: what the agent is and what it can do."""

import socket
import time
from collections.abc import Sequence
from importlib import metadata

import grpc

from hpcagent import config
from hpcagent.jobs.backend import Backend
from hpcagent.jobs.task_backend import TaskBackend
from hpcagent.server import methods
from hpcagent.server.encode import agents, values
from hpcagent.v1 import agent_pb2, agent_pb2_grpc

SERVICE = agent_pb2.DESCRIPTOR.services_by_name["Agent"]


class Agent(agent_pb2_grpc.AgentServicer):
    """Tells about the agent. ``others`` are the methods of the services beside this one."""

    def __init__(
        self,
        settings: config.Server,
        others: Sequence[str],
        slurm: Backend | None,
        tasks: TaskBackend | None = None,
    ) -> None:
        self._settings = settings
        self._methods = (*methods.served(SERVICE, self), *others)
        self._slurm = slurm
        self._tasks = tasks
        self._start_time = time.time()

    def GetAgentInfo(
        self,
        request: agent_pb2.GetAgentInfoRequest,  # noqa: ARG002 - it has no fields
        context: grpc.ServicerContext,  # noqa: ARG002 - nothing to wait for
    ) -> agent_pb2.GetAgentInfoResponse:
        """Tell what is known at the moment, without asking anybody."""
        slurm = self._slurm.info() if self._slurm else None
        tasks = self._tasks.info() if self._tasks else None
        return agent_pb2.GetAgentInfoResponse(
            agent_version=metadata.version("hpcagent"),
            hostname=socket.gethostname(),
            start_time=values.timestamp(self._start_time),
            methods=self._methods,
            job_options=slurm.job_options if slurm else (),
            slurm=agents.slurm_backend(slurm) if slurm else None,
            kubernetes=agents.kubernetes_backend(tasks) if tasks else None,
            limits=agents.limits(self._settings, slurm),
        )
