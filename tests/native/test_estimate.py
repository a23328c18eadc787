"""When and where a job would start, as slurmctld tells it natively."""

import time
from typing import Any

import pytest
from native.child import Child, Raised
from native.jobs import GROUP, USER, job_of
from slurm_commands import command, job_state, wait_until

from hpcagent.sandbox import Sandbox

FAR = 2_000_000_000


def will_run(child: Child, **members: object) -> Any:  # noqa: ANN401 - a WillRun as a dict
    return child.call("job_will_run2", job_of(USER, GROUP, **members))


def test_a_job_would_start_at_once_where_there_is_room(native: Child) -> None:
    before = int(time.time())
    answer = will_run(native, partition="debug", min_cpus=4, req_nodes="node2")
    assert before <= answer["start_time"] <= time.time()
    assert (answer["node_list"], answer["partition"]) == ("node2", "debug")
    assert (answer["cpus"], answer["preempted_jobs"]) == (4, [])
    assert 0 <= answer["system_usage"] <= 100


def test_no_job_is_made_and_none_is_left(native: Child) -> None:
    will_run(native, name="never made")
    jobs = native.call("load_jobs")["jobs"]
    assert "never made" not in {job["name"] for job in jobs}


def test_a_job_would_not_start_before_it_may(native: Child) -> None:
    assert will_run(native, begin_time=FAR)["start_time"] == FAR


@pytest.mark.parametrize(
    ("members", "code", "said"),
    [
        ({"partition": "nowhere"}, 2000, "invalid partition specified: nowhere"),
        ({"pn_min_memory": 1 << 20}, 2014, ""),
    ],
)
def test_a_refusal_has_slurms_code_and_slurmctlds_words(
    native: Child, members: dict[str, Any], code: int, said: str
) -> None:
    with pytest.raises(Raised) as refused:
        will_run(native, **members)
    assert refused.value.kind == "SlurmError"
    assert (refused.value.attributes["code"], refused.value.attributes["said"]) == (code, said)


def test_jobs_that_would_be_preempted_are_named() -> None:
    conf = {"PreemptType": "preempt/partition_prio", "PreemptMode": "CANCEL"}
    with Sandbox.up(nodes=1, conf=conf) as sandbox, Child(sandbox.env) as child:
        child.call("init", str(sandbox.conf))
        low = child.call("submit_batch_job", job_of(USER, GROUP, min_cpus=8, time_limit=60))
        wait_until(lambda: job_state(sandbox, low["job_id"]) == "RUNNING", "the first job runs")
        command(sandbox, "scontrol", "update", "PartitionName=debug", "PriorityTier=2")
        answer = will_run(child, partition="debug", min_cpus=8)
        assert answer["preempted_jobs"] == [low["job_id"]]
