"""The daemon for tests of K8sAgent: the real `hpcagent serve`, on a real Kubernetes, without Slurm.

Its tasks run as whoever started the tests: the sandbox's nodes run commands as plain processes,
and see no directories of a user's.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from fix_daemon import PATIENCE, Log, Settings, end, toml, wait_until_ready
from fix_kubernetes import Agent, Cluster, new_agent, new_namespace
from grpc_health.v1 import health_pb2, health_pb2_grpc
from unit.k8s.tasks import ORIGIN_FILE

from hpcagent.v1.k8s_agent_pb2_grpc import K8sAgentStub

SERVICE = "hpcagent.v1.K8sAgent"
CLUSTER = "test"


@dataclass(frozen=True)
class TaskDaemon:
    """A daemon that serves one namespace of a cluster, and how it is reached."""

    agent: Agent
    channel: grpc.Channel
    process: subprocess.Popen[bytes]
    log: Log
    config: Path

    @property
    def stub(self) -> K8sAgentStub:
        """A client of K8sAgent."""
        return K8sAgentStub(self.channel)

    @property
    def namespace(self) -> str:
        """Where its tasks are."""
        return self.agent.namespace

    def wait_until_serving(self) -> None:
        """Wait until health says that K8sAgent can work."""
        asked = health_pb2.HealthCheckRequest(service=SERVICE)
        watch = health_pb2_grpc.HealthStub(self.channel).Watch(asked, timeout=PATIENCE)
        for answer in watch:
            if answer.status == health_pb2.HealthCheckResponse.SERVING:
                watch.cancel()
                return

    def stop(self) -> int:
        """Tell it to end, and return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


def settings_for(agent: Agent, profile: Settings | None = None) -> dict[str, Settings]:
    """What a daemon's file has for an account of a cluster."""
    return {
        "slurm": {"enabled": False},
        "kubernetes": {
            "enabled": True,
            "users": "request",
            "clusters": {
                CLUSTER: {
                    "server": agent.access.server,
                    "ca_file": agent.access.ca_file,
                    "token_file": agent.access.token_file,
                }
            },
            "profiles": {
                "default": {
                    "namespace": agent.namespace,
                    "run_as_user": False,
                    "home_volume": "",
                    "partition_node_label": "",
                    **(profile or {}),
                }
            },
            "policy": {"homes": ["/home/{user}"], "allow_image_user": True},
        },
    }


@contextmanager
def serving(agent: Agent, settings: Settings) -> Iterator[TaskDaemon]:
    """Start a daemon, wait until it has told systemd that it is ready, and end it afterwards."""
    home = Path(tempfile.mkdtemp(prefix="hpcagent-daemon-"))  # short, for the unix socket in it
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, home)
        systemd = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        systemd.bind(str(home / "notify"))
        systemd.settimeout(PATIENCE)
        config = home / "hpcagent.toml"
        config.write_text(toml({"server": {"unix": f"{home}/hpcagent.sock"}, **settings}))
        process = subprocess.Popen(
            [sys.executable, "-m", "hpcagent.cli", "serve", "--config", str(config)],
            env={**os.environ, "NOTIFY_SOCKET": str(home / "notify")},
            stderr=subprocess.PIPE,
        )
        assert process.stderr
        log = Log(process.stderr)
        stack.callback(log.close)
        stack.callback(end, process)
        wait_until_ready(process, systemd, log)
        channel = stack.enter_context(grpc.insecure_channel(f"unix:{home}/hpcagent.sock"))
        yield TaskDaemon(agent, channel, process, log, config)


@pytest.fixture(scope="session")
def shared_agent(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    """An account and a namespace for all tests of a worker."""
    with new_namespace(cluster) as name:
        yield new_agent(cluster, name, tmp_path_factory.mktemp("agent"))


@pytest.fixture(scope="session")
def task_daemon(shared_agent: Agent) -> Iterator[TaskDaemon]:
    """A daemon for tests that leave it and its cluster alone."""
    with serving(shared_agent, settings_for(shared_agent)) as shared:
        shared.wait_until_serving()
        yield shared


@pytest.fixture
def start_task_daemon(shared_agent: Agent) -> Iterator[Callable[..., TaskDaemon]]:
    """Starts daemons with settings of the test's choice."""
    with ExitStack() as stack:
        yield lambda settings: stack.enter_context(serving(shared_agent, settings))


@pytest.fixture
def origin_daemon(cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[TaskDaemon]:
    """A daemon with the original site's profile and policy."""
    agent = new_agent(cluster, namespace, tmp_path)
    base, site = settings_for(agent), ORIGIN_FILE["kubernetes"]
    profile = {**site["profiles"]["default"], "namespace": agent.namespace}
    settings = {
        **base,
        "kubernetes": {
            **base["kubernetes"],
            "profiles": {"default": profile},
            "policy": site["policy"],
        },
    }
    with serving(agent, settings) as started:
        started.wait_until_serving()
        yield started
