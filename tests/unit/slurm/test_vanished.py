"""Jobs that slurmctld has forgotten, with accounting made up: who is asked, when, how often."""

from dataclasses import replace

import pytest
from unit.journals import seen

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import BackendUnavailable
from hpcagent.jobs.model import Job, JobState
from hpcagent.slurm.following.vanished import (
    AGAIN_SECONDS,
    BUDGET_SECONDS,
    PATIENCE_SECONDS,
    NoEnd,
    Vanished,
)


class Accounting:
    """Needs a time for each answer; has no end but those in ``ends``."""

    def __init__(self, took: float = 0.0) -> None:
        self.now = 100.0
        self.took = took
        self.down = False
        self.ends: dict[str, JobState] = {}
        self.asked: list[str] = []

    def __call__(self, job: Job, _: Deadline) -> Job | NoEnd:
        name = str(job.job_id)
        self.asked.append(name)
        self.now += self.took
        if self.down:
            raise BackendUnavailable("slurmdbd does not answer")
        return replace(job, state=self.ends[name]) if name in self.ends else NoEnd.YET

    def forget(self, *names: str) -> Vanished:
        """Return jobs of which slurmctld knows no more."""
        vanished = Vanished(self, lambda: self.now)
        for name in names:
            vanished.add(seen(name, JobState.RUNNING))
        return vanished

    def said(self, vanished: Vanished) -> dict[str, str]:
        return {str(job.job_id): job.state.name for job in vanished.settle()}


@pytest.fixture
def accounting() -> Accounting:
    return Accounting()


def test_it_is_asked_again_after_a_pause_and_given_up_in_the_end(accounting: Accounting) -> None:
    vanished = accounting.forget("1")
    assert accounting.said(vanished) == {}
    assert accounting.said(vanished) == {}
    assert accounting.asked == ["1"]
    accounting.now += AGAIN_SECONDS
    assert accounting.said(vanished) == {}
    assert accounting.asked == ["1", "1"]
    accounting.now += PATIENCE_SECONDS
    assert accounting.said(vanished) == {"1": "UNKNOWN"}
    assert accounting.said(vanished) == {}


def test_an_end_that_comes_with_the_last_question_is_told(accounting: Accounting) -> None:
    vanished = accounting.forget("1")
    accounting.said(vanished)
    accounting.now += 10 * PATIENCE_SECONDS
    accounting.ends = {"1": JobState.FAILED}
    assert accounting.said(vanished) == {"1": "FAILED"}


def test_a_look_asks_for_a_while_and_the_next_ones_go_on_from_there() -> None:
    accounting = Accounting(took=BUDGET_SECONDS / 4)
    names = [str(number) for number in range(1, 13)]
    accounting.ends = dict.fromkeys(names, JobState.COMPLETED)
    vanished = accounting.forget(*names)
    told = [accounting.said(vanished) for _ in range(3)]
    assert [list(one) for one in told] == [names[:5], names[5:10], names[10:]]
    assert accounting.asked == names


def test_no_job_is_given_up_that_nobody_has_been_asked_about() -> None:
    accounting = Accounting(took=2 * BUDGET_SECONDS)
    vanished = accounting.forget("1", "2")
    assert accounting.said(vanished) == {}
    accounting.now += 2 * PATIENCE_SECONDS
    assert accounting.said(vanished) == {}
    assert accounting.said(vanished) == {"1": "UNKNOWN"}
    assert accounting.asked == ["1", "2", "1"]


def test_an_accounting_that_is_down_is_asked_about_one_job_and_not_the_same_again(
    accounting: Accounting,
) -> None:
    vanished = accounting.forget("1", "2", "3")
    accounting.down = True
    assert accounting.said(vanished) == {}
    assert accounting.said(vanished) == {}
    accounting.now += AGAIN_SECONDS
    assert accounting.said(vanished) == {}
    assert accounting.asked == ["1", "2"]
    accounting.now += AGAIN_SECONDS
    accounting.down, accounting.ends = False, dict.fromkeys("123", JobState.COMPLETED)
    assert accounting.said(vanished) == dict.fromkeys("312", "COMPLETED")


def test_an_accounting_that_stays_down_makes_jobs_unknown_in_the_end(
    accounting: Accounting,
) -> None:
    vanished = accounting.forget("1", "2")
    accounting.down = True
    assert accounting.said(vanished) == {}
    accounting.now += PATIENCE_SECONDS
    assert accounting.said(vanished) == {"1": "UNKNOWN", "2": "UNKNOWN"}


def test_where_nobody_can_know_there_is_no_wait() -> None:
    vanished = Vanished(lambda *_: NoEnd.EVER)
    vanished.add(seen("1", JobState.RUNNING))
    assert [job.state for job in vanished.settle()] == [JobState.UNKNOWN]
