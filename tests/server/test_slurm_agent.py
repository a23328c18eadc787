"""SlurmAgent's methods, from a client's stub to the backend and back."""

from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from server.memory import MemoryBackend
from server.refusals import refusal
from server.requests import COMMENT, SCRIPT, WORK_DIR, original

from hpcagent.jobs.estimate import Estimate
from hpcagent.jobs.identity import Claim
from hpcagent.jobs.model import JobFilter, JobId, JobReason, JobState
from hpcagent.jobs.model import Warning as JobWarning
from hpcagent.jobs.orders import Order, Verb
from hpcagent.jobs.spec import WorkDirRequest
from hpcagent.server.slurm_agent import SlurmAgent
from hpcagent.v1 import slurm_agent_pb2, slurm_agent_pb2_grpc
from hpcagent.v1.job_pb2 import JOB_STATE_FAILED, JOB_STATE_RUNNING
from hpcagent.v1.job_pb2 import JobId as IdMessage
from hpcagent.v1.job_requests_pb2 import (
    JOB_VIEW_FULL,
    JOB_VIEW_MANIFEST,
    PROPAGATION_FOREGROUND,
    CancelJobRequest,
    GetJobRequest,
    ListJobsRequest,
)
from hpcagent.v1.job_requests_pb2 import JobFilter as FilterMessage
from hpcagent.v1.slurm_agent_pb2 import (
    DIRECTIVES_IGNORE,
    CreateWorkDir,
    EstimateJobResponse,
    HetComponent,
    SubmitJobRequest,
)
from hpcagent.v1.slurm_agent_pb2_grpc import SlurmAgentStub

UNSPECIFIED: Any = 0
UNKNOWN: Any = 99

# ------------------------------------------------------------------ SubmitJob


def test_the_original_request_reaches_the_backend_whole(
    slurm: SlurmAgentStub, backend: MemoryBackend
) -> None:
    answer = slurm.SubmitJob(original())
    (spec,) = backend.specs
    assert spec.claim == Claim(1870, "nscc-gz_jiangli", 1884, "nscc-gz")
    assert (spec.partition, spec.name) == ("power", "simpleHpcJ-2162247")
    assert (spec.work_dir, spec.script, spec.nodes) == (WORK_DIR, SCRIPT, 1)
    assert spec.environment == ("HOME=/WORK/nscc-gz_jiangli",)
    assert spec.options == {"comment": COMMENT}
    assert answer.job_id == IdMessage(cluster="memory", id="1", job_id=1)
    assert answer.request_digest == spec.digest()


def test_what_the_original_did_not_have_reaches_the_backend_too(
    slurm: SlurmAgentStub, backend: MemoryBackend
) -> None:
    request = SubmitJobRequest(
        script="#!/bin/sh\n",
        argv=["a", ""],
        directives=DIRECTIVES_IGNORE,
        create_work_dir=CreateWorkDir(mode=0, parents=True),
        request_id="one",
        validate_only=True,
    )
    answer = slurm.SubmitJob(request)
    (spec,) = backend.specs
    assert spec.claim == Claim()
    assert (spec.argv, spec.directives) == (("a", ""), "IGNORE")
    assert spec.create_work_dir == WorkDirRequest(mode=0, parents=True)
    assert (spec.request_id, spec.validate_only) == ("one", True)
    assert (answer.request_id, answer.HasField("job_id")) == ("one", False)


def test_a_directory_is_the_owners_alone_unless_another_mode_is_given(
    slurm: SlurmAgentStub, backend: MemoryBackend
) -> None:
    slurm.SubmitJob(SubmitJobRequest(create_work_dir=CreateWorkDir()))
    assert backend.specs[0].create_work_dir == WorkDirRequest(mode=0o700, parents=False)


def test_options_of_other_backends_are_left_alone(
    slurm: SlurmAgentStub, backend: MemoryBackend
) -> None:
    request = SubmitJobRequest()
    request.options["other"].exclusive = UNSPECIFIED
    slurm.SubmitJob(request)
    assert backend.specs[0].options == {}


def test_all_that_cannot_be_read_of_a_request_is_told_at_once(slurm: SlurmAgentStub) -> None:
    request = SubmitJobRequest(components=[HetComponent(), HetComponent()], directives=UNKNOWN)
    request.components[1].options.exclusive = UNSPECIFIED
    request.options["slurm"].exclusive = UNSPECIFIED
    request.options["slurm"].begin.nanos = -1
    refused = refusal(lambda: slurm.SubmitJob(request))
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.violations == {
        "components[1].options.exclusive": "UNSPECIFIED_VALUE",
        "directives": "UNKNOWN_VALUE",
        'options["slurm"].exclusive': "UNSPECIFIED_VALUE",
        'options["slurm"].begin': "TIMESTAMP_FORM",
    }


def with_field_500(message: Message) -> bytes:
    """A message as a client of a later release sends it, with a field that this one lacks."""
    return message.SerializeToString() + b"\xa0\x1f\x01"


def test_a_field_of_a_later_release_is_refused_and_not_ignored(slurm: SlurmAgentStub) -> None:
    request = SubmitJobRequest.FromString(with_field_500(original()))
    request.options["slurm"].MergeFromString(b"\xa0\x1f\x01")
    request.options["slurm"].time.MergeFromString(b"\xa0\x1f\x01")
    request.options["slurm"].time.unlimited.SetInParent()
    assert refusal(lambda: slurm.SubmitJob(request)).violations == {
        "500": "UNKNOWN_FIELD",
        'options["slurm"].500': "UNKNOWN_FIELD",
        'options["slurm"].time.500': "UNKNOWN_FIELD",
    }


# ------------------------------------------------------------------ GetJob


def test_a_job_can_be_asked_for_by_its_id_and_by_its_request_id(slurm: SlurmAgentStub) -> None:
    request = original()
    request.request_id = "one"
    job_id = slurm.SubmitJob(request).job_id
    by_id = slurm.GetJob(GetJobRequest(job_id=job_id, view=JOB_VIEW_FULL))
    by_request = slurm.GetJob(GetJobRequest(request_id="one"))
    assert by_id == by_request
    assert (by_id.user_id, by_id.comment) == (1870, COMMENT)


def test_only_the_fields_that_a_mask_names_are_answered(slurm: SlurmAgentStub) -> None:
    job_id = slurm.SubmitJob(original()).job_id
    mask = FieldMask(paths=["job_id.id", "comment"])
    job = slurm.GetJob(GetJobRequest(job_id=job_id, read_mask=mask))
    assert {field.name for field, _ in job.ListFields()} == {"job_id", "comment"}
    assert (job.job_id.id, job.job_id.cluster) == ("1", "")


def test_the_mask_of_everything_is_no_mask(slurm: SlurmAgentStub) -> None:
    job_id = slurm.SubmitJob(original()).job_id
    everything = slurm.GetJob(GetJobRequest(job_id=job_id, read_mask=FieldMask(paths=["*"])))
    assert everything == slurm.GetJob(GetJobRequest(job_id=job_id))


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (GetJobRequest(), {"job_id": "CONFLICT"}),
        (GetJobRequest(job_id=IdMessage(id="1"), request_id="a"), {"job_id": "CONFLICT"}),
        (GetJobRequest(request_id="a b"), {"request_id": "REQUEST_ID_FORM"}),
        (GetJobRequest(request_id="a", view=JOB_VIEW_MANIFEST), {"view": "UNKNOWN_VALUE"}),
        (GetJobRequest(request_id="a", view=UNKNOWN), {"view": "UNKNOWN_VALUE"}),
        (
            GetJobRequest(
                job_id=IdMessage(id="x"),
                read_mask=FieldMask(paths=["name", "nme", "job_id.x", "stp", "array.tasks.x"]),
            ),
            {
                "job_id.id": "JOB_ID_FORM",
                "read_mask.paths[1]": "UNKNOWN_PATH",
                "read_mask.paths[2]": "UNKNOWN_PATH",
                "read_mask.paths[3]": "UNKNOWN_PATH",
                "read_mask.paths[4]": "UNKNOWN_PATH",
            },
        ),
    ],
    ids=str,
)
def test_a_question_for_a_job_that_cannot_be_read_is_refused(
    slurm: SlurmAgentStub, request_: GetJobRequest, expected: dict[str, str]
) -> None:
    refused = refusal(lambda: slurm.GetJob(request_))
    assert (refused.code, refused.violations) == (grpc.StatusCode.INVALID_ARGUMENT, expected)


# ------------------------------------------------------------------ ListJobs


def test_a_filter_reaches_the_backend_whole(slurm: SlurmAgentStub, backend: MemoryBackend) -> None:
    wanted = FilterMessage(
        users=["1870", "root"],
        accounts=["a"],
        partitions=["power"],
        states=[JOB_STATE_RUNNING, JOB_STATE_FAILED],
        names=["n"],
        job_ids=[IdMessage(id="1_2")],
        submitted_after=Timestamp(seconds=10, nanos=500_000_000),
        submitted_before=Timestamp(seconds=20),
        request_ids=["r"],
        clusters=["memory"],
    )
    slurm.ListJobs(ListJobsRequest(filter=wanted))
    (_, (kept, size, after)) = backend.calls[0]
    assert (size, after) == (100, None)
    assert kept == JobFilter(
        users=("1870", "root"),
        accounts=("a",),
        partitions=("power",),
        states=(JobState.RUNNING, JobState.FAILED),
        names=("n",),
        job_ids=(JobId(1, array_task_id=2),),
        request_ids=("r",),
        submitted_after=10.5,
        submitted_before=20.0,
    )


def test_the_unspecified_state_in_a_filter_means_any(
    slurm: SlurmAgentStub, backend: MemoryBackend
) -> None:
    states = [JOB_STATE_RUNNING, UNSPECIFIED]
    slurm.ListJobs(ListJobsRequest(filter=FilterMessage(states=states)))
    assert backend.calls[0][1][0] == JobFilter()


@pytest.mark.parametrize(("asked", "given"), [(0, 100), (1, 1), (1000, 1000), (1001, 1000)])
def test_a_page_has_as_many_jobs_as_promised(
    slurm: SlurmAgentStub, backend: MemoryBackend, asked: int, given: int
) -> None:
    slurm.ListJobs(ListJobsRequest(page_size=asked))
    assert backend.calls[0][1][1] == given


def test_all_jobs_are_listed_once_over_all_pages(slurm: SlurmAgentStub) -> None:
    for _ in range(7):
        slurm.SubmitJob(original())
    seen, token = [], ""
    while True:
        page = slurm.ListJobs(
            ListJobsRequest(page_size=3, page_token=token, read_mask=FieldMask(paths=["job_id"]))
        )
        seen += [job.job_id.job_id for job in page.jobs]
        token = page.next_page_token
        if not token:
            break
    assert seen == [1, 2, 3, 4, 5, 6, 7]


def test_a_token_is_for_the_filter_that_it_was_made_for(slurm: SlurmAgentStub) -> None:
    for _ in range(2):
        slurm.SubmitJob(original())
    token = slurm.ListJobs(ListJobsRequest(page_size=1)).next_page_token
    other = ListJobsRequest(filter=FilterMessage(users=["root"]), page_token=token)
    assert refusal(lambda: slurm.ListJobs(other)).violations == {
        "page_token": "PAGE_TOKEN_MISMATCH"
    }


@pytest.mark.parametrize("token", ["x", "ä", "====", "AAAA" * 8, "A" * 34, "AA AA"])
def test_a_token_that_is_none_is_refused(slurm: SlurmAgentStub, token: str) -> None:
    refused = refusal(lambda: slurm.ListJobs(ListJobsRequest(page_token=token)))
    assert refused.violations == {"page_token": "PAGE_TOKEN_FORM"}


def test_all_that_is_wrong_with_a_list_is_told_at_once(slurm: SlurmAgentStub) -> None:
    wanted = FilterMessage(
        users=[""],
        states=[UNKNOWN],
        job_ids=[IdMessage(id="1"), IdMessage(cluster="other", id="2")],
        submitted_after=Timestamp(nanos=-1),
        request_ids=["a b"],
        qos=["q", ""],
        nodes=["n"],
        namespaces=["n"],
        labels={"a": "b"},
        clusters=["memory", "other"],
    )
    request = ListJobsRequest(filter=wanted, page_size=-1, history=True, view=JOB_VIEW_MANIFEST)
    assert refusal(lambda: slurm.ListJobs(request)).violations == {
        "filter.users[0]": "EMPTY",
        "filter.states[0]": "UNKNOWN_VALUE",
        "filter.job_ids[1].cluster": "OTHER_CLUSTER",
        "filter.submitted_after": "TIMESTAMP_FORM",
        "filter.request_ids[0]": "REQUEST_ID_FORM",
        "filter.qos[1]": "EMPTY",
        "filter.nodes": "FIELD_NOT_SUPPORTED",
        "filter.namespaces": "FIELD_NOT_SUPPORTED",
        "filter.labels": "FIELD_NOT_SUPPORTED",
        "filter.clusters[1]": "OTHER_CLUSTER",
        "page_size": "OUT_OF_RANGE",
        "view": "UNKNOWN_VALUE",
    }


# ------------------------------------------------------------------ CancelJob


def test_a_cancellation_reaches_the_backend_whole(
    slurm: SlurmAgentStub, backend: MemoryBackend
) -> None:
    request = CancelJobRequest(job_id=IdMessage(id="3"), states=[JOB_STATE_RUNNING], reason="done")
    (result,) = slurm.CancelJob(request).results
    order = Order(Verb.CANCEL, JobId(3), (JobState.RUNNING,))
    assert backend.calls == [("control", (order,))]
    assert (result.job_id.id, result.status.code) == ("3", 0)


def test_a_cancellation_that_would_mean_more_or_less_than_it_says_is_refused(
    slurm: SlurmAgentStub, backend: MemoryBackend
) -> None:
    request = CancelJobRequest(
        job_id=IdMessage(id="3"),
        filter=FilterMessage(),
        request_id="a b",
        reason="x" * 1025,
        grace_period=Duration(),
        propagation=PROPAGATION_FOREGROUND,
        states=[UNSPECIFIED],
    )
    assert refusal(lambda: slurm.CancelJob(request)).violations == {
        "filter": "REQUIRED",
        "request_id": "REQUEST_ID_FORM",
        "reason": "TOO_LONG",
        "grace_period": "FIELD_NOT_SUPPORTED",
        "propagation": "FIELD_NOT_SUPPORTED",
        "states[0]": "UNSPECIFIED_VALUE",
    }
    assert backend.calls == []


# ------------------------------------------------------------------ the rest


def test_every_method_of_the_contract_is_built() -> None:
    methods = slurm_agent_pb2.DESCRIPTOR.services_by_name["SlurmAgent"].methods
    generated = slurm_agent_pb2_grpc.SlurmAgentServicer
    for method in methods:
        assert getattr(SlurmAgent, method.name) is not getattr(generated, method.name)


def test_an_estimate_is_told_whole(slurm: SlurmAgentStub, backend: MemoryBackend) -> None:
    backend.expected = Estimate(
        start_time=1_700_000_000.0,
        node_list="cn[1-2]",
        cpus=8,
        partition="debug",
        preempted_jobs=(JobId(5, cluster="memory"),),
        reason=JobReason("Resources", "busy", "RESOURCES", (JobId(6),), "cn1"),
        warnings=(JobWarning("W", "text", 3),),
        system_usage=0.5,
    )
    told = slurm.EstimateJob(original())
    assert {field.name for field, _ in told.ListFields()} == {
        field.name for field in EstimateJobResponse.DESCRIPTOR.fields
    }
    assert told.preempted_jobs == [IdMessage(cluster="memory", id="5", job_id=5)]
    assert told.reason.blocking_jobs == [IdMessage(id="6", job_id=6)]
    assert told.reason.blocked_by == "cn1"
    assert [verb for verb, _ in backend.calls] == ["estimate"]
