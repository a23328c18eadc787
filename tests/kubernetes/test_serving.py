"""The daemon with Kubernetes and without Slurm, or the other way round."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fix_daemon import hpcagent, toml
from fix_kubernetes import Agent
from fix_task_daemon import CLUSTER, SERVICE, TaskDaemon, settings_for
from grpc_health.v1 import health_pb2, health_pb2_grpc
from kubernetes_tasks import PATIENCE

from hpcagent.v1 import agent_pb2, agent_pb2_grpc


def test_an_agent_for_kubernetes_alone_serves_it_and_nothing_of_slurm(
    task_daemon: TaskDaemon,
) -> None:
    info = agent_pb2_grpc.AgentStub(task_daemon.channel).GetAgentInfo(
        agent_pb2.GetAgentInfoRequest(), timeout=PATIENCE
    )
    assert list(info.kubernetes.clusters) == [CLUSTER]
    assert info.kubernetes.client_version.startswith("37.")
    assert not info.HasField("slurm")
    assert not any("SlurmAgent" in method for method in info.methods)


def test_a_cluster_that_cannot_be_reached_is_told_by_health_and_by_its_name(
    shared_agent: Agent, start_task_daemon: Callable[..., TaskDaemon]
) -> None:
    settings = settings_for(shared_agent)
    settings["kubernetes"]["clusters"][CLUSTER]["server"] = "https://127.0.0.1:1"
    daemon = start_task_daemon(settings)
    entry = daemon.log.wait_for("not_serving", service=SERVICE)
    assert CLUSTER in entry["troubles"]
    asked = health_pb2.HealthCheckRequest(service=SERVICE)
    answer = health_pb2_grpc.HealthStub(daemon.channel).Check(asked, timeout=PATIENCE)
    assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING


def test_the_daemon_ends_well(
    shared_agent: Agent, start_task_daemon: Callable[..., TaskDaemon]
) -> None:
    assert start_task_daemon(settings_for(shared_agent)).stop() == 0


MODULES = "import sys, json, hpcagent.daemon; print(json.dumps(sorted(sys.modules)))"


def test_a_daemon_without_kubernetes_does_not_load_its_client() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", MODULES], capture_output=True, text=True, check=True
    )
    assert not {"kubernetes", "yaml", "urllib3"} & set(json.loads(loaded.stdout))


@pytest.fixture
def without_client(tmp_path: Path) -> str:
    """A directory for PYTHONPATH with which the client library seems not to be installed."""
    (tmp_path / "kubernetes.py").write_text("raise ModuleNotFoundError(\"No module 'kubernetes'\")")
    return str(tmp_path)


@pytest.mark.parametrize("command", ["serve", "check"])
def test_a_client_library_that_is_missing_is_a_misconfiguration(
    command: str, shared_agent: Agent, without_client: str, tmp_path: Path
) -> None:
    file = tmp_path / "hpcagent.toml"
    file.write_text(toml({"server": {"unix": f"{tmp_path}/s"}, **settings_for(shared_agent)}))
    said = hpcagent(command, "--config", file, PYTHONPATH=without_client)
    assert said.returncode == os.EX_CONFIG
    assert "No module 'kubernetes'" in said.stdout + said.stderr
