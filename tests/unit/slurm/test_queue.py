"""Which of slurmctld's records an id means."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.slurm.records import RELEASE, record

from hpcagent.jobs.matching import stands_for
from hpcagent.jobs.model import JobId
from hpcagent.slurm import states
from hpcagent.slurm.queue import choose, whole

BITSTR_LEN = 64
"""SLURM_BITSTR_LEN's default: what libslurm writes of a bitmap, end mark included."""


@pytest.mark.parametrize(
    ("tasks", "inside", "outside"),
    [
        ("", [], [0, 1]),
        ("0", [0], [1]),
        ("7", [7], [0, 6, 8, 77]),
        ("1,3,5-7", [1, 3, 5, 6, 7], [0, 2, 4, 8]),
        ("0-9:3", [0, 3, 6, 9], [1, 2, 10, 12]),
        ("0-9:3,12%2", [3, 12], [2, 13]),
        ("100-104%1", [100, 104], [1, 99, 105]),
        ("1,3,5,...", [1, 3, 5, 6, 1000], [0, 2, 4]),
        ("1,3,5,7-1...", [5, 7, 8, 1000], [0, 2, 4]),
        ("1,3,12...", [3, 4, 12, 125], [0, 2]),
        ("1,3,5...%4", [3, 5, 50], [0, 2]),
        ("4-7...", [4, 7, 75], []),
        ("nonsense", [], [0, 1]),
    ],
)
def test_an_index_expression_stands_for_its_tasks(
    tasks: str, inside: list[int], outside: list[int]
) -> None:
    assert [task for task in inside if not stands_for(tasks, task)] == []
    assert [task for task in outside if stands_for(tasks, task)] == []


def expression(tasks: list[int]) -> str:
    """Write tasks as libslurm does (bit_fmt, xlate_array_task_str): cut at 60 characters."""
    runs: list[list[int]] = []
    for task in sorted(tasks):
        if runs and runs[-1][1] == task - 1:
            runs[-1][1] = task
        else:
            runs.append([task, task])
    text = ",".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)
    return text if len(text) <= BITSTR_LEN - 3 else f"{text[: BITSTR_LEN - 4]}..."


@given(tasks=st.lists(st.integers(0, 4000), min_size=1, max_size=60, unique=True))
def test_a_task_that_waits_is_always_found(tasks: list[int]) -> None:
    written = expression(tasks)
    assert all(stands_for(written, task) for task in tasks)
    if "..." not in written:
        assert not any(stands_for(written, task) for task in {*range(4000)} - {*tasks})


def of_array(job_id: int, task: int | None, waiting: str = "") -> dict[str, Any]:
    return record(job_id=job_id, array_job_id=100, array_task_id=task, array_task_str=waiting)


def of_het(job_id: int, offset: int) -> dict[str, Any]:
    return record(job_id=job_id, het_job_id=200, het_job_offset=offset)


ARRAY = [of_array(100, None, "3-9"), of_array(101, 0), of_array(102, 1), of_array(103, 2)]
ENDED_ARRAY = [of_array(101, 0), of_array(102, 1), of_array(100, 2)]
HET = [of_het(200, 0), of_het(201, 1)]


@pytest.mark.parametrize(
    ("records", "job_id", "number"),
    [
        ([record(job_id=7)], JobId(7), 7),
        ([], JobId(7), None),
        (ARRAY, JobId(100), 100),
        (ARRAY, JobId(100, 0), 101),
        (ARRAY, JobId(100, 2), 103),
        (ARRAY, JobId(100, 3), 100),
        (ARRAY, JobId(100, 10), None),
        (ENDED_ARRAY, JobId(100), 100),
        (ENDED_ARRAY, JobId(100, 2), 100),
        (ENDED_ARRAY, JobId(100, 3), None),
        ([of_array(101, 0)], JobId(101), 101),
        ([of_array(101, 0)], JobId(100), 101),
        (HET, JobId(200), 200),
        (HET, JobId(200, None, 0), 200),
        (HET, JobId(200, None, 1), 201),
        (HET, JobId(200, None, 2), None),
        ([of_het(201, 1)], JobId(201), 201),
        # Ids that Slurm does not have: 101 is a task of 100, 201 a component of 200, 7 neither.
        ([of_array(101, 0)], JobId(101, 0), None),
        ([of_het(201, 1)], JobId(201, None, 1), None),
        ([record(job_id=7)], JobId(7, 0), None),
        ([record(job_id=7)], JobId(7, None, 0), None),
    ],
)
def test_an_id_means_one_record(
    records: list[dict[str, Any]], job_id: JobId, number: int | None
) -> None:
    shuffled = random.Random(0).sample(records, len(records))
    for order in (records, shuffled):
        chosen = choose(order, job_id)
        assert (chosen["job_id"] if chosen else None) == number


@pytest.mark.parametrize(
    ("found", "submitted"),
    [
        (record(job_id=7), 7),
        (of_array(100, None, "3-9"), 100),
        (of_array(101, 0), 100),
        (of_array(100, 9), 100),
    ],
)
def test_what_was_submitted_is_the_whole_array(found: dict[str, Any], submitted: int) -> None:
    job = states.job(found, states.Names({}, {}), cluster="sandbox", now=2000, release=RELEASE)
    assert whole(job) == JobId(submitted, cluster="sandbox")
