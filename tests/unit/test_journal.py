"""What the journal remembers."""

import time
from dataclasses import replace

import pytest
from unit.journals import CLUSTER, DAY, ENTRY, accepted, seen, told

from hpcagent.jobs.journal import Outcome
from hpcagent.jobs.model import (
    ExitStatus,
    HetJob,
    Job,
    JobArray,
    JobId,
    JobSource,
    JobState,
    JobStateFlag,
)
from hpcagent.journal import FileJournal

# ------------------------------------------------------------------------ what it remembers


def test_an_end_that_was_seen_is_final(journal: FileJournal) -> None:
    accepted(journal, 7)
    ended = seen("7", JobState.FAILED, exit_status=ExitStatus(code=3), run_time=5.0)
    journal.saw([seen("7", JobState.RUNNING)])
    assert list(journal.unfinished()) == [7]
    journal.saw([ended])
    assert list(journal.unfinished()) == []
    kept = told(journal, "7")
    assert replace(kept, as_of_time=1, source=JobSource.LIVE) == ended
    assert time.time() - kept.as_of_time < 60


@pytest.mark.parametrize("state", [JobState.PENDING, JobState.RUNNING, JobState.SUSPENDED])
def test_a_job_that_was_not_seen_to_its_end_is_unknown(
    journal: FileJournal, state: JobState
) -> None:
    accepted(journal, 7)
    journal.saw([seen("7", state)])
    kept = told(journal, "7")
    assert (kept.state, kept.backend_state) == (JobState.UNKNOWN, state.name)
    assert kept.reason is not None
    assert kept.reason.name == "NotSeenToEnd"
    assert state.name in kept.reason.text


def test_a_job_that_still_completes_is_not_seen_to_its_end(journal: FileJournal) -> None:
    accepted(journal, 7)
    journal.saw([seen("7", JobState.CANCELLED, state_flags=(JobStateFlag.COMPLETING,))])
    assert list(journal.unfinished()) == [7]
    assert told(journal, "7").state is JobState.UNKNOWN


def test_a_job_that_was_never_seen_is_told_by_its_request(journal: FileJournal) -> None:
    accepted(journal, 7)
    kept = told(journal, "7")
    assert (kept.state, kept.name, kept.user, kept.request_id) == (
        JobState.UNKNOWN, "job", "alice", "r-1",
    )  # fmt: skip
    assert journal.made_by("r-1") == kept
    assert journal.job(JobId(8, cluster=CLUSTER)) is None
    assert journal.job(JobId(7, cluster="other")) is None


def test_a_requeued_job_is_unfinished_again(journal: FileJournal) -> None:
    accepted(journal, 7)
    journal.saw([seen("7", JobState.FAILED)])
    journal.saw([seen("7", JobState.PENDING, restart_count=1)])
    assert list(journal.unfinished()) == [7]
    assert told(journal, "7").state is JobState.UNKNOWN


def test_tasks_of_an_array_are_kept_one_by_one(journal: FileJournal) -> None:
    accepted(journal, 7)
    waiting = JobArray(7, "1-3%1")
    journal.saw([
        seen("7", JobState.PENDING, array=waiting),
        seen("7_0", JobState.COMPLETED, array=JobArray(7), raw_job_id=8),
    ])  # fmt: skip
    assert told(journal, "7_0").state is JobState.COMPLETED
    assert told(journal, "8").job_id == JobId(7, 0, cluster=CLUSTER)
    assert told(journal, "7_2").job_id == JobId(7, 2, cluster=CLUSTER)
    assert told(journal, "7_2").state is told(journal, "7").state is JobState.UNKNOWN
    assert journal.job(JobId(7, 4, cluster=CLUSTER)) is None
    tasks = [
        seen(f"7_{task}", JobState.COMPLETED, array=JobArray(7), raw_job_id=raw)
        for task, raw in ((1, 9), (2, 10), (3, 7))
    ]
    journal.saw(tasks)
    assert list(journal.unfinished()) == []
    assert told(journal, "7").job_id.array_task_id == 3


@pytest.mark.parametrize("array", ["0-3,8", "[0-1],2-3%1,8", "0-8:4,1-3%2"])
def test_a_task_that_nobody_saw_is_one_of_those_that_were_asked_for(
    journal: FileJournal, array: str
) -> None:
    accepted(journal, 7, replace(ENTRY, array=array))
    for _ in range(2):  # at first none of them was seen
        for task in (0, 3, 8):
            kept = told(journal, f"7_{task}")
            assert (kept.job_id.array_task_id, kept.state) == (task, JobState.UNKNOWN)
            assert kept.backend_state == ""
        for unknown in (JobId(7, 9, cluster=CLUSTER), JobId(7, None, 0, CLUSTER)):
            assert journal.job(unknown) is None
        journal.saw([seen("7_1", JobState.COMPLETED, array=JobArray(7), raw_job_id=8)])


def test_a_component_that_nobody_saw_is_one_of_those_that_were_asked_for(
    journal: FileJournal,
) -> None:
    accepted(journal, 7, replace(ENTRY, components=2))
    accepted(journal, 8)
    assert told(journal, "7+1").state is JobState.UNKNOWN
    for unknown in (
        JobId(7, None, 2, CLUSTER),
        JobId(7, 0, None, CLUSTER),
        JobId(8, None, 0, CLUSTER),
    ):
        assert journal.job(unknown) is None


def test_components_are_kept_one_by_one(journal: FileJournal) -> None:
    accepted(journal, 7)
    journal.saw([
        seen("7+0", JobState.COMPLETED, het_job=HetJob(7, 0), raw_job_id=7),
        seen("7+1", JobState.FAILED, het_job=HetJob(7, 1), raw_job_id=8),
    ])  # fmt: skip
    assert told(journal, "7+1").state is JobState.FAILED
    assert told(journal, "7").job_id == JobId(7, None, 0, CLUSTER)


@pytest.mark.parametrize(
    "other",
    [
        seen("8", JobState.RUNNING),
        seen("7", JobState.RUNNING, user_id=1001),
        seen("7", JobState.RUNNING, request_id="r-2"),
        replace(seen("7", JobState.RUNNING), job_id=JobId(7, cluster="other")),
    ],
    ids=["number", "user", "request_id", "cluster"],
)
def test_a_job_of_somebody_elses_is_passed_over(journal: FileJournal, other: Job) -> None:
    accepted(journal, 7)
    journal.saw([other])
    assert told(journal, "7").backend_state == ""


def test_the_newest_of_several_jobs_of_one_request_counts(journal: FileJournal) -> None:
    accepted(journal, 7)
    accepted(journal, 8)
    journal.saw([seen("7", JobState.COMPLETED), seen("8", JobState.FAILED)])
    made = journal.made_by("r-1")
    assert made is not None
    assert (made.job_id.job_id, made.state) == (8, JobState.FAILED)


def test_a_number_that_was_given_again_means_the_newest_job(journal: FileJournal) -> None:
    old, new = (replace(ENTRY, request_id=mark) for mark in ("old", "new"))
    accepted(journal, 7, old)
    journal.saw([seen("7", JobState.RUNNING, request_id="old")])
    accepted(journal, 7, new)
    journal.saw([seen("7", JobState.FAILED, request_id="new")])
    assert told(journal, "7").state is JobState.FAILED
    first = journal.made_by("old")
    assert first is not None
    assert (first.state, first.backend_state) == (JobState.UNKNOWN, "RUNNING")


@pytest.mark.parametrize(
    ("later", "restarts", "same"),
    [
        (0, 0, True),
        (-300, 0, True),
        (300, 0, True),
        (DAY, 0, False),
        (DAY, 1, True),
        (-DAY, 1, False),
    ],
)
def test_a_job_without_a_mark_is_known_by_when_it_was_submitted(
    journal: FileJournal, later: float, restarts: int, same: bool
) -> None:
    accepted(journal, 7, replace(ENTRY, request_id=""))
    fields = {"submit_time": ENTRY.asked_at + later, "restart_count": restarts, "request_id": ""}
    job = seen("7", JobState.RUNNING, **fields)
    assert list(journal.known([job])) == [7] * same
    journal.saw([job])
    assert told(journal, "7").backend_state == "RUNNING" * same


# ---------------------------------------------------------------------------- the outcome


def test_an_entry_tells_what_became_of_it(journal: FileJournal) -> None:
    assert journal.entry("r-1") is None
    number = journal.intend(ENTRY)
    assert journal.entry("r-1") == ENTRY
    journal.settle(number, Outcome.REFUSED, reason="ESLURM_X")
    assert journal.entry("r-1") is None
    accepted(journal, 7)
    assert journal.entry("r-1") == replace(ENTRY, outcome=Outcome.ACCEPTED, job_id=7)
    assert journal.entry("") is None


def test_an_open_entry_is_settled_by_the_job_that_bears_its_mark(journal: FileJournal) -> None:
    journal.intend(ENTRY)
    journal.saw([seen("9", JobState.RUNNING, user_id=1001)])
    assert list(journal.unfinished()) == []
    journal.saw([seen("9", JobState.RUNNING)])
    assert list(journal.unfinished()) == [9]
    assert told(journal, "9").backend_state == "RUNNING"


def test_a_lost_job_is_not_looked_for_again(journal: FileJournal) -> None:
    accepted(journal, 7)
    journal.saw([seen("7", JobState.RUNNING)])
    journal.lost([7])
    assert list(journal.unfinished()) == []
    assert told(journal, "7").state is JobState.UNKNOWN
