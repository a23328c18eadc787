"""Signalling, holding, releasing and requeueing jobs, as their users."""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from fix_daemon import Daemon
from google.protobuf.field_mask_pb2 import FieldMask
from server.refusals import refusal
from slurm.bell import Bell, bell
from slurm.caller import DEADLINE, Caller, job_id
from slurm_commands import command, submit, wait_until

from hpcagent.v1.job_pb2 import (
    JOB_STATE_CANCELLED,
    JOB_STATE_COMPLETED,
    JOB_STATE_FAILED,
    JOB_STATE_PENDING,
    JOB_STATE_RUNNING,
    JobId,
)
from hpcagent.v1.job_requests_pb2 import (
    SIGNAL_TARGET_BATCH,
    SIGNAL_TARGET_FULL,
    HoldJobRequest,
    JobResult,
    ReleaseJobRequest,
    RequeueJobRequest,
    SignalJobRequest,
    UpdateJobRequest,
)

ALICE = {"user_id": None, "group_id": None, "user": "alice", "group": None}

Told = tuple[str, int, list[str]]
"""Of a result: the job, the code, and the names of the warnings."""


@pytest.fixture
def rung() -> Iterator[Bell]:
    with bell() as ours:
        yield ours


def told(results: list[JobResult]) -> list[Told]:
    return [(one.job_id.id, one.status.code, [w.name for w in one.warnings]) for one in results]


class Control:
    """The verbs, each as a call that returns what became of it."""

    def __init__(self, caller: Caller) -> None:
        self._stub = caller.stub

    def hold(self, job: JobId) -> list[Told]:
        request = HoldJobRequest(job_id=job)
        return told(list(self._stub.HoldJob(request, timeout=DEADLINE).results))

    def release(self, job: JobId) -> list[Told]:
        request = ReleaseJobRequest(job_id=job)
        return told(list(self._stub.ReleaseJob(request, timeout=DEADLINE).results))

    def requeue(self, job: JobId, **more: Any) -> list[Told]:  # noqa: ANN401 - as the message has it
        request = RequeueJobRequest(job_id=job, **more)
        return told(list(self._stub.RequeueJob(request, timeout=DEADLINE).results))

    def signal(self, job: JobId, signal: str, **more: Any) -> list[Told]:  # noqa: ANN401 - the same
        request = SignalJobRequest(job_id=job, signal=signal, **more)
        return told(list(self._stub.SignalJob(request, timeout=DEADLINE).results))

    def verbs(self, job: JobId) -> dict[str, Any]:
        """Each of them, on this job."""
        return {
            "hold": lambda: self.hold(job),
            "release": lambda: self.release(job),
            "requeue": lambda: self.requeue(job),
            "signal": lambda: self.signal(job, "USR1"),
        }


@pytest.fixture
def control(caller: Caller) -> Iterator[Control]:
    """What a test submits ends with it: there is not room for the jobs of all."""
    yield Control(caller)
    while caller.made:
        caller.cancel(caller.made.pop())


def sleeping(rung: Bell) -> str:
    """A script that says that it runs, and then sleeps."""
    return f"echo > {rung.path}\nexec sleep 60"


def het(daemon: Daemon, *options: str) -> JobId:
    """A heterogeneous job of bob's with two components, made by sbatch."""
    argv = ("sbatch", "--parsable", "--uid=bob", "--gid=bob", "--output=/dev/null", *options)
    made = command(daemon.sandbox, *argv, "-n1", "--wrap=exec sleep 60", ":", "-n1")
    return JobId(id=made.stdout.strip())


def start_soon(caller: Caller, job: JobId) -> None:
    """Let a requeued job start: slurmctld waits until its old credential has expired.

    Not in the second in which that was revoked: slurmd takes none from the same second for a new
    one, and slurmctld lets the job fail, "Job credential revoked" (22.05 slurm_cred.c).
    """
    wait_until(lambda: caller.get(job).eligible_time.seconds > time.time(), "it is told to wait")
    request = UpdateJobRequest(job_id=job, update_mask=FieldMask(paths=["options.begin"]))
    request.job.options.begin.seconds = int(time.time()) + 1
    caller.stub.UpdateJob(request, timeout=DEADLINE)


# ------------------------------------------------------------------------ for every verb


@pytest.mark.parametrize("verb", ["hold", "release", "requeue", "signal"])
@pytest.mark.parametrize("unknown", ["4000000", "4000000_1", "4000000+1"])
def test_a_job_that_slurmctld_does_not_know_is_not_found(
    control: Control, verb: str, unknown: str
) -> None:
    found = refusal(control.verbs(JobId(id=unknown))[verb])
    assert found.code.name == "NOT_FOUND"


@pytest.mark.parametrize("verb", ["hold", "release", "requeue", "signal"])
def test_a_job_of_roots_is_left_alone(daemon: Daemon, control: Control, verb: str) -> None:
    number = submit(daemon.sandbox, "true", "--hold")
    refused = refusal(control.verbs(job_id(str(number)))[verb])
    assert (refused.code.name, refused.reason) == ("PERMISSION_DENIED", "USER_NOT_SERVED")


def test_slurmctld_is_asked_by_the_jobs_user(
    daemon: Daemon, caller: Caller, control: Control
) -> None:
    job = caller.hold(ALICE)
    control.release(job)
    log = (daemon.sandbox.directory / "log" / "slurmctld.log").read_text()
    assert re.findall(rf"release.* JobId={job.id} .*uid (\d+)", log, re.IGNORECASE) == ["2001"]


# ------------------------------------------------------------------------------- holding


def test_a_job_that_waits_is_held_and_released(caller: Caller, control: Control) -> None:
    job = caller.run("exit 0", begin="2099-01-01T00:00:00Z")
    assert control.hold(job) == [(job.id, 0, [])]
    held = caller.get(job)
    assert (held.state, held.reason.name, held.priority) == (JOB_STATE_PENDING, "JobHeldUser", 0)
    assert control.hold(job) == [(job.id, 0, ["ESLURM_JOB_HELD"])]
    assert control.release(job) == [(job.id, 0, [])]
    assert caller.get(job).priority > 0
    assert control.release(job) == [(job.id, 0, ["JOB_NOT_HELD"])]


def test_a_released_job_runs(caller: Caller, control: Control) -> None:
    job = caller.hold()
    control.release(job)
    caller.wait(job, JOB_STATE_COMPLETED)


def test_a_job_that_has_started_cannot_be_held(
    caller: Caller, control: Control, rung: Bell
) -> None:
    job = caller.run(sleeping(rung))
    rung.wait()
    refused = refusal(lambda: control.hold(job))
    assert (refused.code.name, refused.reason, refused.domain) == (
        "FAILED_PRECONDITION", "ESLURM_JOB_NOT_PENDING", "slurm.hpcagent",
    )  # fmt: skip
    assert caller.get(job).priority > 0
    assert control.release(job) == [(job.id, 0, ["JOB_NOT_HELD"])]


def test_a_job_that_has_ended_can_be_neither_held_nor_released(
    caller: Caller, control: Control
) -> None:
    job = caller.run("exit 0")
    caller.wait(job, JOB_STATE_COMPLETED)
    for verb in (control.hold, control.release):
        refused = refusal(lambda: verb(job))  # noqa: B023 - called at once
        assert (refused.code.name, refused.reason) == ("FAILED_PRECONDITION", "ESLURM_JOB_FINISHED")


def test_what_an_administrator_holds_its_user_cannot_release(
    daemon: Daemon, caller: Caller, control: Control
) -> None:
    job = caller.run("exit 0", begin="2099-01-01T00:00:00Z")
    command(daemon.sandbox, "scontrol", "hold", job.id)
    assert caller.get(job).reason.name == "JobHeldAdmin"
    refused = refusal(lambda: control.release(job))
    assert (refused.code.name, refused.reason) == ("PERMISSION_DENIED", "ESLURM_ACCESS_DENIED")
    assert caller.get(job).reason.name == "JobHeldAdmin"


def test_of_an_array_the_tasks_that_wait_are_held(
    caller: Caller, control: Control, rung: Bell
) -> None:
    array = caller.run(sleeping(rung), array="0-4%1")
    rung.wait()
    first = f"{array.id}_0"
    assert control.hold(array) == [(array.id, 0, []), (first, 9, [])]
    assert caller.get(first).priority > 0
    assert caller.get(array).reason.name == "JobHeldUser"
    assert control.hold(job_id(f"{array.id}_3")) == [(f"{array.id}_3", 0, ["ESLURM_JOB_HELD"])]
    assert control.release(job_id(f"{array.id}_3")) == [(f"{array.id}_3", 0, [])]
    assert caller.get(f"{array.id}_3").priority > 0
    assert caller.get(f"{array.id}_2").priority == 0
    others = [(f"{array.id}_{task}", 0, ["JOB_NOT_HELD"]) for task in (0, 3)]
    assert control.release(array) == [(array.id, 0, []), *others]
    assert [caller.get(f"{array.id}_{task}").priority > 0 for task in (2, 3, 4)] == [True] * 3


def test_an_array_with_many_scattered_tasks_is_held_but_for_one(
    caller: Caller, control: Control, rung: Bell
) -> None:
    """Of its own accord libslurm cuts the list of its tasks short, long before its end."""
    scattered = ",".join(str(index) for index in range(0, 600, 2) if index % 3)
    array = caller.run(sleeping(rung), array=f"{scattered}%1")
    rung.wait()
    first = f"{array.id}_2"
    assert control.hold(array) == [(array.id, 0, []), (first, 9, [])]
    assert caller.get(f"{array.id}_598").priority == 0


def test_a_heterogeneous_job_is_held_and_released_as_a_whole(
    daemon: Daemon, caller: Caller, control: Control
) -> None:
    whole = het(daemon, "--begin=now+1hour")
    components = [job_id(f"{whole.id}+{offset}") for offset in (0, 1)]
    try:
        assert control.hold(whole) == [(whole.id, 0, [])]
        assert [caller.get(one).priority for one in components] == [0, 0]
        assert control.release(components[1]) == [(f"{whole.id}+1", 0, [])]
        assert [caller.get(one).priority > 0 for one in components] == [False, True]
    finally:
        caller.cancel(whole)


# ---------------------------------------------------------------------------- requeueing


def test_a_job_that_runs_goes_back_and_runs_again(
    caller: Caller, control: Control, rung: Bell
) -> None:
    job = caller.run(sleeping(rung), requeue=True)
    rung.wait()
    assert control.requeue(job) == [(job.id, 0, [])]
    caller.wait(job, JOB_STATE_PENDING)
    start_soon(caller, job)
    rung.wait()
    assert caller.wait(job, JOB_STATE_RUNNING).restart_count == 1


def test_a_requeued_job_can_be_held(caller: Caller, control: Control, rung: Bell) -> None:
    job = caller.run(sleeping(rung), requeue=True)
    rung.wait()
    assert control.requeue(job, hold=True, states=[JOB_STATE_RUNNING]) == [(job.id, 0, [])]
    held = caller.wait(job, JOB_STATE_PENDING)
    assert (held.reason.name, held.restart_count) == ("JobHeldUser", 1)
    assert control.requeue(job, hold=True) == [(job.id, 0, ["ESLURM_JOB_PENDING"])]


def test_a_job_that_has_ended_is_requeued(caller: Caller, control: Control) -> None:
    job = caller.run("exit 3", requeue=True)
    caller.wait(job, JOB_STATE_FAILED)
    assert control.requeue(job) == [(job.id, 0, [])]
    assert caller.wait(job, JOB_STATE_PENDING).restart_count == 1
    start_soon(caller, job)
    assert caller.wait(job, JOB_STATE_FAILED).exit_status.code == 3


def test_a_job_that_waits_is_in_the_queue_already(caller: Caller, control: Control) -> None:
    job = caller.run("exit 0", begin="2099-01-01T00:00:00Z")
    assert control.requeue(job) == [(job.id, 0, ["ESLURM_JOB_PENDING"])]
    refused = refusal(lambda: control.requeue(job, hold=True))
    assert (refused.code.name, refused.reason) == ("FAILED_PRECONDITION", "ESLURM_JOB_PENDING")


def test_a_job_that_may_not_be_requeued_is_not(
    caller: Caller, control: Control, rung: Bell
) -> None:
    job = caller.run(sleeping(rung), requeue=False)
    rung.wait()
    refused = refusal(lambda: control.requeue(job))
    assert (refused.code.name, refused.reason) == ("FAILED_PRECONDITION", "ESLURM_DISABLED")
    assert caller.get(job).state == JOB_STATE_RUNNING


def test_only_a_job_in_a_given_state_is_requeued(
    caller: Caller, control: Control, rung: Bell
) -> None:
    job = caller.run(sleeping(rung), requeue=True)
    rung.wait()
    refused = refusal(lambda: control.requeue(job, states=[JOB_STATE_FAILED]))
    assert (refused.code.name, refused.reason) == ("FAILED_PRECONDITION", "JOB_STATE")
    assert caller.get(job).state == JOB_STATE_RUNNING


def test_tasks_of_an_array_are_requeued_one_by_one_and_all_together(
    caller: Caller, control: Control, rung: Bell
) -> None:
    array = caller.run(sleeping(rung), array="0-3%1", requeue=True)
    rung.wait()
    assert control.requeue(job_id(f"{array.id}_0"), hold=True) == [(f"{array.id}_0", 0, [])]
    caller.wait(f"{array.id}_0", JOB_STATE_PENDING)
    rung.wait()
    assert control.requeue(array) == [
        (array.id, 0, ["ESLURM_JOB_PENDING"]),
        (f"{array.id}_1", 0, []),
    ]


def test_a_component_alone_is_not_requeued(
    daemon: Daemon, caller: Caller, control: Control
) -> None:
    whole = het(daemon, "--requeue")
    try:
        caller.wait(whole, JOB_STATE_RUNNING)
        refused = refusal(lambda: control.requeue(job_id(f"{whole.id}+1")))
        assert refused.reason == "ESLURM_NOT_WHOLE_HET_JOB"
        assert control.requeue(whole, hold=True) == [(whole.id, 0, [])]
        assert caller.wait(f"{whole.id}+1", JOB_STATE_PENDING).restart_count == 1
    finally:
        caller.cancel(whole)


# ---------------------------------------------------------------------------- signalling


@pytest.mark.parametrize("target", [SIGNAL_TARGET_BATCH, SIGNAL_TARGET_FULL])
def test_a_signal_reaches_the_batch_script(
    caller: Caller, control: Control, rung: Bell, target: int
) -> None:
    job = caller.run(f"trap 'echo > {rung.path}; exit 7' USR1\necho > {rung.path}\n"
                     "while :; do sleep 0.1; done")  # fmt: skip
    rung.wait()
    assert control.signal(job, "SIGUSR1", target=target) == [(job.id, 0, [])]
    rung.wait()
    assert caller.wait(job, JOB_STATE_FAILED, JOB_STATE_COMPLETED).exit_status.code == 7


def test_a_signal_without_a_target_spares_the_batch_script(
    caller: Caller, control: Control, rung: Bell
) -> None:
    """As with scancel: it is for the job's steps, of which this one has none."""
    job = caller.run(sleeping(rung))
    rung.wait()
    assert control.signal(job, "USR1") == [(job.id, 0, [])]
    assert control.signal(job, "TERM", target=SIGNAL_TARGET_BATCH) == [(job.id, 0, [])]
    ended = caller.wait(job, JOB_STATE_FAILED, JOB_STATE_CANCELLED, JOB_STATE_COMPLETED)
    assert ended.exit_status.signal == 15


def test_a_job_without_processes_takes_no_signal(caller: Caller, control: Control) -> None:
    waiting, ended = caller.hold(), caller.run("exit 0")
    caller.wait(ended, JOB_STATE_COMPLETED)
    reasons = [refusal(lambda: control.signal(job, "USR1")).reason for job in (waiting, ended)]  # noqa: B023
    assert reasons == ["ESLURM_JOB_PENDING", "ESLURM_ALREADY_DONE"]
    assert control.signal(waiting, "KILL") == [(waiting.id, 0, [])]
    assert caller.get(waiting).state == JOB_STATE_CANCELLED


def test_of_an_array_the_tasks_that_run_are_signalled(
    caller: Caller, control: Control, rung: Bell
) -> None:
    array = caller.run(sleeping(rung), array="0-3%2")
    rung.wait()
    rung.wait()
    assert control.signal(array, "15", target=SIGNAL_TARGET_BATCH) == [
        (array.id, 9, []),
        (f"{array.id}_0", 0, ["ESLURM_TRANSITION_STATE_NO_UPDATE"]),
        (f"{array.id}_1", 0, ["ESLURM_TRANSITION_STATE_NO_UPDATE"]),
    ]
    for task in (0, 1):
        ended = caller.wait(f"{array.id}_{task}", JOB_STATE_FAILED, JOB_STATE_COMPLETED)
        assert ended.exit_status.signal == 15


def test_one_task_alone_is_signalled(caller: Caller, control: Control, rung: Bell) -> None:
    array = caller.run(sleeping(rung), array="0-1")
    rung.wait(2)
    one = f"{array.id}_1"
    assert control.signal(job_id(one), "TERM", target=SIGNAL_TARGET_BATCH) == [(one, 0, [])]
    assert caller.wait(one, JOB_STATE_FAILED, JOB_STATE_COMPLETED).exit_status.signal == 15
    assert caller.get(f"{array.id}_0").state == JOB_STATE_RUNNING


@pytest.mark.parametrize("part", ["", "+0", "+1"])
def test_a_heterogeneous_job_is_signalled_as_a_whole_and_in_part(
    daemon: Daemon, caller: Caller, control: Control, part: str
) -> None:
    caller.made.append(whole := het(daemon))
    caller.wait(whole, JOB_STATE_RUNNING)
    meant = job_id(f"{whole.id}{part}")
    assert control.signal(meant, "USR1") == [(meant.id, 0, [])]
    assert caller.get(whole).state == JOB_STATE_RUNNING
    assert control.signal(meant, "KILL") == [(meant.id, 0, [])]
    caller.wait(meant, JOB_STATE_CANCELLED)
