"""The poller, with answers made up: which events follow from which looks."""

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from unit.slurm.records import record

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import AgentError, BackendUnavailable
from hpcagent.jobs.identity import IdentityPolicy
from hpcagent.jobs.model import Job, JobFilter, JobState
from hpcagent.jobs.watch import Hub, MemoryLog, Watch
from hpcagent.slurm.client import Client
from hpcagent.slurm.directory import Directory
from hpcagent.slurm.following import vanished
from hpcagent.slurm.following.pace import GAP, HASTE, LONGEST, SHARE, Pace
from hpcagent.slurm.following.poller import Poller
from hpcagent.slurm.following.vanished import NoEnd
from hpcagent.slurm.pool.process import PoolSettings
from hpcagent.slurm.pool.workers import WorkerPool
from hpcagent.slurm.queue import Queue

PATIENCE = 20.0
PENDING, RUNNING, COMPLETED = 0, 1, 3

Told = tuple[str, str, str]


class Slurmctld(Client):
    """Answers each look with what was prepared; then nothing changes any more."""

    def __init__(self) -> None:
        pool = WorkerPool(PoolSettings(), os.environ)
        pool.close(Deadline.after(0))
        super().__init__(pool)
        self.prepared: list[Any] = []
        self.looked_after: list[str] = []

    def call(self, operation: str, *_: object, **arguments: Any) -> Any:  # noqa: ANN401
        """Answer, or fail."""
        if operation == "names":
            return {"users": {}, "groups": {}}
        assert operation == "changes"
        self.looked_after.append(arguments["answer"])
        said = self.prepared.pop(0) if self.prepared else look()
        if isinstance(said, Exception):
            raise said
        return {**said, "next": f"answer {len(self.looked_after)}"}


def look(
    *changed: dict[str, Any],
    vanished: tuple[int, ...] = (),
    fresh: bool = False,
    more: bool = False,
) -> dict[str, Any]:
    return {"changed": list(changed), "vanished": list(vanished), "fresh": fresh, "more": more}


@pytest.fixture
def slurmctld() -> Slurmctld:
    return Slurmctld()


@pytest.fixture
def hub() -> Hub:
    return Hub(MemoryLog(), quiet=0.01)


Start = Callable[..., Poller]


@pytest.fixture
def start(slurmctld: Slurmctld, hub: Hub) -> Iterator[Start]:
    """Starts a poller that looks only when it is asked to."""
    pollers = []

    def begin(**more: Any) -> Poller:  # noqa: ANN401
        queue = Queue(slurmctld, Directory(slurmctld, IdentityPolicy(1)), lambda: "alpha")
        poller = Poller(slurmctld, queue, hub, Pace(3600.0), **more)
        poller.start()
        pollers.append(poller)
        return poller

    yield begin
    for poller in pollers:
        poller.stop()
        poller._thread.join(PATIENCE)


def told(watch: Watch) -> list[Told]:
    return [
        (event.kind.name, str(event.job.job_id), event.job.state.name)
        for event in watch.pending()
        if event.job is not None
    ]


def after_looks(poller: Poller, hub: Hub, slurmctld: Slurmctld, *looks: Any) -> list[list[Told]]:  # noqa: ANN401
    """What a watcher is told after each look; the first is before it began."""
    watch, heard = hub.watch(JobFilter()), []
    for one in looks:
        slurmctld.prepared.append(one)
        poller.require(Deadline.after(PATIENCE))
        heard.append(told(watch))
    return heard


def test_each_look_becomes_events(start: Start, hub: Hub, slurmctld: Slurmctld) -> None:
    assert after_looks(
        start(), hub, slurmctld,
        look(record(job_id=1, job_state=PENDING), fresh=True),
        look(record(job_id=1, job_state=RUNNING), record(job_id=2)),
        look(record(job_id=1, job_state=COMPLETED)),
        look(vanished=(1,)),
    ) == [
        [("CHANGED", "1", "PENDING")],
        [("CHANGED", "1", "RUNNING"), ("CHANGED", "2", "RUNNING")],
        [("CHANGED", "1", "COMPLETED")],
        [("GONE", "1", "COMPLETED")],
    ]  # fmt: skip
    assert slurmctld.looked_after == ["", "answer 1", "answer 2", "answer 3"]


def test_a_job_that_vanished_before_its_end_was_seen_is_never_called_done(
    start: Start, hub: Hub, slurmctld: Slurmctld
) -> None:
    *_, last = after_looks(
        start(), hub, slurmctld, look(record(job_id=1), fresh=True), look(vanished=(1,))
    )
    assert last == [("GONE", "1", "UNKNOWN")]


def test_whoever_knows_how_it_ended_is_asked_and_that_is_told_first(
    start: Start, hub: Hub, slurmctld: Slurmctld
) -> None:
    def accounting(job: Job, _: Deadline) -> Job:
        return replace(job, state=JobState.TIMEOUT)

    *_, last = after_looks(
        start(ending=accounting), hub, slurmctld,
        look(record(job_id=1), fresh=True), look(vanished=(1,)),
    )  # fmt: skip
    assert last == [("CHANGED", "1", "TIMEOUT"), ("GONE", "1", "TIMEOUT")]


class Accounting:
    """Knows of each job what was prepared, one answer after the other; the last one stays."""

    def __init__(self, **answers: list[JobState | NoEnd | AgentError]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, job: Job, _: Deadline) -> Job | NoEnd:
        self.asked.append(str(job.job_id))
        left = self.answers[f"job{job.job_id}"]
        said = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(said, AgentError):
            raise said
        return replace(job, state=said) if isinstance(said, JobState) else said


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look asks accounting again."""
    monkeypatch.setattr(vanished, "AGAIN_SECONDS", 0.0)


@pytest.mark.usefixtures("at_once")
def test_accounting_is_asked_again_until_it_has_the_end(
    start: Start, hub: Hub, slurmctld: Slurmctld
) -> None:
    accounting = Accounting(job1=[NoEnd.YET, NoEnd.YET, JobState.COMPLETED])
    heard = after_looks(
        start(ending=accounting), hub, slurmctld,
        look(record(job_id=1), fresh=True), look(vanished=(1,)), look(), look(), look(),
    )  # fmt: skip
    assert heard[1:] == [[], [], [("CHANGED", "1", "COMPLETED"), ("GONE", "1", "COMPLETED")], []]
    assert accounting.asked == ["1"] * 3


@pytest.mark.usefixtures("at_once")
def test_a_job_is_unknown_when_accounting_has_had_its_time(
    start: Start, hub: Hub, slurmctld: Slurmctld, monkeypatch: pytest.MonkeyPatch
) -> None:
    poller = start(ending=Accounting(job1=[NoEnd.YET]))
    first = after_looks(
        poller, hub, slurmctld, look(record(job_id=1), fresh=True), look(vanished=(1,))
    )
    assert first[-1] == []
    clock = poller._vanished._clock
    monkeypatch.setattr(poller._vanished, "_clock", lambda: clock() + vanished.PATIENCE_SECONDS)
    assert after_looks(poller, hub, slurmctld, look())[-1][-1] == ("GONE", "1", "UNKNOWN")


@pytest.mark.usefixtures("at_once")
def test_a_look_tells_of_the_others_though_accounting_is_down(
    start: Start, hub: Hub, slurmctld: Slurmctld
) -> None:
    down = BackendUnavailable("slurmdbd does not answer")
    heard = after_looks(
        start(ending=Accounting(job1=[down, JobState.FAILED])), hub, slurmctld,
        look(record(job_id=1), record(job_id=2), fresh=True),
        look(record(job_id=2, job_state=COMPLETED), record(job_id=3), vanished=(1,)),
        look(),
    )  # fmt: skip
    assert heard[1:] == [
        [("CHANGED", "2", "COMPLETED"), ("CHANGED", "3", "RUNNING")],
        [("CHANGED", "1", "FAILED"), ("GONE", "1", "FAILED")],
    ]
    assert slurmctld.looked_after == ["", "answer 1", "answer 2"]


@pytest.mark.usefixtures("at_once")
def test_a_job_that_slurmctld_has_again_is_not_gone(
    start: Start, hub: Hub, slurmctld: Slurmctld
) -> None:
    heard = after_looks(
        start(ending=Accounting(job1=[NoEnd.YET, JobState.COMPLETED])), hub, slurmctld,
        look(record(job_id=1), fresh=True), look(vanished=(1,)), look(record(job_id=1)), look(),
    )  # fmt: skip
    assert heard[1:] == [[], [("CHANGED", "1", "RUNNING")], []]


def test_an_arrays_record_that_becomes_its_last_task_is_gone_and_the_task_is_there(
    start: Start, hub: Hub, slurmctld: Slurmctld
) -> None:
    array = {"job_id": 7, "array_job_id": 7}
    heard = after_looks(
        start(), hub, slurmctld,
        look(record(**array, array_task_str="0-1", job_state=PENDING), fresh=True),
        look(record(**array, array_task_str="1", job_state=PENDING),
             record(job_id=8, array_job_id=7, array_task_id=0)),
        look(record(**array, array_task_id=1)),
    )  # fmt: skip
    assert heard == [
        [("CHANGED", "7", "PENDING")],
        [("CHANGED", "7", "PENDING"), ("CHANGED", "7_0", "RUNNING")],
        [("CHANGED", "7_1", "RUNNING"), ("GONE", "7", "PENDING")],
    ]


def test_a_new_worker_tells_all_again_and_only_what_differs_is_told_on(
    start: Start, hub: Hub, slurmctld: Slurmctld
) -> None:
    """Also where all comes in several answers: nothing is gone before the last of them."""
    poller = start()
    slurmctld.prepared = [look(record(job_id=1), record(job_id=2), record(job_id=3), fresh=True)]
    poller.require(Deadline.after(PATIENCE))
    watch = hub.watch(JobFilter())
    told(watch)
    slurmctld.prepared = [BackendUnavailable("the worker died")]
    with pytest.raises(AgentError, match="the worker died"):
        poller.require(Deadline.after(PATIENCE))
    slurmctld.prepared = [
        look(record(job_id=1), fresh=True, more=True),
        look(record(job_id=2, job_state=COMPLETED), record(job_id=4)),
    ]
    poller.require(Deadline.after(PATIENCE))
    assert slurmctld.looked_after[2:] == ["", "answer 3"]
    assert told(watch) == [
        ("CHANGED", "2", "COMPLETED"), ("CHANGED", "4", "RUNNING"), ("GONE", "3", "UNKNOWN"),
    ]  # fmt: skip


def test_a_defect_ends_one_look_and_not_the_watch(
    start: Start, hub: Hub, slurmctld: Slurmctld
) -> None:
    poller = start()
    slurmctld.prepared = [{"nonsense": 1}, look(record(job_id=1), fresh=True)]
    with pytest.raises(BackendUnavailable):
        poller.require(Deadline.after(PATIENCE))
    poller.require(Deadline.after(PATIENCE))
    assert set(hub.jobs) == {"1"}


def test_nobody_looks_unless_somebody_watches(start: Start, hub: Hub, slurmctld: Slurmctld) -> None:
    poller = start()
    poller.hurry()
    watch = hub.watch(JobFilter())
    poller.require(Deadline.after(PATIENCE))
    hub.leave(watch)
    assert len(slurmctld.looked_after) == 1


def test_a_change_of_the_agents_own_is_looked_for_at_once(
    start: Start, hub: Hub, slurmctld: Slurmctld
) -> None:
    poller = start()
    poller.require(Deadline.after(PATIENCE))
    watch = hub.watch(JobFilter())
    seen = threading.Event()
    watch.on_news = seen.set
    slurmctld.prepared = [look(record(job_id=1))]
    poller.hurry()
    assert seen.wait(PATIENCE)
    assert told(watch)[-1] == ("CHANGED", "1", "RUNNING")


def test_what_accounting_takes_is_no_reason_to_leave_slurmctld_alone_for_longer(
    start: Start, hub: Hub, slurmctld: Slurmctld
) -> None:
    """Twenty times that may be longer than slurmctld keeps jobs that have ended."""

    def accounting(job: Job, _: Deadline) -> Job:
        threading.Event().wait(0.3)
        return replace(job, state=JobState.TIMEOUT)

    poller = start(ending=accounting)
    after_looks(poller, hub, slurmctld, look(record(job_id=1), fresh=True), look(vanished=(1,)))
    poller._pace.least = 0
    assert poller._pace.due(hurried=False) < 0.3 * SHARE / 2


@pytest.mark.parametrize(
    ("took", "hurried", "due"),
    [
        (0.001, False, 1.0),
        (0.5, False, 0.5 * SHARE),
        (10.0, False, LONGEST),
        (0.001, True, GAP),
        (0.5, True, 0.5 * HASTE),
    ],
)
def test_slurmctld_gets_a_rest_that_grows_with_what_a_look_took(
    took: float, hurried: bool, due: float
) -> None:
    now = 100.0
    pace = Pace(1.0, clock=lambda: now)
    assert pace.due(hurried=hurried) == 0
    pace.looked(now - took)
    assert pace.due(hurried=hurried) == pytest.approx(due)


@pytest.mark.parametrize(("kept", "due"), [(2.0, 1.0), (60.0, 30.0), (300.0, LONGEST)])
@pytest.mark.parametrize("hurried", [False, True])
def test_two_looks_fall_into_the_time_for_which_slurmctld_keeps_an_end(
    kept: float, due: float, *, hurried: bool
) -> None:
    now = 100.0
    pace = Pace(1.0, lambda: kept, clock=lambda: now)
    pace.looked(now - 10.0)
    assert pace.due(hurried=hurried) == pytest.approx(due)
