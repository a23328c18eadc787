"""Every verb on every kind of job that it cannot help, on a cluster that keeps accounts.

What each does with a job that it can help is told in the tests of each.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from fix_daemon import running
from google.protobuf.field_mask_pb2 import FieldMask
from server.refusals import refusal
from slurm.caller import DEADLINE, Caller
from slurm_commands import wait_until

from hpcagent.sandbox import Sandbox
from hpcagent.v1.job_pb2 import JOB_SOURCE_ACCOUNTING, JOB_STATE_COMPLETED, JobId
from hpcagent.v1.job_requests_pb2 import (
    CancelJobRequest,
    HoldJobRequest,
    JobUpdate,
    ReleaseJobRequest,
    RequeueJobRequest,
    ResumeJobRequest,
    SignalJobRequest,
    SuspendJobRequest,
    UpdateJobRequest,
)

ALICE = {"user": "alice", "user_id": None, "group": None, "group_id": None}

Call = Callable[[Caller, JobId], Any]
VERBS: Mapping[str, Call] = {
    "cancel": lambda c, job: c.stub.CancelJob(CancelJobRequest(job_id=job), timeout=DEADLINE),
    "signal": lambda c, job: c.stub.SignalJob(
        SignalJobRequest(job_id=job, signal="USR1"), timeout=DEADLINE
    ),
    "hold": lambda c, job: c.stub.HoldJob(HoldJobRequest(job_id=job), timeout=DEADLINE),
    "release": lambda c, job: c.stub.ReleaseJob(ReleaseJobRequest(job_id=job), timeout=DEADLINE),
    "requeue": lambda c, job: c.stub.RequeueJob(RequeueJobRequest(job_id=job), timeout=DEADLINE),
    "suspend": lambda c, job: c.stub.SuspendJob(SuspendJobRequest(job_id=job), timeout=DEADLINE),
    "resume": lambda c, job: c.stub.ResumeJob(ResumeJobRequest(job_id=job), timeout=DEADLINE),
    "update": lambda c, job: c.stub.UpdateJob(
        UpdateJobRequest(
            job_id=job, job=JobUpdate(name="new"), update_mask=FieldMask(paths=["name"])
        ),
        timeout=DEADLINE,
    ),
}
ENDED = {
    verb: "ESLURM_JOB_FINISHED" if verb in {"hold", "release", "update"} else "ESLURM_ALREADY_DONE"
    for verb in VERBS
}
"""Why each does nothing with a job that has ended; to cancel it is no error."""


@dataclass(frozen=True)
class Site:
    """A daemon's caller, and jobs of every kind that slurmctld has purged."""

    caller: Caller
    purged: Mapping[str, JobId]


@pytest.fixture(scope="module")
def site(accounting_sandbox: Sandbox) -> Iterator[Site]:
    """A cluster of the module's own, which forgets jobs within seconds."""
    with Sandbox.up(accounting=True, conf={"MinJobAge": "2"}) as own, running(own) as daemon:
        daemon.wait_until_serving()
        caller = Caller(daemon.stub)
        job = caller.run("exit 0", ALICE)
        array = caller.run("exit 0", ALICE, array="0-1")
        het = caller.run("exit 0", {**ALICE, "components": [{}]})
        wholes = {"job": job, "array": array, "het job": het}
        for kind, one in wholes.items():
            wait_until(
                lambda one=one: caller.get(one).source == JOB_SOURCE_ACCOUNTING,  # type: ignore[misc]
                f"the {kind} is purged",
            )
            assert caller.get(one).state == JOB_STATE_COMPLETED
        parts = {"task": JobId(id=f"{array.id}_1"), "component": JobId(id=f"{het.id}+1")}
        yield Site(caller, {**wholes, **parts})


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("kind", ["job", "array", "het job", "task", "component"])
def test_a_job_that_only_accounting_knows_has_ended(site: Site, kind: str, verb: str) -> None:
    job = site.purged[kind]
    if verb == "cancel":
        (result,) = VERBS[verb](site.caller, job).results
        assert (result.job_id.id, result.status.code) == (job.id, 0)
        assert [warning.name for warning in result.warnings] == ["ESLURM_ALREADY_DONE"]
    else:
        told = refusal(lambda: VERBS[verb](site.caller, job))
        assert (told.code.name, told.reason) == ("FAILED_PRECONDITION", ENDED[verb])


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("unknown", ["4000000", "4000000_1", "4000000+1"])
def test_a_job_that_nobody_knows_is_not_found(site: Site, unknown: str, verb: str) -> None:
    told = refusal(lambda: VERBS[verb](site.caller, JobId(id=unknown)))
    assert told.code.name == "NOT_FOUND"
