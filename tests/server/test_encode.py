"""A job in the contract's form."""

import math
from dataclasses import fields, replace

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from hpcagent.jobs import model
from hpcagent.jobs.model import Job, JobId, JobReason, JobState, JobStateFlag
from hpcagent.server.encode import jobs, values
from hpcagent.v1 import job_pb2

SET = Job(
    job_id=JobId(7, array_task_id=0, cluster="c1"),
    state=JobState.RUNNING,
    state_flags=(JobStateFlag.CONFIGURING,),
    backend_state="RUNNING+CONFIGURING",
    as_of_time=1_700_000_000.5,
    request_id="r",
    name="n",
    reason=JobReason("None", "words", "OTHER"),
    exit_status=model.ExitStatus(1, 9, core_dumped=True),
    derived_exit_status=model.ExitStatus(2),
    raw_job_id=9,
    user_id=1870,
    group_id=1884,
    user="u",
    group="g",
    account="a",
    partition="p",
    qos="q",
    reservation="rsv",
    submit_time=1.0,
    eligible_time=2.0,
    start_time=3.0,
    end_time=4.0,
    deadline=5.0,
    time_limit=60.0,
    run_time=1.5,
    node_list="cn[1-2]",
    batch_host="cn1",
    nodes=2,
    cpus=4,
    ntasks=3,
    requested_tres=(model.Tres("cpu", "", 4),),
    allocated_tres=(model.Tres("gres", "gpu:a100", 1),),
    work_dir="/w",
    std_out="/o",
    std_err="/e",
    std_in="/i",
    resolved_std_out="/ro",
    resolved_std_err="/re",
    resolved_std_in="/ri",
    priority=5,
    nice=-3,
    comment="c",
    admin_comment="ac",
    system_comment="sc",
    array=model.JobArray(7, "0-9", 2),
    het_job=model.HetJob(7, 1, "7-8"),
    dependency="afterok:1",
    features="f",
    licenses="l",
    restart_count=1,
    requeue=True,
    source=model.JobSource.ACCOUNTING,
    steps=(
        model.JobStep(
            id="batch",
            name="batch",
            state=JobState.RUNNING,
            exit_status=None,
            start_time=5.0,
            end_time=None,
            ntasks=1,
            node_list="cn1",
            cpu_time=1.5,
            max_rss_bytes=0,
            disk_read_bytes=None,
            disk_write_bytes=None,
        ),
    ),
    kubernetes=model.KubernetesJob(
        kind="Deployment",
        namespace="ns",
        name="t",
        uid="1-2",
        labels={"app": "a"},
        replicas=2,
        ready_replicas=1,
        restart_count=3,
        pods=("t-1", "t-2"),
        endpoints={"web": "t.ns:8888"},
    ),
    manifest="kind: Deployment\n",
)
BARE = Job(job_id=JobId(7), state=JobState.PENDING, backend_state="PENDING", as_of_time=0.0)


def test_everything_that_the_domain_knows_of_a_job_is_told() -> None:
    told = {field.name for field, _ in jobs.job(SET).ListFields()}
    assert told == {field.name for field in fields(Job)}


def test_every_field_of_the_contract_is_told() -> None:
    told = {field.name for field in fields(Job)}
    named = {field.name for field in job_pb2.Job.DESCRIPTOR.fields}
    assert named == told


def test_a_job_has_the_forms_that_the_contract_promises() -> None:
    job = jobs.job(SET)
    assert job.job_id == job_pb2.JobId(cluster="c1", id="7_0", job_id=7, array_task_id=0)
    assert job.state == job_pb2.JOB_STATE_RUNNING
    assert job.state_flags == [job_pb2.JOB_STATE_FLAG_CONFIGURING]
    assert job.reason.category == job_pb2.JOB_REASON_CATEGORY_OTHER
    assert job.exit_status == job_pb2.ExitStatus(code=1, signal=9, core_dumped=True)
    assert job.as_of_time == Timestamp(seconds=1_700_000_000, nanos=500_000_000)
    assert job.time_limit.value == Duration(seconds=60)
    assert job.run_time == Duration(seconds=1, nanos=500_000_000)
    assert job.allocated_tres == [job_pb2.Tres(type="gres", name="gpu:a100", count=1)]
    assert job.array == job_pb2.JobArray(array_job_id=7, tasks="0-9", max_tasks=2)
    assert job.het_job == job_pb2.HetJob(het_job_id=7, offset=1, id_set="7-8")
    assert job.source == job_pb2.JOB_SOURCE_ACCOUNTING


def test_what_only_kubernetes_knows_of_a_job_is_told_whole() -> None:
    assert jobs.job(SET).kubernetes == job_pb2.KubernetesJob(
        kind="Deployment",
        namespace="ns",
        name="t",
        uid="1-2",
        labels={"app": "a"},
        replicas=2,
        ready_replicas=1,
        restart_count=3,
        pods=["t-1", "t-2"],
        endpoints={"web": "t.ns:8888"},
    )


@pytest.mark.parametrize(
    "name",
    [
        "reason",
        "exit_status",
        "submit_time",
        "end_time",
        "time_limit",
        "array",
        "het_job",
        "kubernetes",
    ],
)
def test_what_is_not_known_is_left_unset(name: str) -> None:
    assert name not in {field.name for field, _ in jobs.job(BARE).ListFields()}


def test_unlimited_is_said_in_words() -> None:
    job = jobs.job(replace(BARE, time_limit=math.inf))
    assert job.time_limit.WhichOneof("limit") == "unlimited"


@pytest.mark.parametrize("state", JobState)
def test_every_state_of_the_domain_has_its_name_in_the_contract(state: JobState) -> None:
    assert job_pb2.JobState.Value(f"JOB_STATE_{state.name}")


@pytest.mark.parametrize("flag", JobStateFlag)
def test_every_flag_of_the_domain_has_its_name_in_the_contract(flag: JobStateFlag) -> None:
    assert job_pb2.JobStateFlag.Value(f"JOB_STATE_FLAG_{flag.name}")


def test_bytes_that_were_no_utf8_do_not_cost_the_answer() -> None:
    assert values.text(b"caf\xe9 \xc3\xa9".decode(errors="surrogateescape")) == "caf\ufffd \u00e9"


def test_a_moment_keeps_its_fraction_and_may_lie_before_the_epoch() -> None:
    assert values.timestamp(-0.5) == Timestamp(seconds=-1, nanos=500_000_000)
