from collections.abc import Callable

import pytest
from native.child import Child, Raised
from native.jobs import GROUP, USER, fifo, held, job_of

from hpcagent.sandbox import Sandbox

SIGKILL, SIGUSR1 = 9, 10
PENDING, CANCELLED = 0, 4


def code_of_killing(native: Child, job_id: object, signal: int = SIGKILL) -> int:
    with pytest.raises(Raised, match="SlurmError") as refused:
        native.call("kill_job2", str(job_id), signal)
    code: int = refused.value.attributes["code"]
    return code


def test_a_killed_job_is_cancelled(native: Child) -> None:
    job_id = native.call("submit_batch_job", held())["job_id"]
    native.call("kill_job2", str(job_id), SIGKILL)
    assert native.call("load_job", job_id, members=["job_state"]) == [{"job_state": CANCELLED}]


def test_one_task_of_an_array_can_be_killed(native: Child) -> None:
    job_id = native.call("submit_batch_job", held(array_inx="0-1"))["job_id"]
    native.call("kill_job2", f"{job_id}_1", SIGKILL)
    left = native.call("load_job", job_id, members=["array_task_str", "job_state"])
    assert left == [{"array_task_str": "0", "job_state": PENDING}]


def test_an_unknown_job_cannot_be_killed(native: Child) -> None:
    assert code_of_killing(native, 999_999) == 2017  # ESLURM_INVALID_JOB_ID


def test_a_finished_job_cannot_be_killed_again(native: Child) -> None:
    job_id = native.call("submit_batch_job", held())["job_id"]
    native.call("kill_job2", str(job_id), SIGKILL)
    assert code_of_killing(native, job_id) == 2021  # ESLURM_ALREADY_DONE


def test_a_pending_job_takes_no_signal_but_the_last(native: Child) -> None:
    job_id = native.call("submit_batch_job", held())["job_id"]
    assert code_of_killing(native, job_id, SIGUSR1) == 2020  # ESLURM_TRANSITION_STATE_NO_UPDATE


@pytest.mark.parametrize("job_id", ["x", "", "12;13", "1_"])
def test_what_is_no_job_id_is_refused_by_slurm(native: Child, job_id: str) -> None:
    assert code_of_killing(native, job_id) == 2017


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (["1\0002", SIGKILL], "MemberRangeError"),
        ([None, SIGKILL], "TypeError"),
        (["1", 1 << 16], "OverflowError"),
        (["1", -1], "OverflowError"),
        (["1", SIGKILL, 1 << 16], "OverflowError"),
    ],
)
def test_what_c_cannot_hold_is_refused_before_the_call(
    native: Child, arguments: list[object], kind: str
) -> None:
    with pytest.raises(Raised, match=kind):
        native.call("kill_job2", *arguments)


# ----------------------------------------------------------------- answered task by task

REQUEUE_HOLD = 1 << 11
RUNNING, SUSPENDED, FLAGS = 1, 2, ~0xFF


def refused(native: Child, function: str, *arguments: object) -> int:
    """The code that a call is refused with."""
    with pytest.raises(Raised, match="SlurmError") as error:
        native.call(function, *arguments)
    code: int = error.value.attributes["code"]
    return code


def answered(replies: list[dict[str, object]]) -> dict[object, object]:
    """The code of each reply, by its tasks."""
    return {reply["tasks"]: reply["code"] for reply in replies}


@pytest.fixture
def started(native: Child, sandbox: Sandbox) -> Callable[..., int]:
    """Submits a job and waits until it runs."""

    def start(**members: object) -> int:
        told = fifo(sandbox, USER)
        script = f"#!/bin/sh\necho > {told}\nexec sleep 600\n"
        job_id: int = native.call(
            "submit_batch_job", job_of(USER, GROUP, script=script, **members)
        )["job_id"]
        told.read_text()
        return job_id

    return start


def test_a_job_is_changed_and_the_rest_of_it_stays(native: Child) -> None:
    job_id = native.call("submit_batch_job", held(comment="before", name="kept"))["job_id"]
    replies = native.call("update_job2", {"job_id_str": str(job_id), "comment": "after"})
    assert replies == [{"tasks": "", "code": 0, "text": "", "said": ""}]
    (job,) = native.call("load_job", job_id, members=["comment", "name", "user_id"])
    assert job == {"comment": "after", "name": "kept", "user_id": USER}


def test_tasks_of_an_array_are_answered_for_by_their_code(
    native: Child, started: Callable[..., int]
) -> None:
    array = started(array_inx="0-4%1")
    replies = native.call("update_job2", {"job_id_str": str(array), "partition": "debug"})
    assert answered(replies) == {"1-4": 0, "0": 2073}  # ESLURM_JOB_NOT_PENDING
    assert {reply["text"] for reply in replies} == {"", "Job is no longer pending execution"}
    native.call("kill_job2", str(array), SIGKILL)


def test_a_job_is_suspended_resumed_and_requeued(
    native: Child, started: Callable[..., int]
) -> None:
    def state() -> int:
        (job,) = native.call("load_job", job_id, members=["job_state"])
        return int(job["job_state"]) & ~FLAGS

    job_id = started(requeue=1)
    assert answered(native.call("suspend2", str(job_id))) == {"": 0}
    assert state() == SUSPENDED
    assert answered(native.call("resume2", str(job_id))) == {"": 0}
    assert state() == RUNNING
    assert refused(native, "resume2", str(job_id)) == 2087  # ESLURM_JOB_NOT_SUSPENDED
    assert answered(native.call("requeue2", str(job_id), REQUEUE_HOLD)) == {"": 0}
    assert state() == PENDING
    assert refused(native, "requeue2", str(job_id)) == 2024  # ESLURM_JOB_PENDING
    native.call("kill_job2", str(job_id), SIGKILL)


def test_a_job_that_does_not_exist_is_refused(native: Child) -> None:
    assert refused(native, "requeue2", "999999") == 2017  # ESLURM_INVALID_JOB_ID
    assert refused(native, "update_job2", {"job_id_str": "999999", "comment": "c"}) == 2017


@pytest.mark.parametrize("function", ["suspend2", "resume2"])
def test_a_request_that_slurmctld_leaves_without_an_answer_is_no_success(
    native: Child, function: str
) -> None:
    """Up to 22.05 at least it does so where the job does not exist."""
    assert refused(native, function, "999999") == 1000  # SLURM_UNEXPECTED_MSG_ERROR


def test_a_member_that_cannot_be_set_is_refused_before_the_call(native: Child) -> None:
    with pytest.raises(Raised, match="UnknownMemberError"):
        native.call("update_job2", {"job_id_str": "1", "colour": "red"})
    with pytest.raises(Raised, match="MemberRangeError"):
        native.call("suspend2", "1\0002")
