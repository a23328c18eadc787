"""Ending jobs, as their users."""

import re
from collections.abc import Iterator

import pytest
from fix_daemon import Daemon
from server.refusals import refusal
from slurm.bell import Bell, bell
from slurm.caller import DEADLINE, Caller, job_id
from slurm_commands import job_state, submit

from hpcagent.v1.job_pb2 import (
    JOB_STATE_CANCELLED,
    JOB_STATE_COMPLETED,
    JOB_STATE_PENDING,
    JOB_STATE_RUNNING,
    JobArray,
    JobId,
    JobState,
)
from hpcagent.v1.job_requests_pb2 import CancelJobRequest, CancelJobResponse

ALICE = {"user_id": None, "group_id": None, "user": "alice", "group": None}


@pytest.fixture
def rung() -> Iterator[Bell]:
    with bell() as ours:
        yield ours


def waiting_for(rung: Bell) -> str:
    """A script that says that it runs, and then sleeps."""
    return f"echo > {rung.path}\nexec sleep 60"


def cancel_if(daemon: Daemon, job: JobId, *states: JobState.ValueType) -> CancelJobResponse:
    """Cancel a job in these states only."""
    return daemon.stub.CancelJob(CancelJobRequest(job_id=job, states=states), timeout=DEADLINE)


# ---------------------------------------------------------------------------- what ends


def test_a_job_that_waits_ends_at_once(caller: Caller) -> None:
    job = caller.hold()
    (result,) = caller.cancel(job).results
    assert (result.job_id, result.status.code, list(result.warnings)) == (job, 0, [])
    assert caller.get(job).state == JOB_STATE_CANCELLED


def test_a_job_that_runs_ends_with_its_processes(caller: Caller, rung: Bell) -> None:
    job = caller.run(waiting_for(rung))
    rung.wait()
    caller.cancel(job)
    ended = caller.wait(job, JOB_STATE_CANCELLED)
    assert ended.exit_status.signal == 15
    assert ended.backend_state == "CANCELLED"


def test_a_job_that_has_ended_is_a_warning(caller: Caller) -> None:
    job = caller.run("exit 0")
    caller.wait(job, JOB_STATE_COMPLETED)
    (result,) = caller.cancel(job).results
    assert (result.job_id, result.status.code) == (job, 0)
    assert [(one.name, one.code) for one in result.warnings] == [("ESLURM_ALREADY_DONE", 2021)]
    assert caller.get(job).state == JOB_STATE_COMPLETED


def test_a_job_can_be_cancelled_twice(caller: Caller) -> None:
    job = caller.hold()
    assert not caller.cancel(job).results[0].warnings
    assert caller.cancel(job).results[0].warnings


@pytest.mark.parametrize("unknown", ["4000000", "4000000_1"])
def test_a_job_that_slurmctld_does_not_know_is_not_found(caller: Caller, unknown: str) -> None:
    told = refusal(lambda: caller.cancel(unknown))
    assert (told.code.name, told.reason) == ("NOT_FOUND", "ESLURM_INVALID_JOB_ID")


# ------------------------------------------------------------------------------- arrays


def test_tasks_of_an_array_end_one_by_one_and_all_together(caller: Caller, rung: Bell) -> None:
    array = caller.run(waiting_for(rung), array="0-4%1")
    rung.wait()
    waiting, running = f"{array.id}_2", f"{array.id}_0"
    assert caller.cancel(waiting).results[0].job_id.id == waiting
    assert caller.get(array).array == JobArray(
        array_job_id=array.job_id, tasks="1,3-4%1", max_tasks=1
    )
    assert caller.get(running).state == JOB_STATE_RUNNING
    assert caller.cancel(running).results[0].job_id.id == running
    caller.wait(running, JOB_STATE_CANCELLED)
    rung.wait()
    assert caller.get(f"{array.id}_1").state == JOB_STATE_RUNNING
    assert caller.cancel(array).results[0].job_id == array
    assert {job.state for job in caller.jobs(job_ids=[array])} == {JOB_STATE_CANCELLED}


def test_a_task_that_an_array_does_not_have_is_not_found(caller: Caller) -> None:
    array = caller.hold(array="0-3")
    told = refusal(lambda: caller.cancel(f"{array.id}_4"))
    assert told.code.name == "NOT_FOUND"
    assert caller.get(array).array.tasks == "0-3"


# ------------------------------------------------------------------------------- states


def test_only_a_job_in_a_given_state_ends(daemon: Daemon, caller: Caller) -> None:
    job = caller.hold()
    told = refusal(lambda: cancel_if(daemon, job, JOB_STATE_RUNNING, JOB_STATE_COMPLETED))
    assert (told.code.name, told.reason) == ("FAILED_PRECONDITION", "JOB_STATE")
    assert caller.get(job).state == JOB_STATE_PENDING
    assert cancel_if(daemon, job, JOB_STATE_RUNNING, JOB_STATE_PENDING).results[0].job_id == job
    assert caller.get(job).state == JOB_STATE_CANCELLED


def test_no_task_of_an_array_ends_in_another_state(
    daemon: Daemon, caller: Caller, rung: Bell
) -> None:
    array = caller.run(waiting_for(rung), array="0-1%1")
    rung.wait()
    for state in (JOB_STATE_PENDING, JOB_STATE_RUNNING):
        told = refusal(lambda: cancel_if(daemon, array, state))  # noqa: B023
        assert (told.code.name, told.reason) == ("FAILED_PRECONDITION", "JOB_STATE")
    assert caller.get(f"{array.id}_0").state == JOB_STATE_RUNNING
    assert caller.get(f"{array.id}_1").state == JOB_STATE_PENDING
    cancel_if(daemon, array, JOB_STATE_PENDING, JOB_STATE_RUNNING)
    assert {job.state for job in caller.jobs(job_ids=[array])} == {JOB_STATE_CANCELLED}


# --------------------------------------------------------------------------- whose right


def test_slurmctld_is_asked_by_the_jobs_user(daemon: Daemon, caller: Caller) -> None:
    """So it is that user's right which it judges, and not the agent's."""
    job = caller.hold(ALICE)
    caller.cancel(job)
    log = (daemon.sandbox.directory / "log" / "slurmctld.log").read_text()
    asked = re.findall(rf"REQUEST_KILL_JOB JobId={job.id} uid (\d+)", log)
    assert asked == ["2001"]


def test_a_job_of_roots_is_left_alone(daemon: Daemon, caller: Caller) -> None:
    number = submit(daemon.sandbox, "true", "--hold")
    told = refusal(lambda: caller.cancel(str(number)))
    assert (told.code.name, told.reason) == ("PERMISSION_DENIED", "USER_NOT_SERVED")
    assert told.violations == {"job_id": "USER_NOT_SERVED"}
    assert job_state(daemon.sandbox, number) == "PENDING"


def test_a_job_of_somebody_elses_client_is_cancelled_as_its_user(
    daemon: Daemon, caller: Caller
) -> None:
    """The agent did not submit it, and need not know it."""
    number = submit(daemon.sandbox, "true", "--hold", "--uid=bob", "--gid=bob")
    assert caller.cancel(job_id(str(number))).results[0].job_id.job_id == number
    assert job_state(daemon.sandbox, number) == "CANCELLED"
