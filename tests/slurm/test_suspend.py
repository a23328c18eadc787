"""Suspending and resuming jobs: an operator's right, which the agent uses only where it may."""

from collections.abc import Iterator

import pytest
from fix_daemon import Daemon, running
from server.refusals import refusal
from slurm.bell import Bell, bell
from slurm.caller import DEADLINE, Caller, calling, job_id
from slurm_commands import command, submit

from hpcagent.sandbox import Sandbox
from hpcagent.v1.job_pb2 import (
    JOB_STATE_COMPLETED,
    JOB_STATE_RUNNING,
    JOB_STATE_SUSPENDED,
    JobId,
)
from hpcagent.v1.job_requests_pb2 import JobResult, ResumeJobRequest, SuspendJobRequest


@pytest.fixture(scope="module")
def operator(sandbox: Sandbox) -> Iterator[Daemon]:
    """A daemon that may suspend with its own right."""
    with running(sandbox, {"policy": {"suspend_as_agent": True}}) as daemon:
        daemon.wait_until_serving()
        yield daemon


@pytest.fixture
def chief(operator: Daemon) -> Iterator[Caller]:
    """A caller of that daemon, whose jobs end with the test: there is not room for those of all."""
    with calling(operator.stub) as ours:
        yield ours


@pytest.fixture
def rung() -> Iterator[Bell]:
    with bell() as ours:
        yield ours


def sleeping(rung: Bell) -> str:
    """A script that says that it runs, and then sleeps."""
    return f"echo > {rung.path}\nexec sleep 60"


def suspend(caller: Caller, job: JobId) -> list[JobResult]:
    return list(caller.stub.SuspendJob(SuspendJobRequest(job_id=job), timeout=DEADLINE).results)


def resume(caller: Caller, job: JobId) -> list[JobResult]:
    return list(caller.stub.ResumeJob(ResumeJobRequest(job_id=job), timeout=DEADLINE).results)


def told(results: list[JobResult]) -> list[tuple[str, int, list[str]]]:
    return [(one.job_id.id, one.status.code, [w.name for w in one.warnings]) for one in results]


def test_a_user_has_no_right_to_it(caller: Caller, rung: Bell) -> None:
    job = caller.run(sleeping(rung))
    rung.wait()
    refused = refusal(lambda: suspend(caller, job))
    assert (refused.code.name, refused.reason) == ("PERMISSION_DENIED", "ESLURM_ACCESS_DENIED")
    assert caller.get(job).state == JOB_STATE_RUNNING


def test_a_user_cannot_resume_what_an_operator_has_suspended(
    daemon: Daemon, caller: Caller, rung: Bell
) -> None:
    job = caller.run(sleeping(rung))
    rung.wait()
    command(daemon.sandbox, "scontrol", "suspend", job.id)
    refused = refusal(lambda: resume(caller, job))
    assert (refused.code.name, refused.reason) == ("PERMISSION_DENIED", "ESLURM_ACCESS_DENIED")
    assert caller.get(job).state == JOB_STATE_SUSPENDED


def test_a_job_is_suspended_and_goes_on(chief: Caller, rung: Bell) -> None:
    job = chief.run(sleeping(rung))
    rung.wait()
    assert told(suspend(chief, job)) == [(job.id, 0, [])]
    assert chief.get(job).state == JOB_STATE_SUSPENDED
    assert told(suspend(chief, job)) == [(job.id, 0, ["ESLURM_JOB_SUSPENDED"])]
    assert told(resume(chief, job)) == [(job.id, 0, [])]
    assert chief.get(job).state == JOB_STATE_RUNNING
    assert told(resume(chief, job)) == [(job.id, 0, ["ESLURM_JOB_NOT_SUSPENDED"])]


def test_a_job_that_does_not_run_can_be_neither(chief: Caller) -> None:
    waiting, ended = chief.hold(), chief.run("exit 0")
    chief.wait(ended, JOB_STATE_COMPLETED)
    for verb in (suspend, resume):
        for job, reason in ((waiting, "ESLURM_JOB_PENDING"), (ended, "ESLURM_ALREADY_DONE")):
            refused = refusal(lambda: verb(chief, job))  # noqa: B023 - called at once
            assert (refused.code.name, refused.reason) == ("FAILED_PRECONDITION", reason)


def test_of_an_array_each_task_has_its_own_outcome(chief: Caller, rung: Bell) -> None:
    array = chief.run(sleeping(rung), array="0-3%2")
    rung.wait(2)
    zero, one = f"{array.id}_0", f"{array.id}_1"
    assert told(suspend(chief, job_id(zero))) == [(zero, 0, [])]
    assert told(suspend(chief, array)) == [
        (array.id, 9, []),
        (zero, 0, ["ESLURM_JOB_SUSPENDED"]),
        (one, 0, []),
    ]
    assert told(resume(chief, job_id(one))) == [(one, 0, [])]
    assert told(resume(chief, array)) == [
        (array.id, 9, []),
        (zero, 0, []),
        (one, 0, ["ESLURM_JOB_NOT_SUSPENDED"]),
    ]


def test_the_last_task_to_start_is_suspended_without_the_others(chief: Caller, rung: Bell) -> None:
    """It has the array's own number, by which slurmctld would suspend all of them."""
    array = chief.run(sleeping(rung), array="0-1")
    rung.wait(2)
    zero, last = f"{array.id}_0", f"{array.id}_1"
    assert chief.get(last).raw_job_id == array.job_id
    assert told(suspend(chief, job_id(last))) == [(last, 0, [])]
    assert [chief.get(one).state for one in (zero, last)] == [
        JOB_STATE_RUNNING, JOB_STATE_SUSPENDED,
    ]  # fmt: skip
    assert told(suspend(chief, array)) == [(array.id, 0, ["ESLURM_JOB_SUSPENDED"]), (zero, 0, [])]
    assert told(resume(chief, job_id(last))) == [(last, 0, [])]
    assert [chief.get(one).state for one in (zero, last)] == [
        JOB_STATE_SUSPENDED, JOB_STATE_RUNNING,
    ]  # fmt: skip


def test_a_heterogeneous_job_is_suspended_as_a_whole_only(operator: Daemon, chief: Caller) -> None:
    argv = ("sbatch", "--parsable", "--uid=bob", "--gid=bob", "--output=/dev/null")
    made = command(operator.sandbox, *argv, "-n1", "--wrap=exec sleep 60", ":", "-n1")
    whole = JobId(id=made.stdout.strip())
    try:
        chief.wait(whole, JOB_STATE_RUNNING)
        refused = refusal(lambda: suspend(chief, job_id(f"{whole.id}+1")))
        assert refused.reason == "ESLURM_NOT_WHOLE_HET_JOB"
        assert told(suspend(chief, whole)) == [(whole.id, 0, [])]
        assert chief.get(f"{whole.id}+1").state == JOB_STATE_SUSPENDED
        refused = refusal(lambda: resume(chief, job_id(f"{whole.id}+1")))
        assert refused.reason == "ESLURM_NOT_WHOLE_HET_JOB"
        assert told(resume(chief, whole)) == [(whole.id, 0, [])]
        assert chief.get(f"{whole.id}+1").state == JOB_STATE_RUNNING
    finally:
        chief.cancel(whole)


@pytest.mark.parametrize("unknown", ["4000000", "4000000_1"])
def test_a_job_that_slurmctld_does_not_know_is_not_found(chief: Caller, unknown: str) -> None:
    for verb in (suspend, resume):
        found = refusal(lambda: verb(chief, job_id(unknown)))  # noqa: B023 - called at once
        assert found.code.name == "NOT_FOUND"


def test_a_job_of_roots_is_left_alone_although_the_agent_could(
    operator: Daemon, chief: Caller
) -> None:
    number = submit(operator.sandbox, "exec sleep 60")
    try:
        chief.wait(str(number), JOB_STATE_RUNNING)
        refused = refusal(lambda: suspend(chief, job_id(str(number))))
        assert (refused.code.name, refused.reason) == ("PERMISSION_DENIED", "USER_NOT_SERVED")
    finally:
        command(operator.sandbox, "scancel", str(number))
