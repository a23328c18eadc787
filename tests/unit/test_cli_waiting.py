"""Which records a watch waits for, and when it is over."""

from typing import Any

import pytest

from hpcagent.cli import following
from hpcagent.cli.waiting import Waiting
from hpcagent.v1 import job_pb2


def job(
    name: str, state: str, raw: int = 0, *, array: tuple[int, str] | None = None, het: int = 0
) -> dict[str, Any]:
    found: dict[str, Any] = {"job_id": {"id": name}, "state": f"JOB_STATE_{state}",
                             "state_flags": [], "raw_job_id": raw or int(name)}  # fmt: skip
    if array:
        found["array"] = {"array_job_id": array[0], "tasks": array[1]}
    if het:
        found["het_job"] = {"het_job_id": het}
    return found


def waiting(name: str, *jobs: dict[str, Any]) -> Waiting:
    found = Waiting([name])
    for one in jobs:
        found.add(one)
    return found


@pytest.mark.parametrize(
    ("name", "jobs", "over"),
    [
        ("7", [], False),
        ("7", [job("8", "COMPLETED")], False),
        ("7", [job("7", "COMPLETED")], True),
        ("7", [job("7", "RUNNING"), job("7", "COMPLETED")], True),
        ("7", [job("7", "UNKNOWN")], True),
        ("7", [job("7_0", "COMPLETED", 8, array=(7, ""))], True),
        (
            "7",
            [job("7_0", "COMPLETED", 8, array=(7, "")), job("7", "PENDING", array=(7, "1-3"))],
            False,
        ),
        # The last task takes over the array's record.
        (
            "7",
            [job("7", "PENDING", 7, array=(7, "1")), job("7_1", "FAILED", 7, array=(7, ""))],
            True,
        ),
        ("7_2", [job("7", "PENDING", 7, array=(7, "1-3"))], False),
        ("7_2", [job("7", "CANCELLED", 7, array=(7, "1-3"))], True),
        ("7_4", [job("7", "CANCELLED", 7, array=(7, "1-3"))], False),
        ("9", [job("7_2", "FAILED", 9, array=(7, ""))], True),
        ("7", [job("7+0", "FAILED", 7, het=7), job("7+1", "RUNNING", 8, het=7)], False),
        ("7+1", [job("7+0", "RUNNING", 7, het=7), job("7+1", "FAILED", 8, het=7)], True),
        ("default/task", [{**job("1", "FAILED"), "job_id": {"id": "default/task"}}], True),
    ],
)
def test_a_watch_is_over_when_every_record_of_what_was_named_has_ended(
    name: str, jobs: list[dict[str, Any]], over: bool
) -> None:
    assert waiting(name, *jobs).over() is over


def test_a_watch_of_several_waits_for_each() -> None:
    found = Waiting(["7", "8"])
    found.add(job("7", "COMPLETED"))
    assert (found.over(), found.unknown()) == (False, ["8"])
    found.add(job("8", "FAILED"))
    assert (found.over(), found.completed()) == (True, False)


def test_a_watch_without_names_is_never_over() -> None:
    assert not Waiting([]).over()


def test_a_job_whose_nodes_still_clean_up_has_not_ended() -> None:
    ending = {**job("7", "COMPLETED"), "state_flags": ["JOB_STATE_FLAG_COMPLETING"]}
    assert not waiting("7", ending).over()


def test_a_job_is_waited_for_under_the_name_in_its_record() -> None:
    found = Waiting(["007"])
    found.rename("007", job("7", "RUNNING"))
    found.add(job("7", "COMPLETED"))
    assert (found.over(), found.completed()) == (True, True)


def test_the_states_to_choose_from_are_those_of_the_contract() -> None:
    words = [
        word.removeprefix("JOB_STATE_").lower()
        for word in job_pb2.JobState.DESCRIPTOR.values_by_name
    ]
    assert ["unspecified", *following.STATES] == words
