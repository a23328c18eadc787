"""What a call's failure means to a caller of the agent."""

import os

import pytest

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import AgentError, Kind
from hpcagent.slurm import errors, wire
from hpcagent.slurm.client import Client, FileError, WorkerFaultError
from hpcagent.slurm.pool.process import PoolSettings
from hpcagent.slurm.pool.workers import (
    CallOverranError,
    NotSentError,
    NoWorkerError,
    WorkerDiedError,
    WorkerPool,
)

SOON = Deadline.after(60)


class Failing(WorkerPool):
    """A pool without workers, whose calls all end in one way."""

    def __init__(self, outcome: wire.Reply | Exception) -> None:
        super().__init__(PoolSettings(), os.environ)
        self.outcome = outcome
        self.close(SOON)

    def call(self, operation: str, deadline: Deadline, **arguments: object) -> wire.Reply:
        """Say what was prepared."""
        self.asked = (operation, deadline, arguments)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def failure(outcome: wire.Reply | Exception, about: errors.Call) -> AgentError:
    with pytest.raises(AgentError) as caught:
        Client(Failing(outcome)).call("any", SOON, about)
    return caught.value


UNKNOWN = "SUBMIT_OUTCOME_UNKNOWN"
MEANINGS = [
    (NoWorkerError(alive=True), Kind.RESOURCE_EXHAUSTED, "OVERLOADED", None),
    (NoWorkerError(alive=False), Kind.UNAVAILABLE, "NO_WORKER", None),
    (NotSentError(), Kind.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", None),
    (CallOverranError(), Kind.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", UNKNOWN),
    (WorkerDiedError(), Kind.UNAVAILABLE, "WORKER_DIED", UNKNOWN),
    (wire.Failed("no_reply", "x"), Kind.UNAVAILABLE, "NO_REPLY", UNKNOWN),
    (wire.Failed("member", "x"), Kind.UNIMPLEMENTED, "NOT_SUPPORTED_BY_SLURM", None),
    (wire.Failed("identity", "x"), Kind.FAILED_PRECONDITION, "CANNOT_ACT_AS_USER", None),
    (wire.Failed("accounting", "x", 111), Kind.UNAVAILABLE, "SLURMDBD_UNAVAILABLE", None),
    (wire.Failed("accounting", "x", 7000), Kind.UNAVAILABLE, "SLURMDBD_UNAVAILABLE", None),
    (wire.Failed("accounting", "x", 2002), Kind.PERMISSION_DENIED, "ESLURM_ACCESS_DENIED", None),
    (
        wire.Failed("accounting", "x", 7006),
        Kind.RESOURCE_EXHAUSTED,
        "ESLURM_RESULT_TOO_LARGE",
        None,
    ),
    (wire.Failed("accounting", "x", 7007), Kind.OUT_OF_RANGE, "ESLURM_DB_QUERY_TOO_WIDE", None),
    (wire.Failed("slurm", "x", 2000), Kind.INVALID_ARGUMENT, "ESLURM_INVALID_PARTITION_NAME", None),
]


@pytest.mark.parametrize(("outcome", "kind", "reason", "of_a_change"), MEANINGS)
def test_only_what_may_have_been_carried_out_is_of_unknown_outcome(
    outcome: wire.Reply | Exception, kind: Kind, reason: str, of_a_change: str | None
) -> None:
    asked = failure(outcome, errors.LOAD)
    assert (asked.kind, asked.reason) == (kind, reason)
    changed = failure(outcome, errors.SUBMIT)
    assert changed.reason == (of_a_change or reason)
    if of_a_change is None:
        assert changed.kind is kind


def test_a_deadline_that_leaves_the_outcome_unknown_is_said_to_be_one() -> None:
    assert failure(CallOverranError(), errors.SUBMIT).kind is Kind.DEADLINE_EXCEEDED
    assert failure(WorkerDiedError(), errors.SUBMIT).kind is Kind.UNKNOWN


@pytest.mark.parametrize("alive", [True, False])
def test_whoever_is_turned_away_is_told_when_to_come_back(alive: bool) -> None:
    assert failure(NoWorkerError(alive=alive), errors.SUBMIT).retry_after


def test_a_file_operation_that_failed_tells_the_systems_reason_and_the_path() -> None:
    with pytest.raises(FileError) as caught:
        Client(Failing(wire.Failed("os", "Permission denied", 13, "/x"))).call("any", SOON)
    assert (caught.value.number, caught.value.path) == (13, "/x")


def test_a_defect_is_no_answer() -> None:
    with pytest.raises(WorkerFaultError, match="KeyError"):
        Client(Failing(wire.Failed("bug", "KeyError: 'x'"))).call("any", SOON)


def test_an_answer_is_its_value() -> None:
    assert Client(Failing(wire.Done({"a": 1}))).call("any", SOON) == {"a": 1}
