"""A deadline of 2 s is kept, and the answer is true, whatever slurmctld does."""

import contextlib
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from fault.proxy import Proxy, proxy
from fault.scheduler import details
from fix_daemon import Daemon, running

from hpcagent import config
from hpcagent.sandbox import Sandbox
from hpcagent.v1 import job_pb2, job_requests_pb2, slurm_agent_pb2

DEADLINE = 2.0
WITHIN = 2.2
"""Seconds, from the request to the answer, as the client sees it."""

PATIENCE = 5.0
"""Seconds within which the agent has sent what it was asked to send."""
BEFORE_CHANNELS = len(("python", "-P", "-m", "module", "conf", "lifeline", "end"))
"""Words of a worker's command line besides its channels; it ends with a NUL, and an empty one."""

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
    with calls_in_flight(private_daemon, ["", "", ""]) as outcomes:
        kill_workers(private_daemon)
    private_daemon.sandbox.slurmctld.resume()
    assert [outcome.reason for outcome in outcomes] == ["SUBMIT_OUTCOME_UNKNOWN"] * 3
    assert all(outcome.seconds < DEADLINE for outcome in outcomes)
    private_daemon.wait_until_serving()
    assert private_daemon.stub.SubmitJob(SUBMISSION, timeout=10).job_id.id


def test_a_job_whose_worker_was_killed_is_found_by_its_request_id(private_daemon: Daemon) -> None:
    with calls_in_flight(private_daemon, ["lost"]) as outcomes:
        kill_workers(private_daemon)
        private_daemon.sandbox.slurmctld.resume()  # it now reads what was sent to it
    made = private_daemon.stub.GetJob(job_requests_pb2.GetJobRequest(request_id="lost"), timeout=10)
    (outcome,) = outcomes
    assert (outcome.job_id, outcome.warnings) in {
        (made.job_id.id, ("FOUND_BY_REQUEST_ID",)),
        ("", ()),  # it had not got that far when it was looked for
    }
    assert outcome.reason in {"", "SUBMIT_OUTCOME_UNKNOWN"}


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


@dataclass(frozen=True)
class Outcome:
    """What a call was told, and after how long."""

    seconds: float
    reason: str = ""
    job_id: str = ""
    warnings: tuple[str, ...] = ()


@contextlib.contextmanager
def calls_in_flight(daemon: Daemon, request_ids: list[str]) -> Iterator[list[Outcome]]:
    """Freeze slurmctld and send it a submission for each id; then wait for their outcomes."""
    outcomes: list[Outcome] = []
    assert daemon.stub.SubmitJob(SUBMISSION, timeout=10).job_id.id  # so that alice is known
    daemon.sandbox.slurmctld.suspend()
    calls = [
        threading.Thread(target=lambda i=i: outcomes.append(submit(daemon, i))) for i in request_ids
    ]
    for call in calls:
        call.start()
    wait_until_sent(daemon, len(calls))
    yield outcomes
    for call in calls:
        call.join()


def submit(daemon: Daemon, request_id: str) -> Outcome:
    """Submit with much time."""
    request = slurm_agent_pb2.SubmitJobRequest()
    request.CopyFrom(SUBMISSION)
    request.request_id = request_id
    begin = time.monotonic()
    try:
        answer = daemon.stub.SubmitJob(request, timeout=30)
    except grpc.RpcError as error:
        return Outcome(time.monotonic() - begin, details(error)[0])
    warnings = tuple(warning.name for warning in answer.warnings)
    return Outcome(time.monotonic() - begin, "", answer.job_id.id, warnings)


def wait_until_sent(daemon: Daemon, count: int) -> None:
    """Wait until the callers' workers have so many connections to slurmctld."""
    port = re.search(r"^SlurmctldPort=(\d+)$", daemon.sandbox.conf.read_text(), re.MULTILINE)
    assert port
    end = time.monotonic() + PATIENCE
    while sum(connections(pid, int(port[1])) for pid in workers(daemon)) < count:
        assert time.monotonic() < end, "the calls were not sent"


def connections(pid: int, port: int) -> int:
    """How many connections to a loopback port a process has."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    to_port = {f"socket:[{line[9]}]" for line in lines if int(line[2].split(":")[1], 16) == port}
    opened = set()
    for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
        with contextlib.suppress(OSError):  # closed in the meantime
            opened.add(str(descriptor.readlink()))
    return len(opened & to_port)


def kill_workers(daemon: Daemon) -> None:
    """End the callers' workers, whatever they do."""
    for pid in workers(daemon):
        os.kill(pid, signal.SIGKILL)


def workers(daemon: Daemon) -> list[int]:
    """The worker processes that callers use: those with as many channels as the setting says.

    The watch over slurmctld has one of its own, with fewer.
    """
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended by itself
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            channels = len((process / "cmdline").read_bytes().split(b"\0")) - BEFORE_CHANNELS
            if parent == daemon.pid and channels == config.Slurm().threads:
                found.append(int(process.name))
    return found
