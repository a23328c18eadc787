"""Ending every job that matches a filter, each as its own user."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fix_daemon import Daemon
from server.refusals import refusal
from slurm.bell import Bell, bell
from slurm.caller import DEADLINE, Caller, fresh, job_id
from slurm_commands import command, job_state, submit

from hpcagent.v1.job_pb2 import (
    JOB_STATE_CANCELLED,
    JOB_STATE_COMPLETED,
    JOB_STATE_PENDING,
    JOB_STATE_RUNNING,
)
from hpcagent.v1.job_requests_pb2 import CancelJobRequest, JobFilter, JobResult

ALICE = {"user_id": None, "group_id": None, "user": "alice", "group": None}


@pytest.fixture
def rung() -> Iterator[Bell]:
    with bell() as ours:
        yield ours


def cancel(caller: Caller, states: Any = (), **conditions: Any) -> dict[str, JobResult]:  # noqa: ANN401
    """Cancel all that match, and return the results by job."""
    request = CancelJobRequest(filter=JobFilter(**conditions), states=states)
    return {one.job_id.id: one for one in caller.stub.CancelJob(request, timeout=DEADLINE).results}


def test_the_jobs_that_match_end_and_no_others(caller: Caller) -> None:
    name = fresh("batch")
    wanted = [caller.hold({"name": name}), caller.hold({"name": name, **ALICE})]
    other = caller.hold({"name": fresh("other")})
    results = cancel(caller, names=[name])
    assert {job: one.status.code for job, one in results.items()} == {j.id: 0 for j in wanted}
    assert {caller.get(job).state for job in wanted} == {JOB_STATE_CANCELLED}
    assert caller.get(other).state == JOB_STATE_PENDING


def test_each_is_ended_by_its_own_user(daemon: Daemon, caller: Caller) -> None:
    name = fresh("own")
    job = caller.hold({"name": name, **ALICE})
    cancel(caller, names=[name])
    log = (daemon.sandbox.directory / "log" / "slurmctld.log").read_text()
    assert re.findall(rf"REQUEST_KILL_JOB JobId={job.id} uid (\d+)", log) == ["2001"]


def test_a_job_of_roots_is_left_alone_and_the_others_end(daemon: Daemon, caller: Caller) -> None:
    name = fresh("mixed")
    number = submit(daemon.sandbox, "true", "--hold", f"--job-name={name}")
    job = caller.hold({"name": name})
    results = cancel(caller, names=[name])
    assert (results[job.id].status.code, results[str(number)].status.code) == (0, 7)
    assert job_state(daemon.sandbox, number) == "PENDING"
    command(daemon.sandbox, "scancel", str(number))


def test_jobs_that_have_ended_have_no_result(caller: Caller) -> None:
    name = fresh("ended")
    caller.wait(caller.run("exit 0", {"name": name}), JOB_STATE_COMPLETED)
    assert cancel(caller, names=[name]) == {}


def test_only_tasks_in_a_given_state_end(caller: Caller, rung: Bell) -> None:
    name = fresh("tasks")
    array = caller.run(f"echo > {rung.path}\nexec sleep 60", {"name": name}, array="0-4%1")
    rung.wait()
    results = cancel(caller, [JOB_STATE_PENDING], names=[name])
    assert {job: one.status.code for job, one in results.items()} == {array.id: 0}
    assert caller.get(f"{array.id}_0").state == JOB_STATE_RUNNING
    assert caller.get(array).state == JOB_STATE_CANCELLED
    assert set(cancel(caller, names=[name])) == {f"{array.id}_0"}
    caller.wait(f"{array.id}_0", JOB_STATE_CANCELLED)


def test_a_heterogeneous_job_ends_as_a_whole(daemon: Daemon, caller: Caller) -> None:
    name = fresh("het")
    argv = ("sbatch", "--parsable", "--uid=bob", "--gid=bob", "--hold", f"--job-name={name}")
    made = command(daemon.sandbox, *argv, "-n1", "--wrap=true", ":", "-n1", f"--job-name={name}")
    whole = made.stdout.strip()
    results = cancel(caller, names=[name])
    assert {job: one.status.code for job, one in results.items()} == {
        f"{whole}+0": 0,
        f"{whole}+1": 0,
    }
    assert caller.get(f"{whole}+1").state == JOB_STATE_CANCELLED


def test_a_waiting_component_does_not_end_alone(daemon: Daemon, caller: Caller) -> None:
    name = fresh("component")
    argv = ("sbatch", "--parsable", "--uid=bob", "--gid=bob", "--hold", f"--job-name={name}")
    made = command(daemon.sandbox, *argv, "--wrap=true", ":", "-n1", "--partition=debug")
    whole = made.stdout.strip()
    (result,) = cancel(caller, names=[name], partitions=["debug"]).values()
    assert (result.job_id.id, result.status.code) == (f"{whole}+1", 9)
    refused = refusal(lambda: caller.cancel(f"{whole}+1"))
    assert refused.reason == "ESLURM_NOT_WHOLE_HET_JOB"
    assert caller.get(f"{whole}+1").state == JOB_STATE_PENDING
    assert not caller.cancel(whole).results[0].warnings
    assert caller.get(f"{whole}+1").state == JOB_STATE_CANCELLED


def test_of_an_array_that_waits_only_the_tasks_that_were_named_end(caller: Caller) -> None:
    """They have one record with all the others, which matches for their sake."""
    name = fresh("named")
    array = caller.hold({"name": name}, array="0-9%2")
    tasks = [job_id(f"{array.id}_{task}") for task in (2, 7)]
    results = cancel(caller, names=[name], job_ids=tasks)
    assert {job: one.status.code for job, one in results.items()} == {one.id: 0 for one in tasks}
    assert caller.get(array).array.tasks == "0-1,3-6,8-9%2"
    assert set(cancel(caller, job_ids=[tasks[0], array])) == {array.id}
    assert caller.get(array).state == JOB_STATE_CANCELLED
