"""The daemon does its work with the privileges that the shipped unit leaves it, and no others."""

import os
import re
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
import tree
from grpc_health.v1 import health_pb2, health_pb2_grpc

from hpcagent.sandbox import Sandbox
from hpcagent.v1.job_pb2 import JobState
from hpcagent.v1.job_requests_pb2 import CancelJobRequest, GetJobRequest
from hpcagent.v1.slurm_agent_pb2 import CreateWorkDir, SubmitJobRequest
from hpcagent.v1.slurm_agent_pb2_grpc import SlurmAgentStub

UNIT = (tree.ROOT / "systemd/hpcagent.service").read_text()
PATIENCE = 30.0
"""Seconds that any one step may take."""


def confined() -> list[str]:
    """The command that starts another one with what the unit leaves a root: setpriv(1)."""
    names = " ".join(re.findall(r"^CapabilityBoundingSet=(.*)$", UNIT, re.MULTILINE)).split()
    bounding = ["-all", *(f"+{name.removeprefix('CAP_').lower()}" for name in names)]
    return ["setpriv", f"--bounding-set={','.join(bounding)}", "--inh-caps=-all", "--no-new-privs"]


def wait_until_it_serves(channel: grpc.Channel) -> None:
    """Return once slurmctld has answered the daemon."""
    request = health_pb2.HealthCheckRequest(service="hpcagent.v1.SlurmAgent")
    for answer in health_pb2_grpc.HealthStub(channel).Watch(request, timeout=PATIENCE):
        if answer.status == health_pb2.HealthCheckResponse.SERVING:
            return


@pytest.fixture
def daemon(private_sandbox: Sandbox, short_path: Path) -> Iterator[SlurmAgentStub]:
    """Start a daemon that may do what the unit lets it."""
    address, config, ready = (short_path / name for name in ("socket", "hpcagent.toml", "notify"))
    root = private_sandbox.users[0].home
    config.write_text(
        f'[server]\nunix = "{address}"\n'
        f'[slurm]\nconf = "{private_sandbox.conf}"\nwork_dir_roots = ["{root}"]\n'
    )
    serve = [sys.executable, "-m", "hpcagent.cli", "serve", "--config", str(config)]
    environment = {**os.environ, **private_sandbox.env, "NOTIFY_SOCKET": str(ready)}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(ready))
        notify.settimeout(PATIENCE)
        with subprocess.Popen([*confined(), *serve], env=environment) as process:
            try:
                assert b"READY=1" in notify.recv(4096)
                with grpc.insecure_channel(f"unix:{address}") as channel:
                    wait_until_it_serves(channel)
                    yield SlurmAgentStub(channel)
            finally:
                process.terminate()


def test_two_capabilities_are_enough_to_act_as_any_user(
    daemon: SlurmAgentStub, private_sandbox: Sandbox
) -> None:
    user = private_sandbox.users[0]
    work_dir = Path(user.home, "work")
    request = SubmitJobRequest(
        user_id=user.uid,
        group_id=user.gid,
        name="privileges",
        work_dir=str(work_dir),
        create_work_dir=CreateWorkDir(mode=0o2770),
        script="#!/bin/sh\nsleep 60\n",
        nodes=1,
    )
    submitted = daemon.SubmitJob(request, timeout=PATIENCE)
    made = work_dir.stat()
    assert (made.st_uid, made.st_gid, stat.S_IMODE(made.st_mode)) == (user.uid, user.gid, 0o2770)

    daemon.CancelJob(CancelJobRequest(job_id=submitted.job_id), timeout=PATIENCE)
    job = daemon.GetJob(GetJobRequest(job_id=submitted.job_id), timeout=PATIENCE)
    assert (job.user_id, job.state) == (user.uid, JobState.JOB_STATE_CANCELLED)
