"""A deadline of 2 s is kept, and the answer is true, whatever slurmctld does."""

import contextlib
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from fault.proxy import Proxy, proxy
from fault.scheduler import details
from fix_daemon import Daemon, running

from hpcagent.sandbox import Sandbox
from hpcagent.v1 import job_pb2, job_requests_pb2, slurm_agent_pb2

DEADLINE = 2.0
WITHIN = 2.2
"""Seconds, from the request to the answer, as the client sees it."""

SUBMISSION = slurm_agent_pb2.SubmitJobRequest(
    user="alice", work_dir="/tmp", script="#!/bin/true\n", request_id="deadline"
)
CALLS: dict[str, Callable[[Daemon], object]] = {
    "SubmitJob": lambda d: d.stub.SubmitJob(SUBMISSION, timeout=DEADLINE),
    "GetJob": lambda d: d.stub.GetJob(
        job_requests_pb2.GetJobRequest(job_id=job_pb2.JobId(id="1")), timeout=DEADLINE
    ),
    "ListJobs": lambda d: d.stub.ListJobs(job_requests_pb2.ListJobsRequest(), timeout=DEADLINE),
    "CancelJob": lambda d: d.stub.CancelJob(
        job_requests_pb2.CancelJobRequest(job_id=job_pb2.JobId(id="1")), timeout=DEADLINE
    ),
}
TRUE_WORDS = {
    "SubmitJob": {"SUBMIT_OUTCOME_UNKNOWN", "SLURMCTLD_UNAVAILABLE"},
    "GetJob": {"DEADLINE_EXCEEDED", "SLURMCTLD_UNAVAILABLE"},
    "ListJobs": {"DEADLINE_EXCEEDED", "SLURMCTLD_UNAVAILABLE"},
    "CancelJob": {"DEADLINE_EXCEEDED", "SLURMCTLD_UNAVAILABLE"},
}


@pytest.mark.parametrize("rpc", CALLS)
def test_it_is_kept_while_slurmctld_is_frozen(private_daemon: Daemon, rpc: str) -> None:
    private_daemon.sandbox.slurmctld.suspend()
    try:
        reason, seconds = timed(private_daemon, rpc)
    finally:
        private_daemon.sandbox.slurmctld.resume()
    assert seconds <= WITHIN
    assert reason in TRUE_WORDS[rpc]


@pytest.mark.parametrize("rpc", CALLS)
def test_it_is_kept_while_packets_to_slurmctld_are_dropped(
    behind_proxy: tuple[Daemon, Proxy], rpc: str
) -> None:
    daemon, between = behind_proxy
    between.swallow()
    reason, seconds = timed(daemon, rpc)
    assert seconds <= WITHIN
    assert reason in TRUE_WORDS[rpc]


def test_a_killed_worker_costs_only_its_calls_and_they_are_told_at_once(
    private_daemon: Daemon,
) -> None:
    slurm, answers = private_daemon.sandbox, []
    slurm.slurmctld.suspend()
    calls = [threading.Thread(target=lambda: answers.append(doubt(private_daemon))) for _ in "abc"]
    for call in calls:
        call.start()
    while any(call.is_alive() for call in calls):
        kill_workers(private_daemon)
        calls[0].join(0.2)
    slurm.slurmctld.resume()
    assert [reason for reason, _ in answers] == ["SUBMIT_OUTCOME_UNKNOWN"] * len(calls)
    assert all(seconds < DEADLINE for _, seconds in answers)
    private_daemon.wait_until_serving()
    assert private_daemon.stub.SubmitJob(SUBMISSION, timeout=10).job_id.id


@pytest.fixture
def behind_proxy(private_sandbox: Sandbox, tmp_path: Path) -> Iterator[tuple[Daemon, Proxy]]:
    """A daemon whose way to slurmctld can be cut."""
    conf = private_sandbox.conf.read_text()
    port = re.search(r"^SlurmctldPort=(\d+)$", conf, re.MULTILINE)
    assert port
    with proxy(int(port[1])) as between:
        own = tmp_path / "slurm.conf"
        own.write_text(conf.replace(port[0], f"SlurmctldPort={between.port}"))
        with running(private_sandbox, {"slurm": {"conf": str(own)}}) as daemon:
            yield daemon, between


def timed(daemon: Daemon, rpc: str) -> tuple[str, float]:
    """Return the reason that a call was given for its failure, and how long it took."""
    begin = time.monotonic()
    with pytest.raises(grpc.RpcError) as failed:
        CALLS[rpc](daemon)
    seconds = time.monotonic() - begin
    return details(failed.value)[0], seconds


def doubt(daemon: Daemon) -> tuple[str, float]:
    """Submit with much time, and return what came of it and how long that took."""
    begin = time.monotonic()
    with pytest.raises(grpc.RpcError) as failed:
        daemon.stub.SubmitJob(SUBMISSION, timeout=30)
    return details(failed.value)[0], time.monotonic() - begin


def kill_workers(daemon: Daemon) -> None:
    """End every worker process of the daemon, whatever it does."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended by itself
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            if parent == daemon.pid:
                os.kill(int(stat.parent.name), signal.SIGKILL)
