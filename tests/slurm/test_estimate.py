"""When a job would start, and a trial that is judged as the submission would be."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from server.refusals import refusal
from slurm import caller as calls
from slurm.caller import Caller
from slurm.sites import PATIENCE, Site, opened
from slurm_commands import command, job_state, wait_until

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.model import JobReason
from hpcagent.jobs.spec import Dependency, Gres, HetComponent
from hpcagent.sandbox import Sandbox
from hpcagent.v1.job_pb2 import JOB_REASON_CATEGORY_PARTITION

HOUR = 3600
THREE_GPUS = (Gres("gpu", "", 3),)
FAR = 2_000_000_000.0
Fields = dict[str, Any]

CASES: dict[str, Fields] = {
    "nothing": {},
    "an unknown partition": {"partition": "nowhere"},
    "a closed partition": {"partition": "restricted"},
    "a partition that is down": {"partition": "down"},
    "one of two that is up": {"partition": "down,power"},
    "more nodes than there are": {"nodes": 3},
    "both nodes": {"nodes": 2},
    "more processors than there are": {"options": {"ntasks": 17}},
    "more memory than a node has": {"options": {"mem_bytes": 1 << 50}},
    "more time than the partition allows": {"partition": "short", "options": {"time": 5400}},
    "one partition that allows it": {"partition": "short,power", "options": {"time": 5400}},
    "more devices than a node has": {"options": {"gres": THREE_GPUS}},
    "the same where all is down": {"partition": "down", "options": {"gres": THREE_GPUS}},
    "the same, held": {"options": {"gres": THREE_GPUS, "hold": True}},
    "the same, later": {"options": {"gres": THREE_GPUS, "begin": FAR}},
    "held": {"options": {"hold": True}},
    "later": {"options": {"begin": FAR}},
    "an array": {"options": {"array": "0-3"}},
    "an array too large": {"options": {"array": "0-1000000"}},
    "a dependency": {"options": {"dependency": Dependency("afterok:1")}},
    "a dependency that is none": {"options": {"dependency": Dependency("afterok:x")}},
    "licenses": {"options": {"licenses": "matlab:1"}},
    "more licenses than there are": {"options": {"licenses": "matlab:5"}},
    "its reservation, later": {"options": {"reservation": "later"}},
    "another's reservation": {"options": {"reservation": "others"}},
    "an unknown reservation": {"options": {"reservation": "nowhere"}},
    "a feature": {"options": {"constraint": "slow"}},
    "an unknown feature": {"options": {"constraint": "nowhere"}},
    "no node left": {"options": {"exclude": "node[1-2]"}},
    "an unknown node": {"options": {"nodelist": "node3"}},
    "components": {"components": (HetComponent("debug"),)},
    "a component that is impossible": {
        "components": (HetComponent("debug", options={"gres": THREE_GPUS}),)
    },
    "a component in a partition that is down": {"components": (HetComponent("down"),)},
}

UNHEARD = {"ESLURM_PARTITION_DOWN"}
"""Told of a trial only: slurmctld does not say so of the job that it then takes."""
NOT_TO_BE_KNOWN = {
    "more memory than a node has", "more devices than a node has", "the same where all is down",
    "the same, later", "no node left", "a component that is impossible",
}  # fmt: skip
"""A trial does not refuse it while a node is down, for that might have been able to do it."""


@dataclass(frozen=True)
class Made:
    """How a cluster is made."""

    conf: dict[str, str]
    node2_is_down: bool = False


SITES = {
    "as it is": Made({}),
    "that enforces limits": Made({"EnforcePartLimits": "ALL"}),
    "with a node down": Made({}, node2_is_down=True),
}


@pytest.fixture(scope="module", params=SITES)
def site(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[Site]:
    made = SITES[request.param]
    with opened(made.conf) as there:
        for name, user in (("later", "nscc-gz_jiangli"), ("others", "root")):
            words = (f"ReservationName={name}", "StartTime=now+3600", "Duration=60", "Nodes=node1")
            flags = ("Flags=OVERLAP", f"Users={user}")
            command(there.sandbox, "scontrol", "create", "reservation", *words, *flags)
        if made.node2_is_down:
            down = ("NodeName=node2", "State=DOWN", "Reason=test")
            command(there.sandbox, "scontrol", "update", *down)
        there.submit(options={"hold": True})  # job 1
        yield there


# ----------------------------------------------------------------------------------- trials


@pytest.mark.parametrize("case", CASES)
def test_a_trial_is_judged_as_the_submission_is(site: Site, case: str) -> None:
    spec = site.spec(**CASES[case])
    trial = site.judged(replace(spec, validate_only=True))
    reason, blamed, warnings = site.judged(spec)
    down = site.sandbox.node_states()["node2"] == "down"
    if down and case in NOT_TO_BE_KNOWN:
        assert (reason, trial[0]) == ("ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE", "")
        assert trial[2] == {"ESLURM_NODE_NOT_AVAIL"}
    else:
        assert trial[:2] == (reason, blamed)
    if not reason and not down:
        assert trial[2] - UNHEARD == warnings


def test_nothing_is_left_of_trials_and_estimates(site: Site) -> None:
    before = command(site.sandbox, "squeue", "--noheader", "--states=all", "--format=%i").stdout
    for fields in CASES.values():
        site.judged(site.spec(**fields, validate_only=True))
    after = command(site.sandbox, "squeue", "--noheader", "--states=all", "--format=%i").stdout
    assert after == before


def test_a_trial_knows_of_a_node_what_has_only_just_been_done_to_it(site: Site) -> None:
    only = site.spec(options={"nodelist": "node1", "time": 600}, validate_only=True)
    node = ("scontrol", "update", "NodeName=node1")
    assert site.judged(only) == ("", (), set())
    command(site.sandbox, *node, "State=DRAIN", "Reason=test")
    assert site.judged(only) == ("", (), {"ESLURM_NODE_NOT_AVAIL"})
    command(site.sandbox, *node, "State=RESUME")
    wait_until(lambda: site.judged(only) == ("", (), set()), "slurmctld has it back")


def test_a_trial_knows_of_a_partition_that_it_is_up_again(site: Site) -> None:
    trial = site.spec(partition="short", options={"time": 60}, validate_only=True)
    partition = ("scontrol", "update", "PartitionName=short")
    command(site.sandbox, *partition, "State=DOWN")
    wait_until(lambda: site.judged(trial)[2] == UNHEARD, "it is known to be down")
    command(site.sandbox, *partition, "State=UP")
    assert site.judged(trial) == ("", (), set())


# -------------------------------------------------------------------------------- estimates


@pytest.fixture(scope="module")
def busy(sandbox: Sandbox) -> Iterator[Site]:
    """A cluster whose nodes are taken for an hour by jobs that those of `debug` may preempt."""
    conf = {"PreemptType": "preempt/partition_prio", "PreemptMode": "REQUEUE"}
    with opened(conf) as there:
        jobs = [
            there.submit(options={"exclusive": "JOB", "time": HOUR, "nodelist": node})
            for node in there.sandbox.nodes
        ]
        for job in jobs:
            wait_until(lambda job=job: job_state(there.sandbox, job) == "RUNNING", f"{job} runs")  # type: ignore[misc]
        command(there.sandbox, "scontrol", "update", "PartitionName=debug", "PriorityTier=2")
        yield there


def test_a_job_would_start_when_the_nodes_are_free(busy: Site) -> None:
    now = time.time()
    expected = busy.estimate(nodes=2, options={"ntasks": 4})
    assert expected.start_time
    assert now + HOUR - 60 < expected.start_time < now + HOUR + 120
    assert (expected.node_list, expected.partition, expected.cpus) == ("node[1-2]", "power", 4)
    assert expected.system_usage == 1
    assert expected.preempted_jobs == ()
    assert expected.reason is None


def test_jobs_that_would_be_preempted_are_named(busy: Site) -> None:
    now = time.time()
    expected = busy.estimate(partition="debug", options={"nodelist": "node2"})
    assert expected.start_time
    assert expected.start_time <= now + 60
    (victim,) = expected.preempted_jobs
    assert victim.cluster == "sandbox"
    assert job_state(busy.sandbox, victim.job_id) == "RUNNING"


SHOWN = re.compile(
    r"Job \d+ to start at (\S+) using (\d+) processors on nodes (\S+) in partition (\S+)"
)


@pytest.mark.parametrize(
    "words",
    [
        ["--ntasks=3"],
        ["--nodes=2"],
        ["--partition=debug", "--ntasks=8"],
        ["--nodelist=node2", "--cpus-per-task=2"],
        ["--begin=2033-05-18T03:33:20"],
        ["--array=1-3"],
    ],
)
def test_an_estimate_is_that_of_sbatch(busy: Site, words: list[str]) -> None:
    lines = "".join(f"#SBATCH {word}\n" for word in words)
    expected = busy.scheduler.estimate(
        replace(busy.spec(), script=f"#!/bin/sh\n{lines}exit\n"), Deadline.after(PATIENCE)
    )
    said = command(busy.sandbox, "sbatch", "--test-only", "--wrap=exit", *words).stderr
    shown = SHOWN.search(said)
    assert shown, said
    assert expected.start_time
    begin = time.mktime(time.strptime(shown[1], "%Y-%m-%dT%H:%M:%S"))
    assert abs(begin - expected.start_time) < 60
    assert [expected.cpus, expected.node_list, expected.partition] == [
        int(shown[2]),
        *shown.groups()[2:],
    ]


def test_components_would_start_together(busy: Site) -> None:
    later = HetComponent("power", options={"nodelist": "node2", "ntasks": 2})
    expected = busy.estimate(
        partition="debug", components=(later,), options={"nodelist": "node1", "ntasks": 3}
    )
    assert expected.start_time
    assert expected.start_time > time.time() + HOUR - 60
    assert (expected.node_list, expected.partition) == ("node1,node2", "debug,power")
    assert expected.cpus == 5
    assert len(expected.preempted_jobs) == 1


def test_components_that_only_fit_one_after_another_never_start(busy: Site) -> None:
    half = HetComponent("debug", options={"ntasks": 9})
    expected = busy.estimate(partition="debug", components=(half,), options={"ntasks": 8})
    assert expected.start_time is None
    assert expected.reason
    assert expected.reason.name == "Resources"
    said = "together its components ask for 17 processors, their partitions have 16"
    assert expected.reason.text == said


NEVER: dict[str, tuple[Fields, str, str]] = {
    "held": ({"options": {"hold": True}}, "JobHeldUser", ""),
    "partition down": ({"partition": "down"}, "PartitionDown", "down"),
    "too many nodes": ({"nodes": 3}, "PartitionNodeLimit", "power"),
    "too long": ({"partition": "short", "options": {"time": 61}}, "PartitionTimeLimit", "short"),
    "too many processors": ({"options": {"ntasks": 17}}, "PartitionConfig", "power"),
    "a component": ({"components": (HetComponent("down"),)}, "PartitionDown", "down"),
}


@pytest.mark.parametrize("case", NEVER)
def test_why_a_job_would_never_start_is_told(busy: Site, case: str) -> None:
    fields, name, blocked_by = NEVER[case]
    expected = busy.estimate(**fields)
    assert expected.start_time is None
    assert isinstance(expected.reason, JobReason)
    assert (expected.reason.name, expected.reason.blocked_by) == (name, blocked_by)
    assert expected.reason.text


def test_what_an_estimate_leaves_out_is_said(busy: Site) -> None:
    options = {"dependency": Dependency("afterok:1"), "licenses": "matlab", "array": "1-2"}
    names = {warning.name for warning in busy.estimate(options=options).warnings}
    assert names == {"DEPENDENCY_NOT_HEEDED", "LICENSES_NOT_HEEDED", "ARRAY_NOT_HEEDED"}
    (said,) = busy.estimate(components=(HetComponent(),)).warnings
    assert said.name == "COMPONENTS_NOT_HEEDED"


# --------------------------------------------------------------------------- over the contract


def test_an_estimate_is_told_in_the_contracts_form(caller: Caller) -> None:
    asked = calls.request({"partition": "debug"}, {"nodelist": "node2"})
    told = caller.stub.EstimateJob(asked, timeout=calls.DEADLINE)
    assert (told.node_list, told.partition) == ("node2", "debug")
    assert told.start_time.seconds >= int(time.time()) - 60
    assert told.cpus
    assert not told.HasField("reason")
    asked = calls.request({"partition": "down"})
    told = caller.stub.EstimateJob(asked, timeout=calls.DEADLINE)
    assert not told.HasField("start_time")
    assert told.reason.category == JOB_REASON_CATEGORY_PARTITION
    assert (told.reason.name, told.reason.blocked_by) == ("PartitionDown", "down")


def test_an_estimate_is_refused_as_the_job_would_be(caller: Caller) -> None:
    asked = calls.request({"partition": "nowhere", "components": [{"partition": "debug"}]})
    told = refusal(lambda: caller.stub.EstimateJob(asked, timeout=calls.DEADLINE))
    assert told.reason == "ESLURM_INVALID_PARTITION_NAME"
    assert told.violations == {"partition": "ESLURM_INVALID_PARTITION_NAME"}


def test_a_line_of_the_script_is_blamed_in_a_trial_too(caller: Caller) -> None:
    script = "#!/bin/sh\n#SBATCH --constraint=nowhere\n"
    told = refusal(lambda: caller.submit({"script": script, "validate_only": True}))
    assert told.violations == {"script": "ESLURM_INVALID_FEATURE"}
