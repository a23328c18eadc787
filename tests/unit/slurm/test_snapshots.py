import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import BackendUnavailable, DeadlineExceeded
from hpcagent.slurm.inventory.snapshots import Snapshot

CALLERS = 8
LONG = 60.0


class Source:
    """Answers with the number of the question; may be held up, or fail."""

    def __init__(self) -> None:
        self.asked = 0
        self.entered = threading.Event()
        self.gate = threading.Event()
        self.gate.set()
        self.failures = 0

    def __call__(self, deadline: Deadline) -> int:
        self.asked += 1
        self.entered.set()
        self.gate.wait(deadline.remaining())
        if self.failures:
            self.failures -= 1
            raise BackendUnavailable("down")
        return self.asked


def soon() -> Deadline:
    return Deadline.after(20)


def test_an_answer_is_shared_while_it_is_good() -> None:
    source = Source()
    snapshot = Snapshot(source, LONG)
    first = snapshot.get(soon())
    assert snapshot.get(soon()) is first
    assert source.asked == 1


def test_an_answer_that_is_too_old_is_asked_for_again() -> None:
    source = Source()
    snapshot = Snapshot(source, max_age=0)
    assert [snapshot.get(soon()).value for _ in range(3)] == [1, 2, 3]


def test_an_answer_is_as_of_the_moment_when_it_was_asked_for() -> None:
    snapshot = Snapshot(Source(), LONG)
    first = snapshot.get(soon())
    snapshot.forget()
    assert snapshot.get(soon()).as_of_time > first.as_of_time


def test_an_answer_from_before_something_happened_is_asked_for_again() -> None:
    source = Source()
    snapshot = Snapshot(source, LONG)
    first = snapshot.get(soon())
    assert snapshot.get(soon(), since=first.as_of_time) is first
    assert snapshot.get(soon(), since=time.time()).value == 2
    assert snapshot.get(soon()).value == 2


def test_callers_at_once_share_one_question() -> None:
    source = Source()
    source.gate.clear()
    snapshot = Snapshot(source, LONG)
    with ThreadPoolExecutor(CALLERS) as pool:
        calls = [pool.submit(snapshot.get, soon()) for _ in range(CALLERS)]
        source.entered.wait()
        source.gate.set()
        assert {call.result().value for call in calls} == {1}
    assert source.asked == 1


def test_a_failure_is_told_to_who_asked_and_the_next_asks_anew() -> None:
    source = Source()
    source.failures = 1
    snapshot = Snapshot(source, LONG)
    with pytest.raises(BackendUnavailable):
        snapshot.get(soon())
    assert snapshot.get(soon()).value == 2


def test_a_caller_whose_deadline_passes_leaves_the_others_alone() -> None:
    source = Source()
    source.gate.clear()
    snapshot = Snapshot(source, LONG)
    with ThreadPoolExecutor(1) as pool:
        patient = pool.submit(snapshot.get, soon())
        source.entered.wait()
        with pytest.raises(DeadlineExceeded):
            snapshot.get(Deadline.after(0.01))
        source.gate.set()
        assert patient.result().value == 1
