"""The same tests for both services, each on a real cluster."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from contract.sites import Site, batch_job, staged_task
from fix_daemon import Daemon
from fix_task_daemon import TaskDaemon


@pytest.fixture(params=["slurm", "kubernetes"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """SlurmAgent, and K8sAgent; what a test submits there ends with it."""
    made = _slurm(request) if request.param == "slurm" else _kubernetes(request)
    yield made
    for job_id in made.made:
        with contextlib.suppress(grpc.RpcError):
            made.cancel(job_id)
    for output in Path("/tmp").glob("job-*.out"):
        output.unlink(missing_ok=True)


def _slurm(request: pytest.FixtureRequest) -> Site:
    daemon: Daemon = request.getfixturevalue("daemon")
    daemon.wait_until_serving()
    return Site(daemon.stub, batch_job, "999999")


def _kubernetes(request: pytest.FixtureRequest) -> Site:
    daemon: TaskDaemon = request.getfixturevalue("task_daemon")
    return Site(daemon.stub, staged_task, f"{daemon.namespace}/no-such-job")
