"""Every verb on every kind of job, on a cluster that keeps accounts: what it helps, and what not.

What else each does with a job that it can help is told in the tests of each.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from fix_daemon import Daemon, running
from google.protobuf.field_mask_pb2 import FieldMask
from server.refusals import refusal
from slurm.bell import bell
from slurm.caller import DEADLINE, Caller, calling, fresh
from slurm_commands import command, wait_until

from hpcagent.sandbox import Sandbox
from hpcagent.v1.job_pb2 import (
    JOB_SOURCE_ACCOUNTING,
    JOB_STATE_CANCELLED,
    JOB_STATE_COMPLETED,
    JOB_STATE_PENDING,
    JOB_STATE_RUNNING,
    JOB_STATE_SUSPENDED,
    JOB_STATE_UNKNOWN,
    Job,
    JobId,
)
from hpcagent.v1.job_requests_pb2 import (
    CancelJobRequest,
    HoldJobRequest,
    JobFilter,
    JobUpdate,
    ReleaseJobRequest,
    RequeueJobRequest,
    ResumeJobRequest,
    SignalJobRequest,
    SuspendJobRequest,
    UpdateJobRequest,
    WatchJobsRequest,
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
PARTS = {"job": "", "array": "", "het job": "", "task": "_1", "component": "+1"}
"""The kinds of jobs; a part is named by what follows the id of the whole."""
SHAPES: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    "job": ({}, {}),
    "array": ({}, {"array": "0-1"}),
    "task": ({}, {"array": "0-1"}),
    "het job": ({"components": [{}]}, {}),
    "component": ({"components": [{}]}, {}),
}
"""What a request for one of a kind has beside: its fields, and its options."""
LATER = {"begin": "2099-01-01T00:00:00Z"}
FIRST = {"release": "hold", "resume": "suspend"}
"""What must be done to a job before something else can be."""
WHOLE_ONLY = {"requeue", "suspend", "resume"}
"""What slurmctld does not do to a component alone that runs; one that waits it does not cancel."""

Effect = Callable[[Job], bool]
ON_WAITING: Mapping[str, Effect] = {
    "hold": lambda job: job.priority == 0 and job.reason.name == "JobHeldUser",
    "release": lambda job: job.priority > 0,
    "update": lambda job: job.name == "new",
    "cancel": lambda job: job.state == JOB_STATE_CANCELLED,
}
ON_RUNNING: Mapping[str, Effect] = {
    "signal": lambda job: job.state == JOB_STATE_RUNNING,
    "suspend": lambda job: job.state == JOB_STATE_SUSPENDED,
    "resume": lambda job: job.state == JOB_STATE_RUNNING,
    "requeue": lambda job: job.restart_count == 1,
    "cancel": lambda job: job.state == JOB_STATE_CANCELLED,
}
"""What can be seen of a job when it was done: of one that waited, and of one that ran."""
GONE: Effect = lambda job: job.state == JOB_STATE_UNKNOWN and job.reason.name == "NotSeenToEnd"  # noqa: E731 - one of them
"""Of a task that never had a record of its own slurmctld keeps none when it is cancelled."""


@dataclass(frozen=True)
class Site:
    """A daemon's caller, and jobs of every kind that slurmctld has purged."""

    daemon: Daemon
    caller: Caller
    purged: Mapping[str, JobId]


@pytest.fixture(scope="module")
def site(accounting_sandbox: Sandbox) -> Iterator[Site]:
    """A cluster of the module's own, which forgets jobs within seconds."""
    conf, settings = {"MinJobAge": "2"}, {"policy": {"suspend_as_agent": True}}
    with (
        Sandbox.up(accounting=True, conf=conf) as own,
        running(own, settings) as daemon,
        calling(daemon.stub) as caller,
    ):
        daemon.wait_until_serving()
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
        yield Site(daemon, caller, {**wholes, **parts})


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


def part(kind: str, whole: JobId) -> JobId:
    """The id of what is meant of a job that was submitted as one of a kind."""
    return JobId(id=f"{whole.id}{PARTS[kind]}")


def refused_in_part(site: Site, verb: str, whole: JobId, job: JobId) -> None:
    """See that it is not done to a part, after what must be done to the whole before."""
    if verb in FIRST:
        VERBS[FIRST[verb]](site.caller, whole)
    told = refusal(lambda: VERBS[verb](site.caller, job))
    assert (told.code.name, told.reason) == ("FAILED_PRECONDITION", "ESLURM_NOT_WHOLE_HET_JOB")


def done(site: Site, verb: str, job: JobId, effect: Effect) -> None:
    """Do it, after what must be done before, and see that it is so."""
    for each in filter(None, (FIRST.get(verb), verb)):
        results = VERBS[each](site.caller, job).results
        told = [(one.job_id.id, one.status.code, list(one.warnings)) for one in results]
        assert told == [(job.id, 0, [])]
    wait_until(lambda: effect(site.caller.get(job)), f"{job.id} is as {verb} makes it")


@pytest.mark.parametrize("verb", ON_WAITING)
@pytest.mark.parametrize("kind", PARTS)
def test_what_is_done_to_a_job_that_waits_is_so(site: Site, kind: str, verb: str) -> None:
    fields, options = SHAPES[kind]
    whole = site.caller.run("exit 0", {**ALICE, **fields}, **options, **LATER)
    job = part(kind, whole)
    if (kind, verb) == ("component", "cancel"):
        refused_in_part(site, verb, whole, job)
    else:
        done(site, verb, job, GONE if (kind, verb) == ("task", "cancel") else ON_WAITING[verb])
    site.caller.cancel(whole)


@pytest.mark.parametrize("verb", ON_RUNNING)
@pytest.mark.parametrize("kind", PARTS)
def test_what_is_done_to_a_job_that_runs_is_so(site: Site, kind: str, verb: str) -> None:
    fields, options = SHAPES[kind]
    with bell() as rung:
        script = f"echo > {rung.path}\nexec sleep 60"
        whole = site.caller.run(script, {**ALICE, **fields}, **options, requeue=True)
        rung.wait(2 if "array" in options else 1)
        job = part(kind, whole)
        if kind == "component" and verb in WHOLE_ONLY:
            refused_in_part(site, verb, whole, job)
        else:
            done(site, verb, job, ON_RUNNING[verb])
        site.caller.cancel(whole)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("kind", PARTS)
def test_a_job_of_roots_is_left_alone(
    site: Site, roots: Mapping[str, JobId], kind: str, verb: str
) -> None:
    job = part(kind, roots[kind])
    before = site.caller.get(job)
    told = refusal(lambda: VERBS[verb](site.caller, job))
    assert (told.code.name, told.reason) == ("PERMISSION_DENIED", "USER_NOT_SERVED")
    after = site.caller.get(job)
    assert (after.state, after.priority, after.name) == (before.state, before.priority, before.name)


@pytest.fixture(scope="module")
def roots(site: Site) -> Iterator[Mapping[str, JobId]]:
    """Jobs of root's, of every kind, which wait."""
    sandbox = site.daemon.sandbox
    argv = ("sbatch", "--parsable", "--output=/dev/null", "--begin=now+1hour", "-n1")
    array, het = ("--array=0-1", "--wrap=true"), ("--wrap=true", ":", "-n1")
    shapes = {"job": ("--wrap=true",), "array": array, "task": array, "het job": het,
              "component": het}  # fmt: skip
    jobs = {
        kind: JobId(id=command(sandbox, *argv, *more).stdout.strip())
        for kind, more in shapes.items()
    }
    yield jobs
    for job in jobs.values():
        command(sandbox, "scancel", job.id)


def test_jobs_are_listed_and_cancelled_by_their_qos(site: Site) -> None:
    name = fresh("qos")
    mine = {**ALICE, "name": name}
    low, normal = (site.caller.run("exit 0", mine, qos=qos, **LATER) for qos in ("low", "normal"))
    wanted = JobFilter(names=[name], qos=["low"])
    assert site.caller.ids(names=[name], qos=["low"]) == [low.id]
    events = site.caller.stub.WatchJobs(WatchJobsRequest(filter=wanted), timeout=DEADLINE)
    told = list(itertools.takewhile(lambda event: not event.HasField("snapshot_end"), events))
    events.cancel()
    assert [event.snapshot.job_id.id for event in told] == [low.id]
    done = site.caller.stub.CancelJob(CancelJobRequest(filter=wanted), timeout=DEADLINE).results
    assert [one.job_id.id for one in done] == [low.id]
    assert site.caller.get(normal).state == JOB_STATE_PENDING
