"""A scheduler submits 2,000 jobs while everything below the agent dies, freezes and comes back.

What counts is the truth of the answers. "Accepted" is a job that exists, "refused" and "nothing was
sent" is one that does not, "unknown" may be either; each comes within its deadline, and the agent's
process is the same one at the end.
"""

import signal
import time
from collections.abc import Iterator

import pytest
import tree
from fault.scheduler import Answer, Scheduler
from fix_daemon import Daemon
from google.protobuf import json_format

from hpcagent.sandbox import Sandbox
from hpcagent.v1 import job_requests_pb2, slurm_agent_pb2
from hpcagent.v1.slurm_agent_pb2_grpc import SlurmAgentStub

COUNT = 2000
GRACE = 0.2
"""Seconds beyond the deadline that an answer may take to be seen by a client on a busy machine."""
SAVE_INTERVAL = 6.0
"""Seconds that slurmctld may take to write its state, after it has acknowledged a job: what it took
in that time before it is killed outright is lost by Slurm itself (slurmctld state_save.c)."""


@pytest.fixture
def template() -> slurm_agent_pb2.SubmitJobRequest:
    """The original system's request, but for a working directory that is there."""
    text = (tree.ROOT / "examples" / "origin_request.json").read_text()
    request = json_format.Parse(text, slurm_agent_pb2.SubmitJobRequest())
    request.work_dir = "/tmp"
    return request


def test_every_answer_is_true_and_in_time_whatever_dies(
    private_daemon: Daemon, template: slurm_agent_pb2.SubmitJobRequest
) -> None:
    daemon, slurm = private_daemon, private_daemon.sandbox
    pid = daemon.pid
    scheduler = Scheduler(daemon.stub, COUNT, template)
    scheduler.start()
    killed_at = wreak_havoc(slurm, scheduler)
    scheduler.join()
    daemon.wait_until_serving()
    print(dict(scheduler.tally()))

    assert daemon.pid == pid
    assert daemon.process.poll() is None
    assert len(scheduler.answers) == COUNT
    assert [a for a in scheduler.answers if a.seconds > a.deadline + GRACE] == []

    made = list(made_by(daemon.stub))
    assert len(made) == len(set(made)), "a request made two jobs"
    exists = set(made)
    lost = [a for a in scheduler.answers if a.accepted and a.request_id not in exists]
    print(f"{len(lost)} acknowledged jobs were lost by slurmctld's death")
    assert [a for a in lost if not slurm_lost(a, killed_at)] == []
    denied = [a for a in scheduler.answers if not a.accepted and not a.doubtful]
    assert [a for a in denied if a.request_id in exists] == []
    assert sum(a.accepted for a in scheduler.answers) > COUNT / 2


def wreak_havoc(slurm: Sandbox, scheduler: Scheduler) -> float:
    """Break one thing after another while the stream flows; return when slurmctld was killed."""
    scheduler.wait_for(200)
    slurm.slurmctld.restart()
    scheduler.wait_for(500)
    killed_at = time.monotonic()
    slurm.slurmctld.restart(signal.SIGKILL)
    scheduler.wait_for(900)
    slurm.slurmctld.suspend()
    scheduler.wait_for(950)
    slurm.slurmctld.resume()
    scheduler.wait_for(1200)
    slurm.munged.restart(signal.SIGKILL)
    scheduler.wait_for(1400)
    slurm.munged.stop()
    scheduler.wait_for(1430)
    slurm.munged.start()
    scheduler.wait_for(1700)
    slurm.slurmctld.stop()
    scheduler.wait_for(1730)
    slurm.slurmctld.start()
    return killed_at


def slurm_lost(answer: Answer, killed_at: float) -> bool:
    """Whether slurmctld was killed before it can have saved the job that it had acknowledged."""
    return killed_at - SAVE_INTERVAL <= answer.at <= killed_at + GRACE


def made_by(stub: SlurmAgentStub) -> Iterator[str]:
    """Return the ``request_id`` of every job that slurmctld has."""
    token = ""
    while True:
        request = job_requests_pb2.ListJobsRequest(page_size=1000, page_token=token)
        page = stub.ListJobs(request, timeout=10)
        yield from (job.request_id for job in page.jobs)
        token = page.next_page_token
        if not token:
            return
