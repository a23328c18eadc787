"""SlurmAgent's methods for jobs that exist, from a client's stub to the backend and back."""

from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.rpc import error_details_pb2
from server.conftest import Logged
from server.memory import MemoryBackend
from server.refusals import refusal

from hpcagent.jobs.errors import Kind, Refused
from hpcagent.jobs.model import Job, JobFilter, JobId, JobResult, JobState
from hpcagent.jobs.model import Warning as JobWarning
from hpcagent.jobs.orders import Change, Order, Target, Verb
from hpcagent.v1.job_options_pb2 import JobOptions
from hpcagent.v1.job_pb2 import JOB_STATE_PENDING, JOB_STATE_RUNNING, TimeLimit, Unlimited
from hpcagent.v1.job_pb2 import JobId as IdMessage
from hpcagent.v1.job_requests_pb2 import (
    SIGNAL_TARGET_BATCH,
    SIGNAL_TARGET_FULL,
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
from hpcagent.v1.job_requests_pb2 import JobFilter as FilterMessage
from hpcagent.v1.slurm_agent_pb2_grpc import SlurmAgentStub

TASK, NAMED = JobId(3, 1), IdMessage(id="3_1")
NO_TARGET: Any = 99


def asked(backend: MemoryBackend) -> list[Any]:
    """What an order, change or mass cancellation asked the backend for."""
    return [arguments for verb, arguments in backend.calls if verb != "get"]


# ------------------------------------------------------------------------------- orders


@pytest.mark.parametrize(
    ("method", "request_", "order"),
    [
        ("CancelJob", CancelJobRequest(job_id=NAMED), Order(Verb.CANCEL, TASK)),
        ("HoldJob", HoldJobRequest(job_id=NAMED), Order(Verb.HOLD, TASK)),
        ("ReleaseJob", ReleaseJobRequest(job_id=NAMED), Order(Verb.RELEASE, TASK)),
        (
            "RequeueJob",
            RequeueJobRequest(job_id=NAMED, hold=True, states=[JOB_STATE_RUNNING]),
            Order(Verb.REQUEUE, TASK, (JobState.RUNNING,), hold=True),
        ),
        ("SuspendJob", SuspendJobRequest(job_id=NAMED), Order(Verb.SUSPEND, TASK)),
        ("ResumeJob", ResumeJobRequest(job_id=NAMED), Order(Verb.RESUME, TASK)),
        (
            "SignalJob",
            SignalJobRequest(job_id=NAMED, signal="usr1", target=SIGNAL_TARGET_BATCH),
            Order(Verb.SIGNAL, TASK, signal=10, target=Target.BATCH),
        ),
        (
            "SignalJob",
            SignalJobRequest(job_id=NAMED, signal="15", target=SIGNAL_TARGET_FULL),
            Order(Verb.SIGNAL, TASK, signal=15, target=Target.FULL),
        ),
    ],
)
def test_an_order_reaches_the_backend_whole(
    slurm: SlurmAgentStub,
    backend: MemoryBackend,
    method: str,
    request_: Any,  # noqa: ANN401 - any of the messages
    order: Order,
) -> None:
    answer = getattr(slurm, method)(request_)
    assert asked(backend) == [(order,)]
    assert [(one.job_id.id, one.status.code) for one in answer.results] == [("3_1", 0)]


def test_every_order_is_audited_before_and_after(slurm: SlurmAgentStub, logged: Logged) -> None:
    slurm.HoldJob(HoldJobRequest(job_id=NAMED, request_id="r-1"))
    entries = [entry for entry in logged if entry["logger"] == "audit"]
    assert [(one["event"], one.get("outcome")) for one in entries] == [
        ("intent", None),
        ("outcome", "done"),
    ]
    assert {(one["verb"], one["target"], one["request_id"]) for one in entries} == {
        ("hold", "3_1", "r-1")
    }


def test_a_task_that_failed_has_its_reason_and_is_audited(
    slurm: SlurmAgentStub, backend: MemoryBackend, logged: Logged
) -> None:
    error = Refused(
        "it has started", kind=Kind.FAILED_PRECONDITION, reason="ESLURM_JOB_NOT_PENDING",
        domain="slurm.hpcagent",
    )  # fmt: skip
    already = JobWarning("ESLURM_JOB_HELD", "is held already", 2042)
    backend.others = (JobResult(JobId(3, 2), error=error), JobResult(JobId(3, 4), (already,)))
    first, failed, warned = slurm.HoldJob(HoldJobRequest(job_id=IdMessage(id="3"))).results
    info = error_details_pb2.ErrorInfo()
    assert failed.status.details[0].Unpack(info)
    assert (failed.job_id.id, failed.status.code, info.reason, info.domain) == (
        "3_2", 9, "ESLURM_JOB_NOT_PENDING", "slurm.hpcagent",
    )  # fmt: skip
    assert (warned.status.code, warned.warnings[0].code) == (0, 2042)
    assert first.status.code == 0
    outcome = next(one for one in logged if one.get("outcome"))
    assert outcome["failed"] == {"3_2": "ESLURM_JOB_NOT_PENDING"}


@pytest.mark.parametrize("signal", ["", "0", "65", "NUL", "SIG", "1000", "-9", "USR1 ", "9" * 99])
def test_what_is_no_signal_is_refused(slurm: SlurmAgentStub, signal: str) -> None:
    request = SignalJobRequest(signal=signal, target=NO_TARGET, request_id="a b")
    assert refusal(lambda: slurm.SignalJob(request)).violations == {
        "job_id": "REQUIRED",
        "signal": "UNKNOWN_SIGNAL",
        "target": "UNKNOWN_VALUE",
        "request_id": "REQUEST_ID_FORM",
    }


def test_what_only_kubernetes_can_honour_is_refused(slurm: SlurmAgentStub) -> None:
    request = SuspendJobRequest(job_id=NAMED, grace_period=Duration(seconds=1))
    violations = refusal(lambda: slurm.SuspendJob(request)).violations
    assert violations == {"grace_period": "FIELD_NOT_SUPPORTED"}


# ------------------------------------------------------------------- all that match


def test_a_filter_reaches_the_backend_whole(slurm: SlurmAgentStub, backend: MemoryBackend) -> None:
    wanted = FilterMessage(users=["alice"], names=["n"])
    slurm.CancelJob(CancelJobRequest(filter=wanted, states=[JOB_STATE_PENDING]))
    expected = (JobFilter(users=("alice",), names=("n",)), (JobState.PENDING,))
    assert asked(backend) == [expected]


def test_a_filter_that_means_every_job_is_refused(slurm: SlurmAgentStub) -> None:
    told = refusal(lambda: slurm.CancelJob(CancelJobRequest(filter=FilterMessage())))
    assert told.violations == {"filter": "REQUIRED"}


def test_a_filter_and_an_id_exclude_each_other(slurm: SlurmAgentStub) -> None:
    request = CancelJobRequest(job_id=NAMED, filter=FilterMessage(users=["alice"]))
    assert refusal(lambda: slurm.CancelJob(request)).violations == {"filter": "CONFLICT"}


# ------------------------------------------------------------------------------ changes


def there() -> Job:
    """The job that the backend has."""
    return Job(
        job_id=JobId(3), state=JobState.PENDING, backend_state="PENDING", as_of_time=0, name="there"
    )


def update(job: JobUpdate, *paths: str, **more: Any) -> UpdateJobRequest:  # noqa: ANN401 - its fields
    return UpdateJobRequest(job_id=NAMED, job=job, update_mask=FieldMask(paths=paths), **more)


def test_a_change_is_what_its_mask_names(slurm: SlurmAgentStub, backend: MemoryBackend) -> None:
    options = JobOptions(comment="kept out", nice=-1, time=TimeLimit(unlimited=Unlimited()))
    job = JobUpdate(name="new", partition="kept out", options=options)
    backend.jobs.append(there())
    paths = ("name", "options.nice", "options.time", "options.qos")
    answer = slurm.UpdateJob(update(job, *paths, validate_only=True))
    changed = {"nice": -1, "time": float("inf"), "qos": None}
    expected = Change(TASK, name="new", options=changed, validate_only=True)
    assert asked(backend) == [(expected,)]
    assert (answer.results[0].job_id.id, answer.job.name) == ("3_1", "there")


def test_every_path_that_cannot_be_taken_is_named_at_once(
    slurm: SlurmAgentStub, backend: MemoryBackend
) -> None:
    paths = (
        "name", "partition", "options", "options.colour", "options.time.value", "replicas",
        "colour", "", "options.time",
    )  # fmt: skip
    request = update(JobUpdate(options=JobOptions(time=TimeLimit())), *paths, request_id="a b")
    assert refusal(lambda: slurm.UpdateJob(request)).violations == {
        "request_id": "REQUEST_ID_FORM",
        "job.name": "EMPTY",
        "job.partition": "EMPTY",
        "update_mask.paths[2]": "PATH_TOO_WIDE",
        "update_mask.paths[3]": "UNKNOWN_PATH",
        "update_mask.paths[4]": "UNKNOWN_PATH",
        "update_mask.paths[5]": "FIELD_NOT_SUPPORTED",
        "update_mask.paths[6]": "UNKNOWN_PATH",
        "update_mask.paths[7]": "UNKNOWN_PATH",
        "job.options.time": "REQUIRED",
    }
    assert backend.calls == []


def test_a_change_of_nothing_is_refused(slurm: SlurmAgentStub) -> None:
    told = refusal(lambda: slurm.UpdateJob(UpdateJobRequest(job_id=NAMED)))
    assert told.violations == {"update_mask": "REQUIRED"}


def test_a_change_stands_although_the_job_cannot_be_read_after_it(
    slurm: SlurmAgentStub, backend: MemoryBackend
) -> None:
    answer = slurm.UpdateJob(update(JobUpdate(name="new"), "name"))
    assert asked(backend) == [(Change(TASK, name="new"),)]
    assert (answer.results[0].job_id.id, answer.HasField("job")) == ("3_1", False)


def test_an_option_outside_the_mask_may_be_wrong(
    slurm: SlurmAgentStub, backend: MemoryBackend
) -> None:
    backend.jobs.append(there())
    job = JobUpdate(options=JobOptions(comment="c", time=TimeLimit()))
    slurm.UpdateJob(update(job, "options.comment"))
    assert asked(backend) == [(Change(TASK, options={"comment": "c"}),)]
