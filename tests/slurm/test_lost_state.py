"""A slurmctld that has lost its state gives the numbers of its jobs again, to others."""

import shutil
from pathlib import Path

import pytest
from fix_daemon import running
from slurm.bell import bell
from slurm.caller import DEADLINE, Caller, fresh
from slurm_commands import command, wait_until

from hpcagent.sandbox import Sandbox
from hpcagent.v1.job_pb2 import (
    JOB_SOURCE_LIVE,
    JOB_STATE_CANCELLED,
    JOB_STATE_FAILED,
    JOB_STATE_PENDING,
    JOB_STATE_RUNNING,
    JOB_STATE_UNKNOWN,
    Job,
    JobId,
    JobState,
)
from hpcagent.v1.job_requests_pb2 import CancelJobRequest, JobFilter

ALICE = {"user": "alice", "user_id": None, "group": None, "group_id": None}


def lose_everything(sandbox: Sandbox) -> None:
    """Let slurmctld begin with nothing."""
    sandbox.slurmctld.stop()
    state = sandbox.directory / "state"
    shutil.rmtree(state)
    state.mkdir()
    sandbox.slurmctld.start()


def submit_as_bob(sandbox: Sandbox) -> JobId:
    argv = ("sbatch", "--parsable", "--uid=bob", "--gid=bob", "--hold", "--wrap=true")
    return JobId(id=command(sandbox, *argv).stdout.strip())


def as_told(job: Job) -> tuple[str, int, int, str]:
    """What a scheduler goes by: which job, how it is, and whose it is."""
    return (job.job_id.id, job.state, job.exit_status.code, job.user)


@pytest.mark.parametrize(
    ("cluster", "end"),
    [
        ("private_sandbox", JOB_STATE_UNKNOWN),
        # slurmctld tells slurmdbd that what ran before its cold start is cancelled.
        ("private_accounting_sandbox", JOB_STATE_CANCELLED),
    ],
)
def test_no_job_is_taken_for_another_one_of_the_same_number(
    cluster: str, end: JobState.ValueType, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    sandbox: Sandbox = request.getfixturevalue(cluster)
    settings = {"state": {"directory": str(tmp_path)}, "slurm": {"settle_interval": 3600}}
    failed, ran, new = fresh("failed"), fresh("ran"), fresh("new")
    with running(sandbox, settings) as daemon, bell() as rung:
        daemon.wait_until_serving()
        caller = Caller(daemon.stub)
        first = caller.run("exit 3", {**ALICE, "request_id": failed})
        second = caller.run(f"echo > {rung.path}\nexec sleep 600", {**ALICE, "request_id": ran})
        caller.wait(first, JOB_STATE_FAILED)
        rung.wait()
        assert caller.get(second).state == JOB_STATE_RUNNING
        lose_everything(sandbox)
        daemon.wait_until_serving()
        assert as_told(caller.get(first)) == (first.id, JOB_STATE_FAILED, 3, "alice")
        wait_until(lambda: caller.get(second).state == end, "the end is known")
        assert submit_as_bob(sandbox).id == first.id
        assert caller.hold({**ALICE, "request_id": new}).id == second.id
        # Who asks by the number gets what it means now, and sees whose it is.
        now = caller.get(first)
        assert as_told(now) == (first.id, JOB_STATE_PENDING, 0, "bob")
        assert (now.source, now.request_id) == (JOB_SOURCE_LIVE, "")
        assert caller.get(second).request_id == new
        # Who asks by the request gets its own job, and cancels no other.
        assert as_told(caller.made_by(failed)) == (first.id, JOB_STATE_FAILED, 3, "alice")
        assert as_told(caller.made_by(ran)) == (second.id, JOB_STATE_UNKNOWN, 0, "alice")
        mine = CancelJobRequest(filter=JobFilter(request_ids=[failed, ran]))
        assert not caller.stub.CancelJob(mine, timeout=DEADLINE).results
        caller.cancel(caller.made_by(new).job_id)
        assert caller.made_by(new).state == JOB_STATE_CANCELLED
