from typing import Any

import pytest
from native.child import Child, Raised
from native.jobs import ALICE, GROUP, USER, fifo, held, job_of

from hpcagent.sandbox import Sandbox

JOB_SUBMIT_LUA = """
function slurm_job_submit(job, partitions, uid)
    slurm.log_user("first line\\nsecond line")
    if job.name == "refused" then return slurm.ERROR end
    return slurm.SUCCESS
end
function slurm_job_modify(job, rec, partitions, uid) return slurm.SUCCESS end
"""


def test_root_submits_for_another_user_and_group(native: Child) -> None:
    reply = native.call("submit_batch_job", held(comment='{"sid":"wfda97f4b"}'))
    (record,) = native.call("load_job", reply["job_id"])
    assert (record["user_id"], record["group_id"]) == (USER, GROUP)
    assert record["comment"] == '{"sid":"wfda97f4b"}'
    assert record["work_dir"] == "/tmp"


def test_an_accepted_but_is_told_with_its_code_and_text(native: Child) -> None:
    reply = native.call("submit_batch_job", held())
    assert reply["error_code"] == 2042  # ESLURM_JOB_HELD
    assert "held" in reply["error_text"]


def test_a_plain_acceptance_says_nothing(native: Child) -> None:
    reply = native.call("submit_batch_job", job_of(USER, GROUP, begin_time=2**31))
    assert reply == {
        "job_id": reply["job_id"],
        "error_code": 0,
        "error_text": "",
        "job_submit_message": "",
        "said": "",
    }


def test_every_kind_of_member_arrives(native: Child) -> None:
    same: dict[str, Any] = {
        "nice": 0x80000000 + 100,
        "pn_min_memory": 250,
        "requeue": 0,
        "time_limit": 90,
    }
    other: dict[str, Any] = {
        "array_inx": "1,3",
        "argv": ["job.sh", "first argument"],
        "begin_time": 2_000_000_000,
        "bitflags": 1 << 9,  # USE_MIN_NODES
    }
    reply = native.call("submit_batch_job", held(**same, **other))
    (record,) = native.call("load_job", reply["job_id"])
    assert {name: record[name] for name in same} == same
    assert record["array_job_id"] == reply["job_id"]
    assert record["array_task_id"] is None
    assert record["array_task_str"] == "1,3"
    assert record["command"] == "job.sh first argument"
    assert record["eligible_time"] == 2_000_000_000
    assert record["bitflags"] & 1 << 9


@pytest.mark.parametrize(
    ("uid", "gid", "groups"), [(USER, GROUP, "1884"), (ALICE, ALICE, "2001 2100")]
)
def test_a_job_runs_with_its_users_rights_and_the_environment_given(
    native: Child, sandbox: Sandbox, uid: int, gid: int, groups: str
) -> None:
    told = fifo(sandbox, uid)
    script = f'#!/bin/sh\necho "$GREETING from $(id -u) $(id -g) $(id -G)" > {told}\n'
    environment = ["PATH=/usr/bin:/bin", "GREETING=grüße"]
    native.call("submit_batch_job", job_of(uid, gid, script=script, environment=environment))
    assert told.read_text() == f"grüße from {uid} {gid} {groups}\n"  # waits for the job to write


def test_a_heterogeneous_job_has_its_components_in_the_order_given(native: Child) -> None:
    leader = held(name="leader", partition="power", min_cpus=2)
    others = [held(name="second", partition="debug", script=None), held(name="third", script=None)]
    reply = native.call("submit_batch_het_job", [leader, *others])
    records = native.call("load_job", reply["job_id"])
    found = sorted((record["het_job_offset"], record["name"]) for record in records)
    assert found == [(0, "leader"), (1, "second"), (2, "third")]
    assert {record["het_job_id"] for record in records} == {reply["job_id"]}
    assert {record["user_id"] for record in records} == {USER}


def test_a_heterogeneous_job_is_refused_whole(native: Child) -> None:
    with pytest.raises(Raised) as refused:
        native.call("submit_batch_het_job", [held(name="lonely"), held(partition="nowhere")])
    assert refused.value.attributes["code"] == 2000
    jobs = native.call("load_jobs")["jobs"]
    assert {job["job_state"] for job in jobs if job["name"] == "lonely"} <= {4}  # CANCELLED


def test_no_components_are_no_job(native: Child) -> None:
    with pytest.raises(Raised) as refused:
        native.call("submit_batch_het_job", [])
    assert refused.value.kind == "SlurmError"


def test_a_member_of_a_component_is_checked_before_anything_is_sent(native: Child) -> None:
    with pytest.raises(Raised) as refused:
        native.call("submit_batch_het_job", [held(), held(nonsense=1)])
    assert refused.value.kind == "UnknownMemberError"


def test_a_refusal_has_slurms_code_and_slurmctlds_words(native: Child) -> None:
    with pytest.raises(Raised) as refused:
        native.call("submit_batch_job", held(partition="nowhere"))
    assert refused.value.kind == "SlurmError"
    assert refused.value.attributes == {
        "code": 2000,
        "text": "Invalid partition name specified",
        "said": "invalid partition specified: nowhere",
    }


def test_a_refusal_without_words_has_none(native: Child) -> None:
    with pytest.raises(Raised) as refused:
        native.call("submit_batch_job", held(script=None))
    assert refused.value.attributes["code"] == 2009  # ESLURM_JOB_SCRIPT_MISSING
    assert refused.value.attributes["said"] == ""


def test_an_ordinary_users_rights_are_slurmctlds_to_judge(native: Child) -> None:
    with pytest.raises(Raised) as refused:
        native.call("submit_batch_job", job_of(USER, GROUP, partition="restricted"))
    assert refused.value.attributes["code"] == 2003
    assert refused.value.attributes["text"] == "User's group not permitted to use this partition"


def test_a_job_submit_plugins_message_arrives_either_way() -> None:
    with Sandbox.up(job_submit_lua=JOB_SUBMIT_LUA) as sandbox, Child(sandbox.env) as child:
        child.call("init", str(sandbox.conf))
        accepted = child.call("submit_batch_job", held())
        assert accepted["job_submit_message"] == "first line\nsecond line"
        with pytest.raises(Raised) as refused:
            child.call("submit_batch_job", held(name="refused"))
        assert refused.value.attributes["said"] == "first line\nsecond line"
