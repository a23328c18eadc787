import pytest
from native.child import Child, Raised
from native.jobs import held

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
