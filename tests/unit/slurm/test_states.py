"""What Slurm's numbers and words about a job mean."""

import math
import re
import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from native import header
from unit.slurm.records import RELEASE, record

from hpcagent.jobs.model import (
    ExitStatus,
    HetJob,
    Job,
    JobArray,
    JobId,
    JobReason,
    JobState,
    JobStateFlag,
)
from hpcagent.slurm import states
from hpcagent.slurm.states import BASE_MASK, FLAGS, STATES, Names, exit_status, numbers_of

NAMES = Names({1870: "jiangli"}, {1884: "nscc-gz"})
NOW = 1500.0
SPELLED = {"COMPLETE": "COMPLETED", "OOM": "OUT_OF_MEMORY", "REQUEUE": "REQUEUED"}
"""Where slurm.h's name is not that which Slurm's commands print."""
INTERNAL = {"UPDATE_DB"}


def read(**members: object) -> Job:
    return states.job(record(**members), NAMES, cluster="alpha", now=NOW, release=RELEASE)


def test_every_state_in_the_header_is_known_by_its_number() -> None:
    body = re.search(r"enum job_states \{(.*?)\}", header.text(), re.DOTALL)
    assert body
    names = [name.strip().removeprefix("JOB_") for name in body[1].split(",")]
    assert names.pop() == "END"
    assert [SPELLED.get(name, name) for name in names] == [state.name for state in STATES]


def test_every_flag_in_the_header_is_known_by_its_bit() -> None:
    found = re.findall(r"#define\s+JOB_(\w+)\s+SLURM_BIT\((\d+)\)", header.text())
    at = header.text().index("JOB_STATE_FLAGS")
    flags = {
        int(bit): SPELLED.get(name, name)
        for name, bit in found
        if at < header.text().index(f"JOB_{name}") < header.text().index("READY_JOB_FATAL")
    }
    assert len(flags) >= 15
    known = {bit: flag.name for bit, flag in FLAGS.items()}
    assert {
        bit: name for bit, name in flags.items() if name not in INTERNAL
    }.items() <= known.items()


def test_the_states_number_is_where_the_header_says() -> None:
    form = re.search(r"#define\s+JOB_STATE_BASE\s+(0x[0-9a-f]+)", header.text())
    assert form
    assert int(form[1], 16) == BASE_MASK


def test_every_state_and_flag_of_the_domain_but_unknown_can_be_reached() -> None:
    assert {*STATES} == {*JobState} - {JobState.UNKNOWN}
    assert {*FLAGS.values()} == {*JobStateFlag}


@given(base=st.integers(0, 0xFF), flags=st.integers(0, 0xFFFFFF))
def test_any_number_is_a_state_with_flags(base: int, flags: int) -> None:
    job = read(job_state=flags << 8 | base)
    assert job.state is (STATES[base] if base < len(STATES) else JobState.UNKNOWN)
    assert {*job.state_flags} == {flag for bit, flag in FLAGS.items() if flags << 8 & 1 << bit}


def test_states_print_as_slurms_commands_print_them() -> None:
    assert read(job_state=3 | 1 << 15).backend_state == "COMPLETED+COMPLETING"
    assert read(job_state=11).backend_state == "OUT_OF_MEMORY"


def test_a_state_that_slurm_does_not_have_has_no_number() -> None:
    assert numbers_of([JobState.RUNNING, JobState.UNKNOWN, JobState.OUT_OF_MEMORY]) == [1, 11]


@pytest.mark.parametrize(
    ("status", "ended"),
    [
        (0, ExitStatus()),
        (3 << 8, ExitStatus(code=3)),
        (255 << 8, ExitStatus(code=255)),
        (signal.SIGKILL, ExitStatus(signal=9)),
        (signal.SIGSEGV | 0x80, ExitStatus(signal=11, core_dumped=True)),
        (0x35 | 0x80, ExitStatus(signal=53)),  # a launch failure, 0:53 to scontrol: no core file
        (1, ExitStatus(signal=1)),
        (253, ExitStatus(signal=125)),
    ],
)
def test_a_wait_status_is_read(status: int, ended: ExitStatus) -> None:
    assert exit_status(status) == ended


@given(status=st.integers(0, 2**32 - 3))
def test_any_wait_status_is_read(status: int) -> None:
    ended = exit_status(status)
    assert 0 <= ended.code <= 255
    assert 0 <= ended.signal <= 127


@pytest.mark.parametrize("state", STATES)
def test_a_job_has_an_exit_status_once_it_has_ended(state: JobState) -> None:
    job = read(job_state=STATES.index(state), exit_code=512, derived_ec=9)
    ended = state not in {JobState.PENDING, JobState.RUNNING, JobState.SUSPENDED}
    assert job.exit_status == (ExitStatus(code=2) if ended else None)
    assert job.derived_exit_status == (ExitStatus(signal=9) if ended else None)


@pytest.mark.parametrize(
    ("members", "run_time"),
    [
        ({"job_state": 1}, 400),
        ({"job_state": 3}, 100),
        ({"job_state": 0, "start_time": 2000}, 0),
        ({"job_state": 0, "start_time": 0}, 0),
        ({"job_state": 4, "start_time": 0, "end_time": 1200}, 0),
        ({"job_state": 4, "start_time": 1200, "end_time": 1200}, 0),
        ({"job_state": 2, "suspend_time": 1130, "pre_sus_time": 30}, 30),
        ({"job_state": 1, "suspend_time": 1300, "pre_sus_time": 30}, 230),
        ({"job_state": 3, "suspend_time": 1150, "pre_sus_time": 30}, 80),
        ({"job_state": 1, "start_time": 1600}, 0),
        ({"job_state": 1 | 1 << 14}, 400),
        ({"job_state": 3, "end_time": 0}, 400),
    ],
)
def test_suspensions_are_not_run_time(members: dict[str, object], run_time: float) -> None:
    assert read(**members).run_time == run_time


def test_times_that_are_not_set_are_none() -> None:
    job = read(job_state=0, start_time=0, end_time=0, eligible_time=0, deadline=0)
    assert (job.start_time, job.end_time, job.eligible_time, job.deadline) == (None,) * 4


def test_a_job_that_waits_has_no_end() -> None:
    assert read(job_state=0, end_time=9999).end_time is None


@pytest.mark.parametrize(("minutes", "limit"), [(90, 5400), (None, None), (math.inf, math.inf)])
def test_a_time_limit_is_in_seconds(minutes: float | None, limit: float | None) -> None:
    assert read(time_limit=minutes).time_limit == limit


@pytest.mark.parametrize(
    ("members", "job_id", "array", "het_job"),
    [
        ({}, JobId(123, cluster="alpha"), None, None),
        (
            {"array_job_id": 120, "array_task_id": 4},
            JobId(120, 4, cluster="alpha"),
            JobArray(120),
            None,
        ),
        (
            {"array_job_id": 120, "array_task_id": 0},
            JobId(120, 0, cluster="alpha"),
            JobArray(120),
            None,
        ),
        (
            {"array_job_id": 123, "array_task_str": "5-9%2", "array_max_tasks": 2},
            JobId(123, cluster="alpha"),
            JobArray(123, "5-9%2", 2),
            None,
        ),
        (
            {"het_job_id": 122, "het_job_offset": 1, "het_job_id_set": "122-123"},
            JobId(122, None, 1, "alpha"),
            None,
            HetJob(122, 1, "122-123"),
        ),
        (
            {"het_job_id": 123, "het_job_offset": 0, "het_job_id_set": "123-124"},
            JobId(123, None, 0, "alpha"),
            None,
            HetJob(123, 0, "123-124"),
        ),
    ],
)
def test_a_job_is_known_by_the_id_that_users_know(
    members: dict[str, object], job_id: JobId, array: JobArray | None, het_job: HetJob | None
) -> None:
    job = read(**members)
    assert (job.job_id, job.array, job.het_job) == (job_id, array, het_job)
    assert job.raw_job_id == 123


def test_what_slurm_leaves_out_is_empty() -> None:
    job = read()
    assert (job.name, job.account, job.node_list, job.work_dir, job.comment) == ("",) * 5
    assert (job.nodes, job.cpus, job.ntasks, job.priority, job.nice) == (0,) * 5
    assert (job.requested_tres, job.allocated_tres, job.reason) == ((), (), None)


def test_a_nice_value_is_counted_from_slurms_offset() -> None:
    assert read(nice=(1 << 31) + 100).nice == 100
    assert read(nice=(1 << 31) - 100).nice == -100
    assert read(nice=1 << 31).nice == 0


def test_users_and_groups_have_names_where_they_are_known() -> None:
    assert (read().user, read().group) == ("jiangli", "nscc-gz")
    assert (read(user_id=1).user, read(group_id=1).group) == ("", "")


def test_the_mark_of_a_request_is_told_apart_from_the_comment() -> None:
    job = read(admin_comment="hpcagent:r-1 seen by ops")
    assert (job.request_id, job.admin_comment) == ("r-1", "seen by ops")


def test_a_reason_is_slurms_word_its_text_and_a_category() -> None:
    job = read(job_state=0, state_reason_name="Resources", state_desc="nodes are busy")
    assert job.reason == JobReason("Resources", "nodes are busy", "RESOURCES")
