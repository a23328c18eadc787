"""The keeper, with a past made up: for how long it asks how a job ended that has vanished."""

import os
from collections.abc import Iterator, Sequence

import pytest
from unit.journals import CLUSTER, accepted, seen, told

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.identity import IdentityPolicy
from hpcagent.jobs.model import Job, JobId, JobState
from hpcagent.journal import IN_MEMORY, FileJournal
from hpcagent.slurm.client import Client
from hpcagent.slurm.cluster import Cluster
from hpcagent.slurm.directory import Directory
from hpcagent.slurm.history import keeper as keeping
from hpcagent.slurm.history.accounting import History
from hpcagent.slurm.history.keeper import Keeper
from hpcagent.slurm.history.past import Past
from hpcagent.slurm.inventory.reading import SlurmInventory
from hpcagent.slurm.pool.process import PoolSettings
from hpcagent.slurm.pool.workers import WorkerPool
from hpcagent.slurm.queue import Queue

DEADLINE = Deadline.after(60)


class Forgetful(Queue):
    """A slurmctld that has no jobs."""

    def numbered(self, numbers: Sequence[int], deadline: Deadline) -> list[Job]:  # noqa: ARG002 - as Queue has them
        """None of them."""
        return []


class Late(Past):
    """Accounting that learns late; or, where a site has none, never."""

    is_kept = True
    end: Job | None = None
    asked = 0

    def job(self, job_id: JobId, deadline: Deadline) -> Job | None:  # noqa: ARG002 - as Past has it
        """What is known by now."""
        self.asked += 1
        return self.end or self._journal.job(JobId(job_id.job_id, cluster=CLUSTER))

    def may_learn(self, deadline: Deadline) -> bool:  # noqa: ARG002 - as Past has it
        """Whether there is accounting."""
        return self.is_kept


class Clock:
    """The monotonic clock, moved by hand."""

    now = 1e6

    def monotonic(self) -> float:
        """What it shows."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    ours = Clock()
    monkeypatch.setattr(keeping, "time", ours)
    return ours


@pytest.fixture
def journal() -> Iterator[FileJournal]:
    """Job 7 was last seen as it ran."""
    ours = FileJournal(IN_MEMORY)
    accepted(ours, 7)
    ours.saw([seen("7", JobState.RUNNING)])
    yield ours
    ours.close()


@pytest.fixture
def past(journal: FileJournal) -> Late:
    pool = WorkerPool(PoolSettings(), os.environ)
    pool.close(Deadline.after(0))
    client = Client(pool)
    directory = Directory(client, IdentityPolicy(1000))
    queue = Forgetful(client, directory, lambda: CLUSTER)
    inventory = SlurmInventory(client, Cluster(client, 60), directory)
    return Late(journal, History(pool, queue, inventory), lambda: CLUSTER)


@pytest.fixture
def keeper(journal: FileJournal, past: Late, clock: Clock) -> Keeper:
    client = past._history._client
    queue = Forgetful(client, Directory(client, IdentityPolicy(1000)), lambda: CLUSTER)
    return Keeper(journal, queue, past, 30, 30)


def test_an_end_that_accounting_learns_late_is_written_down(
    keeper: Keeper, journal: FileJournal, past: Late, clock: Clock
) -> None:
    keeper.look(DEADLINE)
    assert list(journal.unfinished()) == [7]
    past.end = seen("7", JobState.COMPLETED)
    clock.now += 30
    keeper.look(DEADLINE)
    assert list(journal.unfinished()) == []
    assert told(journal, "7").state is JobState.COMPLETED


def test_accounting_is_asked_ever_more_rarely_and_given_up(
    keeper: Keeper, journal: FileJournal, past: Late, clock: Clock
) -> None:
    looks = 0
    while journal.unfinished():
        keeper.look(DEADLINE)
        clock.now += 30
        looks += 1
    assert keeping.GIVE_UP <= looks * 30 < 3 * keeping.GIVE_UP
    assert past.asked < 12
    assert told(journal, "7").state is JobState.UNKNOWN


def test_without_accounting_it_is_given_up_at_once(
    keeper: Keeper, journal: FileJournal, past: Late
) -> None:
    past.is_kept = False
    keeper.look(DEADLINE)
    assert list(journal.unfinished()) == []
    assert told(journal, "7").state is JobState.UNKNOWN
