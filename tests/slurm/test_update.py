"""Changing jobs, as their users: what slurmctld takes or refuses, and what never reaches it."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fix_daemon import Daemon
from google.protobuf import json_format
from google.protobuf.field_mask_pb2 import FieldMask
from server.refusals import refusal
from slurm.bell import Bell, bell
from slurm.caller import DEADLINE, Caller, job_id
from slurm_commands import command, submit

from hpcagent.v1.job_pb2 import (
    JOB_STATE_COMPLETED,
    JOB_STATE_PENDING,
    JOB_STATE_RUNNING,
    Job,
    JobId,
)
from hpcagent.v1.job_requests_pb2 import JobUpdate, UpdateJobRequest, UpdateJobResponse

ALICE = {"user_id": None, "group_id": None, "user": "alice", "group": None}
FAR = "2099-01-01T00:00:00Z"


@pytest.fixture
def rung() -> Iterator[Bell]:
    with bell() as ours:
        yield ours


def update(
    caller: Caller,
    job: JobId,
    fields: Mapping[str, Any] | None = None,
    cleared: tuple[str, ...] = (),
    *,
    validate_only: bool = False,
    **options: Any,  # noqa: ANN401 - as the messages have them
) -> UpdateJobResponse:
    """Change these fields and options, in JSON's form, and clear those options."""
    wanted = json_format.ParseDict({**(fields or {}), "options": options}, JobUpdate())
    paths = [*(fields or ()), *(f"options.{name}" for name in (*options, *cleared))]
    request = UpdateJobRequest(
        job_id=job, job=wanted, update_mask=FieldMask(paths=paths), validate_only=validate_only
    )
    return caller.stub.UpdateJob(request, timeout=DEADLINE)


def changed(caller: Caller, job: JobId, *arguments: Any, **options: Any) -> Job:  # noqa: ANN401
    """Change a job without a remark, and return it as it is then."""
    answer = update(caller, job, *arguments, **options)
    (result,) = answer.results
    assert (result.job_id, result.status.code, list(result.warnings)) == (job, 0, [])
    assert answer.job.job_id == job
    return answer.job


# --------------------------------------------------------------------- what can be changed


def test_what_a_job_is_called_and_where_it_waits(caller: Caller) -> None:
    job = caller.hold()
    now = changed(caller, job, {"name": "new name", "partition": "debug"}, comment="why")
    assert (now.name, now.partition, now.comment) == ("new name", "debug", "why")


def test_when_and_how_long_it_runs(caller: Caller) -> None:
    job = caller.hold(time={"value": "7200s"})
    now = changed(caller, job, time={"value": "3590s"}, begin=FAR)
    assert now.time_limit.value.seconds == 3600
    assert now.eligible_time.ToJsonString() == FAR
    assert changed(caller, job, {}, ("begin",)).eligible_time.seconds <= time.time() + 1


def test_what_it_gets(caller: Caller) -> None:
    job = caller.hold()
    options = {"nodes": {"min": 1, "max": 2}, "ntasks": 2, "cpus_per_task": 2, "mem_bytes": 1 << 30}
    now = changed(caller, job, **options)
    wanted = {tres.type: tres.count for tres in now.requested_tres}
    assert (now.ntasks, now.cpus, wanted["mem"]) == (2, 4, 1 << 30)


def test_more_tasks_keep_their_processors(caller: Caller) -> None:
    job = caller.hold(ntasks=2, cpus_per_task=3)
    assert caller.get(job).cpus == 6
    now = changed(caller, job, ntasks=4)
    assert (now.ntasks, now.cpus) == (4, 12)


def test_where_it_runs(daemon: Daemon, caller: Caller) -> None:
    def shown() -> str:
        return command(daemon.sandbox, "scontrol", "show", "job", job.id).stdout

    job = caller.hold()
    gpu = [{"name": "gpu", "count": "1"}]
    now = changed(caller, job, constraint="fast", gres=gpu, nodelist="node1", exclude="node2")
    assert now.features == "fast"
    assert "ReqNodeList=node1 ExcNodeList=node2" in shown()
    assert "TresPerNode=gres:gpu:1" in shown()
    now = changed(caller, job, {}, ("constraint", "gres", "nodelist", "exclude"))
    assert now.features == ""
    assert "ReqNodeList=(null) ExcNodeList=(null)" in shown()
    assert "gpu" not in shown()


def test_what_it_waits_for(caller: Caller) -> None:
    first, job = caller.hold(), caller.hold()
    now = changed(caller, job, dependency={"expression": f"afterok:{first.id}"})
    assert now.dependency == f"afterok:{first.id}(unfulfilled)"
    assert changed(caller, job, {}, ("dependency",)).dependency == ""


def test_how_urgent_it_is(caller: Caller) -> None:
    job = caller.run("exit 0", begin=FAR)
    assert changed(caller, job, nice=100).nice == 100
    assert changed(caller, job, {}, ("nice",)).nice == 0


def test_what_becomes_of_it(caller: Caller) -> None:
    job = caller.hold(requeue=False)
    assert changed(caller, job, requeue=True, output="new.out").requeue
    assert caller.get(job).std_out == "/tmp/new.out"


def test_a_comment_can_be_cleared(caller: Caller) -> None:
    job = caller.hold(comment="mine")
    assert changed(caller, job, {}, ("comment",)).comment == ""


def test_a_running_job_can_be_given_less_time(caller: Caller, rung: Bell) -> None:
    job = caller.run(f"echo > {rung.path}\nexec sleep 60", time={"value": "7200s"})
    rung.wait()
    assert changed(caller, job, time={"value": "3600s"}).time_limit.value.seconds == 3600


# ------------------------------------------------------------------ what slurmctld refuses


def test_a_user_cannot_give_a_running_job_more_time(caller: Caller, rung: Bell) -> None:
    job = caller.run(f"echo > {rung.path}\nexec sleep 60", time={"value": "3600s"})
    rung.wait()
    refused = refusal(lambda: update(caller, job, time={"value": "7200s"}))
    assert (refused.code.name, refused.reason) == ("PERMISSION_DENIED", "ESLURM_ACCESS_DENIED")
    assert caller.get(job).time_limit.value.seconds == 3600


def test_a_user_cannot_ask_for_a_negative_nice_value(caller: Caller) -> None:
    job = caller.run("exit 0", begin=FAR)
    refused = refusal(lambda: update(caller, job, nice=-5))
    assert refused.code.name == "PERMISSION_DENIED"
    assert caller.get(job).nice == 0


def test_a_running_job_stays_where_it_is(caller: Caller, rung: Bell) -> None:
    job = caller.run(f"echo > {rung.path}\nexec sleep 60")
    rung.wait()
    refused = refusal(lambda: update(caller, job, {"partition": "debug"}))
    assert (refused.code.name, refused.reason) == ("FAILED_PRECONDITION", "ESLURM_JOB_NOT_PENDING")


def test_a_job_that_has_ended_is_not_changed(caller: Caller) -> None:
    job = caller.run("exit 0")
    caller.wait(job, JOB_STATE_COMPLETED)
    refused = refusal(lambda: update(caller, job, comment="late"))
    assert (refused.code.name, refused.reason) == ("FAILED_PRECONDITION", "ESLURM_JOB_FINISHED")


def test_what_slurmctld_finds_wrong_is_named_by_its_path(caller: Caller) -> None:
    job = caller.hold()
    refused = refusal(lambda: update(caller, job, {"partition": "nowhere"}))
    assert refused.reason == "ESLURM_INVALID_PARTITION_NAME"
    assert refused.violations == {"job.partition": "ESLURM_INVALID_PARTITION_NAME"}
    refused = refusal(lambda: update(caller, job, constraint="nosuch"))
    assert refused.violations == {"job.options.constraint": "ESLURM_INVALID_FEATURE"}


@pytest.mark.parametrize("unknown", ["4000000", "4000000_1", "4000000+1"])
def test_a_job_that_slurmctld_does_not_know_is_not_found(caller: Caller, unknown: str) -> None:
    found = refusal(lambda: update(caller, job_id(unknown), comment="c"))
    assert found.code.name == "NOT_FOUND"


def test_a_job_of_roots_is_left_alone(daemon: Daemon, caller: Caller) -> None:
    number = submit(daemon.sandbox, "true", "--hold")
    refused = refusal(lambda: update(caller, job_id(str(number)), comment="c"))
    assert (refused.code.name, refused.reason) == ("PERMISSION_DENIED", "USER_NOT_SERVED")
    command(daemon.sandbox, "scancel", str(number))


# ---------------------------------------------------------------- what never reaches it


def test_everything_that_cannot_be_changed_is_named_at_once(caller: Caller) -> None:
    job = caller.hold(comment="before")
    options: dict[str, Any] = {
        "comment": "after", "array": "0-3", "exclusive": "EXCLUSIVE_JOB", "hold": True,
        "umask": 18, "no_kill": True, "mem_bytes": "1", "mem_per_cpu_bytes": "1",
        "nice": 2147483647,
    }  # fmt: skip
    refused = refusal(lambda: update(caller, job, {"name": "n" * 1025}, ("time",), **options))
    assert refused.violations == {
        "job.name": "TOO_LONG",
        "job.options.array": "NOT_CHANGEABLE",
        "job.options.exclusive": "NOT_CHANGEABLE",
        "job.options.hold": "NOT_CHANGEABLE",
        "job.options.umask": "NOT_CHANGEABLE",
        "job.options.no_kill": "NOT_CHANGEABLE",
        "job.options.mem_bytes": "CONFLICT",
        "job.options.nice": "OUT_OF_RANGE",
        "job.options.time": "REQUIRED",
    }
    assert caller.get(job).comment == "before"


def test_a_change_that_is_only_checked_changes_nothing(caller: Caller) -> None:
    job = caller.hold(comment="before")
    answer = update(caller, job, validate_only=True, comment="after")
    assert (answer.results[0].status.code, answer.job.comment) == (0, "before")
    assert caller.get(job).comment == "before"


# --------------------------------------------------------------------- arrays, components


def test_a_task_of_an_array_is_changed_alone(caller: Caller) -> None:
    array = caller.hold(array="0-3")
    task = job_id(f"{array.id}_2")
    assert update(caller, task, comment="two").results[0].job_id.id == task.id
    assert caller.get(task).comment == "two"
    assert caller.get(f"{array.id}_1").comment != "two"


def test_of_an_array_the_tasks_that_cannot_be_changed_are_told(caller: Caller, rung: Bell) -> None:
    array = caller.run(f"echo > {rung.path}\nexec sleep 60", array="0-3%1")
    rung.wait()
    answer = update(caller, array, {"partition": "debug"})
    told = [(one.job_id.id, one.status.code) for one in answer.results]
    assert told == [(array.id, 0), (f"{array.id}_0", 9)]
    assert caller.get(f"{array.id}_1").partition == "debug"
    running = caller.get(f"{array.id}_0")
    assert (running.state, running.partition) == (JOB_STATE_RUNNING, "power")


def test_a_component_is_changed_alone_and_a_heterogeneous_job_as_a_whole(
    daemon: Daemon, caller: Caller
) -> None:
    argv = ("sbatch", "--parsable", "--uid=bob", "--gid=bob", "--hold", "-n1", "--wrap=true")
    whole = JobId(id=command(daemon.sandbox, *argv, ":", "-n1").stdout.strip())
    leader, other = (job_id(f"{whole.id}+{offset}") for offset in (0, 1))
    try:
        update(caller, other, comment="one")
        assert [caller.get(one).comment for one in (leader, other)] == ["", "one"]
        assert update(caller, whole, comment="all").results[0].job_id.id == whole.id
        assert [caller.get(one).comment for one in (leader, other)] == ["all", "all"]
        assert caller.get(leader).state == JOB_STATE_PENDING
    finally:
        caller.cancel(whole)
