"""Jobs of the past: told by Slurm's accounting once slurmctld has purged them."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from fix_daemon import Daemon, hpcagent, running
from google.protobuf.field_mask_pb2 import FieldMask
from server.refusals import refusal
from slurm.caller import Caller, fresh, job_id
from slurm_commands import command, wait_until

from hpcagent.sandbox import Sandbox
from hpcagent.v1 import job_pb2
from hpcagent.v1.job_pb2 import (
    JOB_SOURCE_ACCOUNTING,
    JOB_SOURCE_LIVE,
    JOB_STATE_CANCELLED,
    JOB_STATE_COMPLETED,
    JOB_STATE_FAILED,
    JOB_STATE_NODE_FAIL,
    JOB_STATE_PENDING,
    JOB_STATE_RUNNING,
    JOB_STATE_TIMEOUT,
    JOB_STATE_UNKNOWN,
)
from hpcagent.v1.job_requests_pb2 import GetJobRequest, JobFilter, ListJobsRequest

ENDED = (JOB_STATE_COMPLETED, JOB_STATE_FAILED, JOB_STATE_CANCELLED, JOB_STATE_TIMEOUT)
STEPS = FieldMask(paths=["state", "steps"])


def user(name: str) -> dict[str, object]:
    return {"user": name, "user_id": None, "group": None, "group_id": None}


def history(
    daemon: Daemon,
    size: int = 1000,
    **conditions: Any,  # noqa: ANN401 - as the message has it
) -> Iterator[job_pb2.Job]:
    """Every job that matches, those of accounting too, read in pages of a size."""
    wanted, token = JobFilter(**conditions), ""
    while True:
        asked = ListJobsRequest(filter=wanted, page_size=size, page_token=token, history=True)
        page = daemon.stub.ListJobs(asked, timeout=20)
        yield from page.jobs
        token = page.next_page_token
        if not token:
            return


def purged(daemon: Daemon, job: str) -> bool:
    """Whether slurmctld no longer has a job."""
    shown = command(daemon.sandbox, "scontrol", "show", "job", job, check=False)
    return "Invalid job id" in shown.stderr


@dataclass(frozen=True)
class Past:
    """A daemon, and jobs of one name that only accounting still knows."""

    daemon: Daemon
    caller: Caller
    name: str
    failed: str
    bobs: str
    array: str
    het: str
    cancelled: str

    @property
    def ids(self) -> set[str]:
        """All of them, as they are told."""
        return {self.failed, self.bobs, self.cancelled, f"{self.array}_0", f"{self.array}_1",
                f"{self.het}+0", f"{self.het}+1"}  # fmt: skip


@pytest.fixture(scope="module")
def past(accounting_sandbox: Sandbox) -> Iterator[Past]:
    """Jobs of every kind; slurmctld forgets them two seconds after their end."""
    name = fresh("past")
    with Sandbox.up(accounting=True, conf={"MinJobAge": "2"}) as own, running(own) as daemon:
        daemon.wait_until_serving()
        caller = Caller(daemon.stub)
        mine = {"name": name, **user("alice")}
        work = "head -c 50000000 /dev/zero | tail >/dev/null; sleep 2; exit 3"
        failed = caller.run(work, {**mine, "request_id": name}, comment="mine", qos="low")
        bobs = caller.run("exit 0", {"name": name, **user("bob")})
        array = caller.run("exit $SLURM_ARRAY_TASK_ID", mine, array="0-1")
        cancelled = caller.hold(mine)
        caller.cancel(cancelled)
        het = command(
            own, "sbatch", "--parsable", "--uid=alice", "--chdir=/tmp", "-o/dev/null",
            f"--job-name={name}", "-n1", ":", "-n1", "--wrap=exit 0",
        ).stdout.strip()  # fmt: skip
        found = Past(daemon, caller, name, failed.id, bobs.id, array.id, het, cancelled.id)
        for one in (failed.id, bobs.id, array.id, het, cancelled.id):
            wait_until(partial(purged, daemon, one), f"{one} is purged")
        yield found


def accounted(past: Past) -> dict[str, tuple[str, str]]:
    """State and exit code of each in sacct's words."""
    # By number: it shows no job that never became eligible where it is not asked for that.
    numbers = ",".join(one.partition("_")[0].partition("+")[0] for one in past.ids)
    argv = ("sacct", "--allusers", "--allocations", "--noheader", "--parsable2",
            f"--jobs={numbers}", "--format=JobID,State,ExitCode")  # fmt: skip
    lines = command(past.daemon.sandbox, *argv).stdout.splitlines()
    rows = (line.split("|") for line in lines)
    return {one: (state.split()[0], code) for one, state, code in rows}


def test_a_purged_job_is_told_by_accounting(past: Past) -> None:
    job = past.caller.get(past.failed)
    assert (job.source, job.state) == (JOB_SOURCE_ACCOUNTING, JOB_STATE_FAILED)
    assert (job.exit_status.code, job.exit_status.signal) == (3, 0)
    assert (job.user, job.user_id, job.group) == ("alice", 2001, "alice")
    assert (job.account, job.qos, job.partition) == ("physics", "low", "power")
    assert (job.name, job.comment, job.request_id) == (past.name, "mine", past.name)
    assert (job.work_dir, job.node_list[:4], job.cpus) == ("/tmp", "node", 1)
    tres = {one.type: one.count for one in job.allocated_tres}
    assert (tres["cpu"], tres["mem"]) == (1, 2000 << 20)
    assert job.submit_time.seconds <= job.start_time.seconds < job.end_time.seconds
    assert job.run_time.seconds == job.end_time.seconds - job.start_time.seconds


def test_states_are_those_that_slurms_own_accounting_has(past: Past) -> None:
    told = {
        job.job_id.id: (
            job_pb2.JobState.Name(job.state).removeprefix("JOB_STATE_"),
            f"{job.exit_status.code}:{job.exit_status.signal}",
        )
        for job in history(past.daemon, names=[past.name])
    }
    assert told.keys() == past.ids
    assert told == accounted(past)


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_the_past_is_read_page_by_page_each_job_once_and_in_order(past: Past, size: int) -> None:
    jobs = list(history(past.daemon, size, names=[past.name]))
    assert sorted(job.job_id.id for job in jobs) == sorted(past.ids)
    keys = [(job.submit_time.seconds, job.raw_job_id) for job in jobs]
    assert keys == sorted(keys)


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ({"users": ["bob"]}, {"bobs"}),
        ({"users": ["2002"]}, {"bobs"}),
        ({"accounts": ["Chemistry"]}, {"bobs"}),
        ({"accounts": ["x'; drop table job;--"]}, set()),
        ({"accounts": ["Physics"], "states": [JOB_STATE_CANCELLED]}, {"cancelled"}),
        ({"partitions": ["debug"]}, set()),
        ({"qos": ["LOW", "high"]}, {"failed"}),
    ],
    ids=str,
)
def test_the_past_is_found_by_who_where_and_what(
    past: Past, conditions: dict[str, Any], found: set[str]
) -> None:
    jobs = history(past.daemon, names=[past.name], **conditions)
    assert {job.job_id.id for job in jobs} == {getattr(past, one) for one in found}


def test_the_past_is_found_by_id_and_by_time(past: Past) -> None:
    job = past.caller.get(past.bobs)
    by_id = history(past.daemon, job_ids=[job_id(past.bobs), job_id(f"{past.array}_1")])
    assert {one.job_id.id for one in by_id} == {past.bobs, f"{past.array}_1"}
    window: dict[str, Any] = {"submitted_after": job.submit_time, "users": ["bob"]}
    assert [one.job_id.id for one in history(past.daemon, **window)] == [past.bobs]
    assert not list(history(past.daemon, submitted_before=job.submit_time, users=["bob"]))


def test_an_array_task_and_a_het_component_are_told_by_their_ids(past: Past) -> None:
    task = past.caller.get(f"{past.array}_1")
    assert (task.job_id.id, task.array.array_job_id) == (f"{past.array}_1", int(past.array))
    assert task.exit_status.code == 1
    component = past.caller.get(f"{past.het}+1")
    assert (component.job_id.id, component.het_job.offset) == (f"{past.het}+1", 1)


def test_steps_tell_what_they_used(past: Past) -> None:
    asked = GetJobRequest(job_id=job_id(past.failed), read_mask=STEPS)
    job = past.daemon.stub.GetJob(asked)
    (batch,) = job.steps
    assert (batch.id, batch.state, batch.exit_status.code) == ("batch", JOB_STATE_FAILED, 3)
    argv = ("sacct", "--noheader", "--parsable2", "--noconvert", f"--jobs={past.failed}.batch",
            "--format=MaxRSS,NTasks,NodeList")  # fmt: skip
    rss, tasks, nodes = command(past.daemon.sandbox, *argv).stdout.strip().split("|")
    assert batch.max_rss_bytes == int(re.sub(r"\D", "", rss)) > 0
    assert (batch.ntasks, batch.node_list) == (int(tasks), nodes)
    assert batch.cpu_time.ToTimedelta().total_seconds() > 0
    assert batch.start_time.seconds < batch.end_time.seconds


def test_steps_are_told_of_one_job_at_a_time(past: Past) -> None:
    asked = ListJobsRequest(read_mask=STEPS)
    told = refusal(lambda: past.daemon.stub.ListJobs(asked))
    assert told.violations == {"read_mask.paths[1]": "FIELD_NOT_SUPPORTED"}


def test_a_watch_of_a_job_that_has_long_ended_ends_at_once(past: Past) -> None:
    for job, status in ((past.failed, 6), (past.bobs, 0)):
        done = hpcagent("job", "watch", job, HPCAGENT_ADDRESS=past.daemon.address)
        assert done.returncode == status, done.stderr
        assert json.loads(done.stdout)["job"]["source"] == "JOB_SOURCE_ACCOUNTING"


def test_jobs_that_slurmctld_still_has_are_among_the_past(past: Past) -> None:
    name = fresh("mixed")
    held = past.caller.hold({"name": name, **user("alice")})
    jobs = {job.job_id.id: job.source for job in history(past.daemon, names=[name, past.name])}
    assert jobs.pop(held.id) == JOB_SOURCE_LIVE
    assert set(jobs.values()) == {JOB_SOURCE_ACCOUNTING}
    assert jobs.keys() == past.ids
    past.caller.cancel(held)


def in_database(sandbox: Sandbox, job: int, changes: str) -> None:
    """Change a job in the accounting database behind slurmdbd's back."""
    socket = f"--socket={sandbox.directory}/db/socket"
    statement = f"update sandbox_job_table set {changes} where id_job={job}"  # noqa: S608 - ours
    command(sandbox, "mariadb", socket, "slurm_acct_db", "-e", statement)


def test_an_end_that_accounting_does_not_know_is_found_as_unknown(past: Past) -> None:
    name = fresh("endless")
    job = past.caller.run("exit 0", {"name": name, **user("alice")})
    wait_until(partial(purged, past.daemon, job.id), "the job is purged")
    in_database(past.daemon.sandbox, job.job_id, "state=1, time_end=0")
    for states, found in (
        ([JOB_STATE_UNKNOWN], [job.id]),
        ([JOB_STATE_RUNNING], []),
        ([JOB_STATE_COMPLETED], []),
    ):
        jobs = list(history(past.daemon, names=[name], states=states))
        assert [one.job_id.id for one in jobs] == found
        assert all(one.state == JOB_STATE_UNKNOWN for one in jobs)


def test_a_user_whom_the_database_does_not_name_is_named(past: Past) -> None:
    job = past.caller.run("exit 0", user("bob"))
    wait_until(partial(purged, past.daemon, job.id), "the job is purged")
    # As of a job of a site that does not enforce associations.
    in_database(past.daemon.sandbox, job.job_id, "id_assoc=0")
    told = past.caller.get(job)
    assert (told.source, told.user, told.user_id) == (JOB_SOURCE_ACCOUNTING, "bob", 2002)


def test_a_job_that_slurmctld_has_is_told_in_no_state_but_its_own(past: Past) -> None:
    name = fresh("living")
    held = past.caller.hold({"name": name, **user("alice")})
    number = held.job_id
    wait_until(lambda: str(number) in in_sacct(past, number), "accounting has the job")
    # As accounting has it of a job that was requeued while slurmdbd was away.
    in_database(past.daemon.sandbox, number, "state=7, time_end=time_submit")
    for states, found in (([JOB_STATE_NODE_FAIL], []), ([JOB_STATE_PENDING], [held.id])):
        jobs = list(history(past.daemon, names=[name], states=states))
        assert [one.job_id.id for one in jobs] == found
    past.caller.cancel(held)


def in_sacct(past: Past, number: int) -> str:
    """What sacct shows of a job; nothing until slurmdbd has it."""
    argv = ("sacct", "--allusers", "--noheader", f"--jobs={number}", "--format=JobID")
    return command(past.daemon.sandbox, *argv).stdout


def test_a_job_that_never_was_is_not_found(past: Past) -> None:
    told = refusal(lambda: past.caller.get("4000000"))
    assert (told.code.name, told.reason) == ("NOT_FOUND", "ESLURM_INVALID_JOB_ID")


def test_while_slurmdbd_is_down_nobody_says_that_a_past_job_is_not_there(past: Past) -> None:
    past.daemon.sandbox.slurmdbd.stop()
    try:
        for ask in (  # not one of the agent's own, whose end its journal may know
            lambda: past.caller.get(f"{past.het}+1"),
            lambda: list(history(past.daemon, names=[past.name])),
        ):
            told = refusal(ask)
            assert (told.code.name, told.reason) == ("UNAVAILABLE", "SLURMDBD_UNAVAILABLE")
        held = past.caller.hold(user("alice"))
        assert past.caller.get(held).source == JOB_SOURCE_LIVE
        past.caller.cancel(held)
    finally:
        past.daemon.sandbox.slurmdbd.start()
    assert past.caller.get(past.failed).state == JOB_STATE_FAILED


def test_without_accounting_the_past_and_steps_are_an_honest_error(
    daemon: Daemon, caller: Caller
) -> None:
    held = caller.hold()
    asked = GetJobRequest(job_id=held, read_mask=STEPS)
    for ask in (lambda: list(history(daemon)), lambda: daemon.stub.GetJob(asked)):
        told = refusal(ask)
        assert told.code.name == "FAILED_PRECONDITION"
        assert told.reason == "ACCOUNTING_NOT_CONFIGURED"
