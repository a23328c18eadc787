"""Heterogeneous jobs: those that sbatch would make, told and ended whole and by component."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from server.refusals import refusal
from slurm.bell import bell
from slurm.caller import Caller, fresh, job_id
from slurm.recorder import Recorder
from slurm.test_like_sbatch import RECORD_DIFFERS, SENT_DIFFERS, STILL, differences
from slurm.twins import Made, Refused, Twins, both

from hpcagent.jobs.spec import Gres, HetComponent, JobSpec, NodeCount
from hpcagent.sandbox import Sandbox
from hpcagent.v1.job_pb2 import (
    JOB_STATE_CANCELLED,
    JOB_STATE_COMPLETED,
    JOB_STATE_RUNNING,
    JobId,
)

HET_DIFFERS = {
    **RECORD_DIFFERS,
    "het_job_id": "two jobs",
    "het_job_id_set": "two jobs",
}

CASES: dict[str, dict[str, Any]] = {
    "two alike": {"components": (HetComponent(),)},
    "partitions and nodes": {
        "partition": "debug",
        "nodes": 1,
        "components": (HetComponent("short", 1), HetComponent("power", 2)),
    },
    "sizes": {
        "options": {"ntasks": 2, "cpus_per_task": 3},
        "components": (
            HetComponent(options={"nodes": NodeCount(2), "ntasks_per_node": 2}),
            HetComponent(options={"ntasks": 4}),
        ),
    },
    "what holds on": {
        "name": "relax",
        "options": {
            "time": 5400, "account": "physics", "comment": "c", "qos": "normal", "nice": 5,
            "requeue": False, "output": "o.%j", "error": "e.%j", "exclude": "node2",
        },
        "components": (HetComponent(), HetComponent(options={"time": 600}), HetComponent()),
    },
    "what does not": {
        "options": {
            "gres": (Gres("gpu"),), "constraint": "fast", "oversubscribe": True,
            "mem_per_cpu_bytes": 1 << 28, "nodelist": "node1", "ntasks": 3, "cpus_per_task": 2,
        },
        "components": (HetComponent(), HetComponent(options={"gres": (Gres("gpu", "", 2),)})),
    },
    "memory": {
        "options": {"mem_bytes": 1 << 30},
        "components": (HetComponent(), HetComponent(options={"mem_bytes": 1 << 29})),
    },
    "a node for one": {"components": (HetComponent(options={"nodelist": "node2"}),)},
    "arguments": {"name": "job.sh", "argv": ("a b", "c"), "components": (HetComponent("debug"),)},
    "warned": {
        "options": {"nodes": NodeCount(2), "ntasks": 2},
        "components": (HetComponent(nodes=2, options={"ntasks": 1}),),
    },
    "what a plugin sets": {
        "options": {"spank_job_env": ("COLOUR=blue", "A=1")},
        "components": (HetComponent(), HetComponent("debug")),
    },
}  # fmt: skip

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "partition": ({"components": (HetComponent("debug"), HetComponent("nowhere"))},
                  "components[1].partition"),
    "leader": ({"partition": "nowhere", "components": (HetComponent(),)}, "partition"),
    "feature": ({"components": (HetComponent(options={"constraint": "nowhere"}),)},
                "components[0].options.constraint"),
    "gres": ({"options": {"gres": (Gres("gpu"),)},
              "components": (HetComponent(options={"gres": (Gres("nothing"),)}),)},
             "components[0].options.gres"),
}  # fmt: skip


@pytest.fixture(scope="module")
def twins(sandbox: Sandbox, recorder: Recorder, plugin: Mapping[str, str]) -> Iterator[Twins]:
    """A cluster that starts no job."""
    with Sandbox.up(conf={**STILL, **plugin}) as still, both(still, recorder) as ways:
        yield ways


def held(twins: Twins, fields: dict[str, Any]) -> JobSpec:
    given = {**fields, "options": {**fields.get("options", {}), "hold": True}}
    return twins.spec(**given)


@pytest.mark.parametrize("case", CASES)
def test_components_are_those_that_sbatch_makes(twins: Twins, case: str) -> None:
    spec = held(twins, CASES[case])
    theirs, mine = twins.by_sbatch(spec), twins.by_hpcagent(spec)
    assert isinstance(theirs, Made), theirs
    assert isinstance(mine, Made), mine
    assert len(theirs.components) == len(mine.components) == 1 + len(spec.components)
    sent_differs = {**SENT_DIFFERS, **({"argv": "checked elsewhere"} if spec.argv else {})}
    differs = HET_DIFFERS | ({"command": "begins with argv[0]"} if spec.argv else {})
    for (sent, record), (my_sent, my_record) in zip(
        theirs.components, mine.components, strict=True
    ):
        assert differences(sent, my_sent, sent_differs) == {}
        assert differences(record, my_record, differs) == {}


@pytest.mark.parametrize("case", REFUSED)
def test_the_component_that_is_to_blame_is_named(twins: Twins, case: str) -> None:
    fields, path = REFUSED[case]
    spec = twins.spec(**fields)
    theirs, mine = twins.by_sbatch(spec), twins.by_hpcagent(spec)
    assert isinstance(theirs, Refused)
    assert isinstance(mine, Refused)
    assert mine.slurm in theirs.said
    assert mine.fields == (path,)


@pytest.mark.parametrize("event", ["END", "ALL"])
def test_a_component_that_is_refused_does_not_end_slurmctld(twins: Twins, event: str) -> None:
    """As it does if sbatch asks for the same, up to 24.11.3: so sbatch is not asked here."""
    fields = {
        "options": {"mail_type": ("FAIL", event)},
        "components": (HetComponent(), HetComponent(options={"batch": "fast"})),
    }
    mine = twins.by_hpcagent(held(twins, fields))
    assert isinstance(mine, Refused)
    assert mine.slurm == "Job --batch option is invalid or not a subset of --constraints"
    assert mine.fields == ("components[1].options.batch",)
    assert isinstance(twins.by_hpcagent(held(twins, {})), Made)


def test_a_job_that_mails_its_end_has_components(twins: Twins) -> None:
    fields = {"options": {"mail_type": ("END",)}, "components": (HetComponent("debug"),)}
    theirs, mine = (way(held(twins, fields)) for way in (twins.by_sbatch, twins.by_hpcagent))
    assert isinstance(theirs, Made)
    assert isinstance(mine, Made)
    assert differences(theirs.record, mine.record, HET_DIFFERS) == {}


# --------------------------------------------------------------------------- over the contract

DEBUG = {"partition": "debug"}


def test_every_component_has_an_id_and_the_mark_of_the_request(caller: Caller) -> None:
    request_id = fresh("het")
    fields = {"components": [DEBUG, {"nodes": 1}], "request_id": request_id}
    answer = caller.submit(fields, {"hold": True})
    number = answer.job_id.job_id
    assert answer.job_id.id == str(number)
    assert [one.id for one in answer.component_ids] == [f"{number}+{i}" for i in range(3)]
    jobs = [caller.get(one) for one in answer.component_ids]
    assert [job.job_id for job in jobs] == list(answer.component_ids)
    assert [(job.het_job.het_job_id, job.het_job.offset) for job in jobs] == [
        (number, offset) for offset in range(3)
    ]
    assert [job.partition for job in jobs] == ["power", "debug", "power"]
    assert {job.request_id for job in jobs} == {request_id}
    assert jobs[1].raw_job_id != number
    assert caller.get(str(jobs[1].raw_job_id)).job_id == jobs[1].job_id
    assert caller.made_by(request_id).job_id.id == f"{number}+0"


def test_a_component_is_listed_alone_and_a_job_with_all_its_components(caller: Caller) -> None:
    job = caller.hold({"components": [DEBUG]})
    assert caller.ids(job_ids=[job]) == [f"{job.id}+0", f"{job.id}+1"]
    assert caller.ids(job_ids=[job_id(f"{job.id}+1")]) == [f"{job.id}+1"]
    assert caller.ids(job_ids=[job_id(f"{job.id}+2")]) == []
    assert refusal(lambda: caller.get(f"{job.id}+2")).code.name == "NOT_FOUND"


def test_a_job_that_waits_is_cancelled_with_all_its_components(caller: Caller) -> None:
    job = caller.hold({"components": [DEBUG, {}]})
    (result,) = caller.cancel(job).results
    assert result.job_id == job
    for offset in range(3):
        caller.wait(f"{job.id}+{offset}", JOB_STATE_CANCELLED)


def test_a_component_is_cancelled_alone_while_it_runs(caller: Caller) -> None:
    with bell() as rung:
        script = f"echo > {rung.path}\nexec sleep 60"
        options = {"nodelist": "node1"}
        second = {"partition": "debug", "options": {"nodelist": "node2"}}
        job = caller.run(script, {"components": [second]}, **options)
        rung.wait()
    (result,) = caller.cancel(f"{job.id}+1").results
    assert result.job_id == JobId(
        cluster=job.cluster, id=f"{job.id}+1", job_id=job.job_id, het_job_offset=1
    )
    caller.wait(f"{job.id}+1", JOB_STATE_CANCELLED)
    assert caller.get(f"{job.id}+0").state == JOB_STATE_RUNNING
    caller.cancel(job)
    caller.wait(f"{job.id}+0", JOB_STATE_CANCELLED)


def test_only_the_leader_runs_the_script_and_both_have_nodes(caller: Caller) -> None:
    with bell() as rung:
        options = {"nodelist": "node1"}
        second = {"partition": "debug", "options": {"nodelist": "node2"}}
        job = caller.run(f"echo > {rung.path}", {"components": [second]}, **options)
        rung.wait()
    leader, other = (caller.wait(f"{job.id}+{i}", JOB_STATE_COMPLETED) for i in range(2))
    assert (leader.node_list, other.node_list) == ("node1", "node2")
    assert leader.resolved_std_out == "/dev/null"


def test_all_violations_of_all_components_are_told_at_once(caller: Caller) -> None:
    components = [
        {"options": {"ntasks": 0, "hold": True, "priority": 1}},
        {"partition": "p" * 1025, "options": {"mem_bytes": "1"}},
        {"options": {"exclusive": 99}},
    ]
    told = refusal(lambda: caller.submit({"components": components, "work_dir": "here"}))
    assert told.violations == {
        "work_dir": "PATH_NOT_ABSOLUTE",
        "components[0].options.ntasks": "OUT_OF_RANGE",
        "components[0].options.hold": "CONFLICT",
        "components[1].partition": "TOO_LONG",
        "components[2].options.exclusive": "UNKNOWN_VALUE",
    }


def test_what_a_user_may_not_is_refused_of_a_component(caller: Caller) -> None:
    components = [{}, {"partition": "rootonly", "options": {"priority": 5}}]
    told = refusal(lambda: caller.submit({"components": components}))
    assert told.code.name == "PERMISSION_DENIED"
    assert told.violations == {
        "components[1].options.priority": "PRIORITY_NOT_ALLOWED",
        "components[1].partition": "ROOT_ONLY_PARTITION",
    }


def test_what_slurmctld_had_made_before_it_refused_is_not_taken_for_the_job(
    caller: Caller,
) -> None:
    request_id = fresh("refused")
    fields = {"components": [{"partition": "nowhere"}], "request_id": request_id}
    told = refusal(lambda: caller.submit(fields, {"hold": True}))
    assert told.reason == "ESLURM_INVALID_PARTITION_NAME"
    assert refusal(lambda: caller.made_by(request_id)).code.name == "NOT_FOUND"
