"""How a vanished job ended: what follows from what accounting has of it."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from unit.journals import CLUSTER, seen

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import AgentError, BackendUnavailable
from hpcagent.jobs.model import Job, JobState
from hpcagent.journal import FileJournal
from hpcagent.slurm.following.vanished import NoEnd
from hpcagent.slurm.history.accounting import History
from hpcagent.slurm.history.past import Past

RAN = seen("7", JobState.RUNNING, submit_time=5000)


def ending(journal: FileJournal, told: Job | AgentError | None, *, kept: bool = True) -> Any:  # noqa: ANN401 - a job or none
    def get(*_: object) -> Job | None:
        if isinstance(told, AgentError):
            raise told
        return told

    history = cast("History", SimpleNamespace(is_kept=lambda _: kept, get=get))
    return Past(journal, history, lambda: CLUSTER).ending(RAN, Deadline.after(10))


def test_the_end_that_accounting_has_is_the_end(journal: FileJournal) -> None:
    end = seen("7", JobState.TIMEOUT, submit_time=5000)
    assert ending(journal, end) == end


@pytest.mark.parametrize(
    "told",
    [
        None,
        seen("7", JobState.UNKNOWN, submit_time=5000),
        seen("7", JobState.COMPLETED, request_id="another's"),
    ],
)
def test_accounting_that_has_no_end_yet_may_still_learn_it(
    journal: FileJournal, told: Job | None
) -> None:
    assert ending(journal, told) is NoEnd.YET


def test_without_accounting_nobody_will_ever_know(journal: FileJournal) -> None:
    assert ending(journal, None, kept=False) is NoEnd.EVER


def test_that_accounting_cannot_be_asked_is_an_error(journal: FileJournal) -> None:
    with pytest.raises(BackendUnavailable):
        ending(journal, BackendUnavailable("slurmdbd does not answer"))
