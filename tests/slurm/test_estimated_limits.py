"""A job that exceeds a limit of its accounts or QOS never starts: estimates say so beforehand.

What slurmctld then says of the job itself decides whether they are right.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest
from fix_daemon import Daemon, running
from slurm.caller import DEADLINE, Caller, Fields, calling, fresh, request
from slurm_commands import command, wait_until

from hpcagent.sandbox import Sandbox
from hpcagent.v1.job_pb2 import JOB_REASON_CATEGORY_LIMIT, JobReason
from hpcagent.v1.slurm_agent_pb2 import EstimateJobResponse

QOS: Mapping[str, tuple[str, ...]] = {
    "wide": ("GrpTRES=cpu=14",),
    "single": ("MaxTRESPerJob=node=1",),
    "small": ("MaxTRESPerJob=cpu=4",),
    "over": ("MaxTRESPerJob=cpu=8", "Flags=OverPartQOS"),
    "each": ("MaxTRESPerUser=cpu=4",),
    "shared": ("MaxTRESPerAccount=cpu=4",),
    "brief": ("MaxWall=00:10:00",),
}
"""Beside those that every sandbox has (`hpcagent.sandbox.tenants`)."""


@dataclass(frozen=True)
class Case:
    """A job, the reason for which it waits, and whose limit that is; neither: it fits."""

    user: str
    options: Fields
    name: str = ""
    blocked_by: str = ""
    partition: str = "power"

    @property
    def fields(self) -> Fields:
        """The fields of its request."""
        owner = {"user": self.user, "user_id": None, "group": None, "group_id": None}
        script = "#!/bin/sh\nexit 0\n"
        return {**owner, "nodes": None, "partition": self.partition, "script": script}


LONG = {"time": {"value": "7200s"}}
CASES: dict[str, Case] = {
    "more than the account has": Case("alice", {"ntasks": 13}, "AssocGrpCpuLimit", "physics"),
    "the same from another account": Case("alice", {"ntasks": 13, "account": "chemistry"}),
    "the same by another's right": Case(
        "alice", {"ntasks": 13, "account": "Physics"}, "AssocGrpCpuLimit", "physics"
    ),
    "more than a user may": Case(
        "alice", {"ntasks": 5, "qos": "each"}, "QOSMaxCpuPerUserLimit", "each"
    ),
    "longer than the association allows": Case(
        "bob", LONG, "AssocMaxWallDurationPerJobLimit", "chemistry"
    ),
    "longer than the QOS allows": Case(
        "alice", {**LONG, "qos": "brief"}, "QOSMaxWallDurationPerJobLimit", "brief"
    ),
    "as long as the QOS allows": Case("alice", {"time": {"value": "600s"}, "qos": "brief"}),
    "a QOS that allows more than the account": Case("alice", {"ntasks": 13, "qos": "wide"}),
    "more than that QOS has": Case(
        "alice", {"ntasks": 15, "qos": "wide"}, "QOSGrpCpuLimit", "wide"
    ),
    "more nodes than a job may": Case(
        "alice", {"nodes": {"min": 2}, "qos": "single"}, "QOSMaxNodePerJobLimit", "single"
    ),
    "more processors than a job may": Case(
        "alice", {"ntasks": 5, "qos": "small"}, "QOSMaxCpuPerJobLimit", "small"
    ),
    "more than an account may of a QOS": Case(
        "alice", {"ntasks": 5, "qos": "shared"}, "MaxCpuPerAccount", "shared"
    ),
    "a partition with a QOS": Case(
        "alice", {"ntasks": 5}, "QOSMaxCpuPerJobLimit", "small", "ruled"
    ),
    "that overrides the job's": Case(
        "alice", {"ntasks": 5, "qos": "over"}, partition="ruled"
    ),
    "and is itself overridden": Case(
        "alice", {"ntasks": 9, "qos": "over"}, "QOSMaxCpuPerJobLimit", "over", "ruled"
    ),
    "more nodes than an association may": Case(
        "bob", {"nodes": {"min": 2}}, "AssocMaxNodePerJobLimit", "chemistry"
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def limited(accounting_sandbox: Sandbox) -> Iterator[Caller]:
    """A caller on a cluster of its own, with more limits (`accounting_sandbox` says why not)."""
    with Sandbox.up(accounting=True) as own:
        for name, limits in QOS.items():
            command(own, "sacctmgr", "--immediate", "add", "qos", name, *limits)
        names = ",".join(QOS)
        modify = ("sacctmgr", "--immediate", "modify", "user")
        command(own, *modify, "alice", "account=physics", "set", f"qos+={names}")
        command(own, *modify, "bob", "set", "MaxTRESPerJob=node=1", "MaxJobs=-1", "MaxSubmit=-1")
        with running(own) as daemon, calling(daemon.stub) as caller:
            daemon.wait_until_serving()
            wait_until(lambda: knows(daemon, own), "slurmctld has been told by slurmdbd")
            made = ("scontrol", "create", "PartitionName=ruled", "Nodes=ALL", "QOS=small")
            command(own, *made)
            yield caller


def knows(daemon: Daemon, own: Sandbox) -> bool:
    """Whether slurmctld has been told of the last change."""
    shown = command(own, "scontrol", "show", "assoc_mgr", "flags=assoc,qos").stdout
    return "QOS=brief(" in shown and "MaxTRESPJ=node=1" in shown and daemon.is_serving()


def estimate(limited: Caller, case: Case) -> EstimateJobResponse:
    return limited.stub.EstimateJob(request(case.fields, case.options), timeout=DEADLINE)


@pytest.fixture(scope="module")
def jobs(limited: Caller) -> dict[str, str]:
    """All that wait at once, for slurmctld looks only once a second."""
    return {
        why: limited.submit({**case.fields, "name": fresh("limit")}, case.options).job_id.id
        for why, case in CASES.items()
        if case.name
    }


@pytest.mark.parametrize("why", CASES)
def test_an_estimate_tells_the_limit_for_which_the_job_then_waits(
    limited: Caller, jobs: dict[str, str], why: str
) -> None:
    case = CASES[why]
    told = estimate(limited, case)
    assert told.HasField("start_time") is not bool(case.name)
    assert (told.reason.name, told.reason.blocked_by) == (case.name, case.blocked_by)
    assert [warning.name for warning in told.warnings] == ["LIMITS_NOT_HEEDED"]
    if not case.name:
        return
    assert told.reason.category == JOB_REASON_CATEGORY_LIMIT
    assert " are asked for" in told.reason.text

    def reason() -> JobReason:
        return limited.get(jobs[why]).reason

    wait_until(lambda: reason().name == case.name, f"{why}: {case.name}")
