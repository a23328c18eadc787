"""What is told of one job."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fix_daemon import Daemon
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from server.refusals import refusal
from slurm.bell import Bell, bell
from slurm.caller import Caller, job_id

from hpcagent.v1.job_pb2 import (
    JOB_REASON_CATEGORY_BEGIN_TIME,
    JOB_REASON_CATEGORY_DEPENDENCY,
    JOB_REASON_CATEGORY_HELD,
    JOB_REASON_CATEGORY_JOB,
    JOB_SOURCE_LIVE,
    JOB_STATE_COMPLETED,
    JOB_STATE_FAILED,
    JOB_STATE_PENDING,
    JOB_STATE_RUNNING,
    ExitStatus,
    Job,
    JobArray,
    JobId,
    JobReason,
    JobState,
)
from hpcagent.v1.job_requests_pb2 import GetJobRequest, JobFilter, ListJobsRequest

MIB = 1 << 20


@pytest.fixture
def rung() -> Iterator[Bell]:
    with bell() as ours:
        yield ours


# -------------------------------------------------------------------------------- one job


def test_a_job_that_waits_is_told_as_it_was_asked_for(caller: Caller) -> None:
    asked = {
        "comment": "a b", "account": "physics", "qos": "normal", "nice": 5, "requeue": False,
        "time": {"value": "5400s"}, "ntasks": 4, "mem_bytes": str(512 * MIB), "error": "err/%j",
        "constraint": "fast|slow",
    }  # fmt: skip
    job = caller.get(caller.hold({"nodes": 2, "name": "asked for"}, **asked))
    assert (job.user_id, job.user, job.group_id, job.group) == (
        1870, "nscc-gz_jiangli", 1884, "nscc-gz",
    )  # fmt: skip
    assert (job.name, job.partition, job.account) == ("asked for", "power", "physics")
    assert (job.comment, job.nice, job.requeue) == ("a b", 5, False)
    assert (job.nodes, job.ntasks, job.features) == (2, 4, "fast|slow")
    assert job.time_limit.value == Duration(seconds=5400)
    tres = {f"{one.type}/{one.name}".rstrip("/"): one.count for one in job.requested_tres}
    assert tres["mem"] == 2 * 512 * MIB
    assert (job.work_dir, job.std_out, job.std_err) == ("/tmp", "/dev/null", "/tmp/err/%j")
    assert (job.state, job.backend_state) == (JOB_STATE_PENDING, "PENDING")
    assert (job.reason.name, job.reason.category) == ("JobHeldUser", JOB_REASON_CATEGORY_HELD)
    for unset in ("exit_status", "start_time", "end_time", "array", "het_job"):
        assert not job.HasField(unset)
    assert job.source == JOB_SOURCE_LIVE
    assert job.submit_time.seconds <= job.as_of_time.seconds


def test_a_job_that_runs_tells_where_and_since_when(caller: Caller, rung: Bell) -> None:
    job_id = caller.run(f"echo > {rung.path}\nexec sleep 60", time={"value": "3600s"})
    rung.wait()
    job = caller.get(job_id)
    assert (job.state, job.backend_state) == (JOB_STATE_RUNNING, "RUNNING")
    assert job.batch_host == job.node_list
    assert job.node_list in {"node1", "node2"}
    assert job.end_time.seconds == job.start_time.seconds + 3600
    assert {one.type for one in job.allocated_tres} >= {"cpu", "mem", "node"}
    assert not job.HasField("exit_status")
    assert not job.HasField("reason")


ENDS: Mapping[str, tuple[JobState.ValueType, ExitStatus]] = {
    "exit 0": (JOB_STATE_COMPLETED, ExitStatus()),
    "exit 3": (JOB_STATE_FAILED, ExitStatus(code=3)),
    "kill -9 $$": (JOB_STATE_FAILED, ExitStatus(signal=9)),
}
"""Scripts, and how their jobs end."""


def test_how_a_job_ended_is_told(caller: Caller) -> None:
    jobs = {script: caller.run(script) for script in ENDS}
    for script, (state, status) in ENDS.items():
        job = caller.wait(jobs[script], state)
        assert job.exit_status == status
        assert job.start_time.seconds <= job.end_time.seconds <= job.as_of_time.seconds
    reason = caller.get(jobs["exit 3"]).reason
    assert (reason.name, reason.category) == ("NonZeroExitCode", JOB_REASON_CATEGORY_JOB)


@pytest.mark.parametrize(
    ("options", "reason", "category"),
    [
        ({"begin": "2033-05-18T03:33:20Z"}, "BeginTime", JOB_REASON_CATEGORY_BEGIN_TIME),
        ({"hold": True}, "JobHeldUser", JOB_REASON_CATEGORY_HELD),
    ],
)
def test_why_a_job_waits_is_told(
    options: dict[str, Any], reason: str, category: int, caller: Caller
) -> None:
    job = caller.get(caller.run("exit 0", **options))
    assert (job.reason.name, job.reason.category) == (reason, category)


def test_a_dependency_is_told_until_it_is_met(caller: Caller) -> None:
    first = caller.hold()
    terms = {"terms": [{"type": "TYPE_AFTERANY", "jobs": [{"id": first.id}]}]}
    second = caller.run("exit 0", dependency={"terms": terms})
    job = caller.get(second)
    assert job.dependency == f"afterany:{first.id}(unfulfilled)"
    assert (job.reason.name, job.reason.category) == ("Dependency", JOB_REASON_CATEGORY_DEPENDENCY)
    caller.cancel(first)
    assert caller.wait(second, JOB_STATE_COMPLETED).dependency == ""


def test_a_job_that_slurmctld_does_not_know_is_not_found(caller: Caller) -> None:
    for unknown in ("4000000", "4000000_1"):
        told = refusal(lambda wanted=unknown: caller.get(wanted))  # type: ignore[misc]
        assert (told.code.name, told.reason) == ("NOT_FOUND", "ESLURM_INVALID_JOB_ID")


def test_a_read_mask_shows_what_it_names(daemon: Daemon, caller: Caller) -> None:
    wanted = caller.hold()
    mask = FieldMask(paths=["job_id.id", "state", "reason.name"])
    shown = daemon.stub.GetJob(GetJobRequest(job_id=wanted, read_mask=mask))
    assert shown == Job(
        job_id=JobId(id=wanted.id), state=JOB_STATE_PENDING, reason=JobReason(name="JobHeldUser")
    )
    listed = daemon.stub.ListJobs(
        ListJobsRequest(filter=JobFilter(job_ids=[wanted]), read_mask=mask)
    )
    assert list(listed.jobs) == [shown]


# ------------------------------------------------------------------------------ array jobs


def test_an_array_is_told_whole_and_by_task(caller: Caller, rung: Bell) -> None:
    array = caller.run(f"echo > {rung.path}\nexec sleep 60", array="0-3%1")
    rung.wait()
    whole, running, waiting = (caller.get(f"{array.id}{task}") for task in ("", "_0", "_2"))
    assert (whole.job_id, whole.state) == (array, JOB_STATE_PENDING)
    assert whole.array == JobArray(array_job_id=array.job_id, tasks="1-3%1", max_tasks=1)
    assert (running.job_id.id, running.state) == (f"{array.id}_0", JOB_STATE_RUNNING)
    assert (running.job_id.job_id, running.job_id.array_task_id) == (array.job_id, 0)
    assert running.raw_job_id != whole.raw_job_id
    assert caller.get(str(running.raw_job_id)).job_id == running.job_id
    assert (waiting.job_id.id, waiting.state) == (f"{array.id}_2", JOB_STATE_PENDING)
    assert refusal(lambda: caller.get(f"{array.id}_4")).code.name == "NOT_FOUND"
    assert caller.ids(job_ids=[array]) == [array.id, f"{array.id}_0"]
    assert caller.ids(job_ids=[job_id(f"{array.id}_0")]) == [f"{array.id}_0"]
    assert caller.ids(job_ids=[job_id(f"{array.id}_3")]) == [array.id]
