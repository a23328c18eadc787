"""Which deletions are the agent's own."""

import pytest

from hpcagent.jobs.errors import Forbidden, OutcomeUnknown
from hpcagent.k8s.deletions import Deletions


def test_a_deletion_is_known_before_it_is_sent_and_stays_known() -> None:
    deletions = Deletions()
    with deletions.of("a"):
        assert "a" in deletions
    assert "a" in deletions
    assert "b" not in deletions


def test_a_deletion_that_is_refused_is_none() -> None:
    deletions = Deletions()
    with pytest.raises(Forbidden), deletions.of("a"):
        raise Forbidden("not you")
    assert "a" not in deletions


def test_a_refusal_does_not_undo_the_deletion_before() -> None:
    deletions = Deletions()
    with deletions.of("a"):
        pass
    with pytest.raises(Forbidden), deletions.of("a"):
        raise Forbidden("not you")
    assert "a" in deletions


def test_a_deletion_that_may_have_been_made_counts() -> None:
    deletions = Deletions()
    with pytest.raises(OutcomeUnknown), deletions.of("a"):
        raise OutcomeUnknown("no answer", reason="CANCEL_OUTCOME_UNKNOWN")
    assert "a" in deletions


def test_only_the_newest_are_remembered() -> None:
    deletions = Deletions(most=2)
    for uid in ("a", "b", "c"):
        with deletions.of(uid):
            pass
    assert [uid in deletions for uid in ("a", "b", "c")] == [False, True, True]
