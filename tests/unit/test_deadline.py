import time

from hpcagent.jobs.deadline import Deadline


def test_a_deadline_leaves_no_more_than_it_was_given() -> None:
    deadline = Deadline.after(60)
    assert 59 < deadline.remaining() <= 60
    assert not deadline.passed


def test_a_deadline_that_has_passed_leaves_nothing() -> None:
    deadline = Deadline(time.monotonic() - 5)
    assert deadline.remaining() == 0
    assert deadline.passed


def test_a_deadline_does_not_begin_anew() -> None:
    deadline = Deadline.after(60)
    assert deadline.remaining() >= deadline.remaining()
