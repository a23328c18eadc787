"""The accounting database, natively: what it is never asked, and how it fails."""

from collections.abc import Iterator

import pytest
from native.child import Child, Raised
from slurm_commands import submit, wait_until

from hpcagent.sandbox import Sandbox

LOADED = "native.probes.history:loaded"


@pytest.fixture(scope="module")
def past(accounting_sandbox: Sandbox) -> Iterator[Child]:
    """A child on a cluster with accounting, of whose jobs one is in the database."""
    job = submit(accounting_sandbox, "exit 3", "--uid=alice", "--chdir=/tmp")
    with Child(accounting_sandbox.env) as child:
        child.call("init", str(accounting_sandbox.conf))
        # JOB_FAILED, which it had not when first asked; slurmdbd learns the name last.
        ended = {"job_ids": [job], "states": [5], "names": ["wrap"]}
        wait_until(lambda: bool(child.call(LOADED, ended)["jobs"]), "it is in the database")
        yield child


@pytest.mark.parametrize("text", ["x'; drop table t;--", "a b", "", 'a"b', "a,b", "ä"])
def test_nothing_that_slurmdbd_would_have_to_quote_is_sent(past: Child, text: str) -> None:
    with pytest.raises(Raised, match="MemberRangeError") as refused:
        past.call(LOADED, {"accounts": [text]})
    assert refused.value.attributes["member"] == "accounts"


def test_text_that_is_compared_here_may_be_anything(past: Child) -> None:
    assert past.call(LOADED, {"names": ["x'; drop table t;--"]})["jobs"] == []
    assert past.call(LOADED, {"names": ["wrap"]})["jobs"]


def test_steps_are_read_of_given_jobs_only(past: Child) -> None:
    with pytest.raises(Raised, match="ValueError"):
        past.call(LOADED, {}, steps=True)
    assert past.call(LOADED, {"job_ids": [4_000_000]}, steps=True)["jobs"] == []


def test_a_member_that_no_job_has_is_refused_by_name(past: Child) -> None:
    with pytest.raises(Raised, match="UnknownMemberError"):
        past.call(LOADED, {}, members=["colour"])


def test_resources_have_their_numbers(past: Child) -> None:
    names = {one["id"]: (one["type"], one["name"]) for one in past.call("load_tres")}
    assert (names[1], names[2]) == (("cpu", None), ("mem", None))
    assert ("gres", "gpu") in names.values()


@pytest.mark.parametrize("function", ["load_history", "load_tres"])
def test_where_there_is_no_accounting_the_error_says_so(native: Child, function: str) -> None:
    with pytest.raises(Raised, match="AccountingError") as refused:
        native.call(function)
    assert refused.value.attributes["code"] == 0


def test_a_slurmdbd_that_comes_back_is_asked_again(private_accounting_sandbox: Sandbox) -> None:
    with Child(private_accounting_sandbox.env) as child:
        child.call("init", str(private_accounting_sandbox.conf))
        assert child.call("load_history")["jobs"] == []
        private_accounting_sandbox.slurmdbd.stop()
        for _ in range(2):
            with pytest.raises(Raised, match="AccountingError") as refused:
                child.call("load_history")
            assert refused.value.attributes["code"] > 0
        private_accounting_sandbox.slurmdbd.start()
        assert child.call("load_history")["jobs"] == []
        assert child.end() == "", "libslurm wrote to stderr"
