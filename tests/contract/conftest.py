"""The same tests for both services, each on a real cluster."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from contract.sites import Site, batch_job, staged_task
from fix_daemon import Daemon, running
from fix_task_daemon import TaskDaemon

from hpcagent.sandbox import Sandbox


@pytest.fixture(scope="module")
def operator(sandbox: Sandbox) -> Iterator[Daemon]:
    """A daemon of Slurm's that may suspend, which Kubernetes' may by its Role."""
    with running(sandbox, {"policy": {"suspend_as_agent": True}}) as daemon:
        daemon.wait_until_serving()
        yield daemon


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
    daemon: Daemon = request.getfixturevalue("operator")
    return Site(
        daemon.stub,
        batch_job,
        unknown="999999",
        not_found=("slurm.hpcagent", "ESLURM_INVALID_JOB_ID"),
        ended=("slurm.hpcagent", "ESLURM_ALREADY_DONE"),
    )


def _kubernetes(request: pytest.FixtureRequest) -> Site:
    daemon: TaskDaemon = request.getfixturevalue("task_daemon")
    return Site(
        daemon.stub,
        staged_task,
        unknown=f"{daemon.namespace}/no-such-job",
        not_found=("hpcagent", "JOB_NOT_FOUND"),
        ended=("hpcagent", "JOB_STATE"),
    )
