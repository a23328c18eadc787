"""What a site's job_submit plugin says reaches the caller, in its own words."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from fix_daemon import running
from server.refusals import Refusal, refusal
from slurm.caller import Caller, calling, fresh

from hpcagent.sandbox import Sandbox

PLUGIN = """
function slurm_job_submit(job_desc, part_list, submit_uid)
    local word, rest = string.match(job_desc.name, "^(%a+)(.*)$")
    if word == "praise" then
        slurm.log_user("well done%s", rest)
        slurm.log_user("the second line")
    elseif word == "move" then
        job_desc.partition = "debug"
    elseif word == "refuse" then
        slurm.log_user("no jobs%s here,\\nas of user %d", rest, job_desc.user_id)
        return slurm.ERROR
    elseif word == "limit" then
        slurm.log_user("shorter, please")
        return slurm.ESLURM_INVALID_TIME_LIMIT
    elseif word == "silent" then
        return slurm.ERROR
    end
    return slurm.SUCCESS
end

function slurm_job_modify(job_desc, job_rec, part_list, modify_uid)
    return slurm.SUCCESS
end
"""
AT_ONCE = 8
IN_ALL = 200


@pytest.fixture(scope="module")
def ruled(sandbox: Sandbox) -> Iterator[Caller]:
    """A caller of a daemon on a cluster with that plugin (`sandbox` says why there is none)."""
    with Sandbox.up(job_submit_lua=PLUGIN) as own, running(own) as daemon:
        daemon.wait_until_serving()
        with calling(daemon.stub) as caller:
            yield caller


def refused(caller: Caller, name: str, **fields: object) -> Refusal:
    return refusal(lambda: caller.submit({"name": name, **fields}))


def test_its_words_come_with_the_job(ruled: Caller) -> None:
    answer = ruled.submit({"name": "praise, Jiang"}, {"hold": True})
    assert answer.message == "well done, Jiang\nthe second line"
    assert ruled.get(answer.job_id).name == "praise, Jiang"


def test_without_words_there_is_no_message(ruled: Caller) -> None:
    assert ruled.submit({"name": "other"}, {"hold": True}).message == ""


def test_what_it_changes_is_told(ruled: Caller) -> None:
    assert ruled.get(ruled.hold({"name": "move"})).partition == "debug"


def test_its_refusal_is_told_in_its_words(ruled: Caller) -> None:
    told = refused(ruled, "refuse")
    assert (told.code.name, told.reason) == ("FAILED_PRECONDITION", "SLURM_ERROR")
    assert told.domain == "slurm.hpcagent"
    assert told.message == told.metadata["said"] == "no jobs here,\nas of user 1870"
    assert told.metadata["errno"] == "-1"


def test_its_number_is_told_with_its_words(ruled: Caller) -> None:
    told = refused(ruled, "limit")
    assert (told.code.name, told.reason) == ("INVALID_ARGUMENT", "ESLURM_INVALID_TIME_LIMIT")
    assert told.message == "shorter, please"
    assert told.violations == {'options["slurm"].time': "ESLURM_INVALID_TIME_LIMIT"}


def test_a_refusal_without_words_is_slurms(ruled: Caller) -> None:
    told = refused(ruled, "silent")
    assert (told.reason, told.message) == ("SLURM_ERROR", told.metadata["text"])
    assert "said" not in told.metadata


def test_a_trial_asks_it_too(ruled: Caller) -> None:
    """As ``sbatch --test-only`` does: what it would refuse is refused now."""
    assert refused(ruled, "refuse", validate_only=True) == refused(ruled, "refuse")


def test_nobody_hears_words_that_are_for_others(ruled: Caller) -> None:
    """Calls run side by side in one worker; libslurm only logs the words."""
    names = [fresh(f" {number} ") for number in range(IN_ALL)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        told = pool.map(lambda name: refused(ruled, f"refuse{name}"), names)
        said = [one.metadata["said"] for one in told]
    assert said == [f"no jobs{name} here,\nas of user 1870" for name in names]
