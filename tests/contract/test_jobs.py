"""What a scheduler may rely on, whichever service it calls."""

from functools import partial
from typing import Any

import grpc
import pytest
import task_requests
from contract.sites import ENDED, SECONDS, Site, fresh
from server.refusals import refusal

from hpcagent.v1 import job_pb2
from hpcagent.v1 import job_requests_pb2 as messages


def test_a_job_runs_to_its_end_and_tells_how_it_ended(site: Site) -> None:
    name, request_id = fresh("job"), fresh("request")
    job_id = site.submit("exit 0", name, request_id=request_id)
    job = site.until(job_id, *ENDED)
    assert job.state == job_pb2.JOB_STATE_COMPLETED
    assert (job.name, job.user_id, job.group_id, job.request_id) == (name, 1870, 1884, request_id)
    assert job.job_id.id == job_id.id
    assert (job.exit_status.code, job.exit_status.signal) == (0, 0)
    assert 0 < job.submit_time.seconds <= job.start_time.seconds <= job.end_time.seconds


def test_a_job_that_fails_tells_its_exit_code(site: Site) -> None:
    job = site.until(site.submit("exit 3"), *ENDED)
    assert (job.state, job.exit_status.code) == (job_pb2.JOB_STATE_FAILED, 3)
    assert job.reason.name


def test_a_job_is_found_by_the_request_that_made_it(site: Site) -> None:
    request_id = fresh("request")
    job_id = site.submit("sleep 300", request_id=request_id)
    found = site.stub.GetJob(messages.GetJobRequest(request_id=request_id), timeout=SECONDS)
    assert found.job_id.id == job_id.id


def test_a_repetition_is_another_job_or_says_that_it_is_none(site: Site) -> None:
    name, request_id = fresh("job"), fresh("request")
    first, again = (site.answer("sleep 300", name, request_id=request_id) for _ in range(2))
    assert again.replayed is (again.job_id.id == first.job_id.id)
    assert again.request_digest == first.request_digest
    found = site.stub.GetJob(messages.GetJobRequest(request_id=request_id), timeout=SECONDS)
    assert found.job_id.id in {first.job_id.id, again.job_id.id}


def test_other_content_is_never_answered_with_the_job_of_the_request_before(site: Site) -> None:
    name, request_id = fresh("job"), fresh("request")
    first = site.answer("sleep 300", name, request_id=request_id)
    try:
        other = site.answer("sleep 301", name, request_id=request_id)
    except grpc.RpcError as error:  # as Kubernetes has it: an object's name is there once
        assert error.code() is grpc.StatusCode.ALREADY_EXISTS  # noqa: PT017 - the other way
    else:
        assert not other.replayed
        assert other.job_id.id != first.job_id.id
        assert other.request_digest != first.request_digest


def test_jobs_are_listed_by_name_and_request_page_by_page(site: Site) -> None:
    name, requests = fresh("job"), [fresh("request") for _ in range(3)]
    ids = [site.submit("sleep 300", f"{name}{n}", request_id=r).id for n, r in enumerate(requests)]
    assert sorted(job.job_id.id for job in site.listed(1, request_ids=requests)) == sorted(ids)
    assert [job.job_id.id for job in site.listed(names=[f"{name}1"])] == [ids[1]]


def test_only_the_fields_that_are_asked_for_are_told(site: Site) -> None:
    job_id = site.submit("sleep 300")
    request = task_requests.message(
        messages.GetJobRequest, job_id={"id": job_id.id}, read_mask="jobId.id,state"
    )
    told = site.stub.GetJob(request, timeout=SECONDS)
    assert {field.name for field, _ in told.ListFields()} == {"job_id", "state"}


def test_a_job_that_is_cancelled_runs_no_more(site: Site) -> None:
    job_id = site.submit("sleep 300")
    site.until(job_id, job_pb2.JOB_STATE_RUNNING)
    answer = site.cancel(job_id)
    assert [(one.job_id.id, one.status.code) for one in answer.results] == [(job_id.id, 0)]
    try:
        job = site.until(job_id, *ENDED)
    except grpc.RpcError as gone:  # Kubernetes keeps nothing of what was deleted
        assert gone.code() is grpc.StatusCode.NOT_FOUND  # noqa: PT017 - the other way to have ended
    else:
        assert job.state == job_pb2.JOB_STATE_CANCELLED


def test_a_job_that_has_ended_can_be_cancelled_without_harm(site: Site) -> None:
    job_id = site.submit("exit 0")
    site.until(job_id, *ENDED)
    site.cancel(job_id)  # Kubernetes deletes what has ended
    answer = site.cancel(job_id)
    assert answer.results[0].status.code == 0
    assert answer.results[0].warnings


def test_a_job_is_suspended_and_goes_on(site: Site) -> None:
    job_id = site.submit("sleep 300")
    site.until(job_id, job_pb2.JOB_STATE_RUNNING)
    for change, state in (
        (site.suspend, job_pb2.JOB_STATE_SUSPENDED),
        (site.resume, job_pb2.JOB_STATE_RUNNING),
    ):
        done = change(job_id)
        assert (done.job_id.id, done.status.code, list(done.warnings)) == (job_id.id, 0, [])
        site.until(job_id, state)
        again = change(job_id)
        assert again.status.code == 0
        assert again.warnings


def test_a_job_that_has_ended_is_not_suspended(site: Site) -> None:
    job_id = site.submit("exit 0")
    site.until(job_id, *ENDED)
    refused = refusal(partial(site.suspend, job_id))
    assert refused.code is grpc.StatusCode.FAILED_PRECONDITION
    assert (refused.domain, refused.reason) == site.ended
    assert site.get(job_id).state == job_pb2.JOB_STATE_COMPLETED


def test_a_trial_makes_no_job(site: Site) -> None:
    name = fresh("job")
    request = site.describe("exit 0", name, {"validate_only": True})
    answer = site.stub.SubmitJob(request, timeout=SECONDS)
    assert not answer.HasField("job_id")
    assert answer.request_digest.startswith("sha256:")
    assert site.listed(names=[name]) == []


def test_a_watcher_is_told_each_state_of_a_job_and_can_come_back(site: Site) -> None:
    name = fresh("job")
    wanted = messages.WatchJobsRequest(filter=messages.JobFilter(names=[name]))
    stream = site.stub.WatchJobs(wanted, timeout=SECONDS)
    first = next(stream)
    assert first.WhichOneof("event") == "snapshot_end"
    site.submit("sleep 1", name)
    seen = []
    for event in stream:
        if event.HasField("changed"):
            seen.append(event.changed.state)
        if seen and seen[-1] in ENDED:
            break
    stream.cancel()
    assert seen[-1] == job_pb2.JOB_STATE_COMPLETED
    assert job_pb2.JOB_STATE_RUNNING in seen

    wanted.resume_token = first.resume_token
    again = site.stub.WatchJobs(wanted, timeout=SECONDS)
    replayed = next(event for event in again if not event.HasField("bookmark"))
    again.cancel()
    assert replayed.changed.name == name


@pytest.mark.parametrize("status", [0, 3])
def test_a_job_that_has_run_waits_no_more(site: Site, status: int) -> None:
    name = fresh("job")
    wanted = messages.WatchJobsRequest(filter=messages.JobFilter(names=[name]))
    stream = site.stub.WatchJobs(wanted, timeout=SECONDS)
    assert next(stream).HasField("snapshot_end")
    site.submit(f"sleep 1; exit {status}", name)
    seen: list[int] = []
    while not seen or seen[-1] not in ENDED:
        seen.append(next(stream).changed.state)  # 0, of a bookmark, is no state
    stream.cancel()
    assert job_pb2.JOB_STATE_PENDING not in seen[seen.index(job_pb2.JOB_STATE_RUNNING) :]


def test_what_a_job_writes_is_read_to_its_end(site: Site) -> None:
    job_id = site.submit("echo one; sleep 1; echo two")
    site.until(job_id, job_pb2.JOB_STATE_RUNNING, *ENDED)
    request = messages.ReadOutputRequest(job_id=job_id, follow=True)
    chunks = list(site.stub.ReadOutput(request, timeout=SECONDS))
    assert b"".join(chunk.data for chunk in chunks) == b"one\ntwo\n"
    assert chunks[-1].notice == messages.OutputChunk.NOTICE_END


# ---------------------------------------------------------------------------------------- errors


AGENT = "hpcagent"
"""``ErrorInfo.domain`` of what the agent itself refuses: the same reasons in both services."""


def test_a_job_that_is_not_there_is_not_found(site: Site) -> None:
    for ask in (site.get, site.suspend, site.resume):
        refused = refusal(partial(ask, job_pb2.JobId(id=site.unknown)))
        assert refused.code is grpc.StatusCode.NOT_FOUND
        assert (refused.domain, refused.reason) == site.not_found


def test_a_request_that_made_no_job_is_not_found(site: Site) -> None:
    wanted = messages.GetJobRequest(request_id=fresh("request"))
    refused = refusal(partial(site.stub.GetJob, wanted, timeout=SECONDS))
    assert (refused.code, refused.reason, refused.domain) == (
        grpc.StatusCode.NOT_FOUND,
        "JOB_NOT_FOUND",
        AGENT,
    )


BAD: dict[str, tuple[str, Any, dict[str, str]]] = {
    "an id in no form": ("GetJob", {"job_id": {"id": "a b"}}, {"job_id.id": "JOB_ID_FORM"}),
    "no job": ("GetJob", {}, {"job_id": "CONFLICT"}),
    "a field that Job has not": (
        "GetJob",
        {"request_id": "r", "read_mask": "colour"},
        {"read_mask.paths[0]": "UNKNOWN_PATH"},
    ),
    "a page of less than nothing": ("ListJobs", {"page_size": -1}, {"page_size": "OUT_OF_RANGE"}),
    "a token of somebody else's": (
        "ListJobs",
        {"page_token": "other"},
        {"page_token": "PAGE_TOKEN_FORM"},
    ),
    "a request_id with a space": (
        "GetJob",
        {"request_id": "a b"},
        {"request_id": "REQUEST_ID_FORM"},
    ),
    "a change of nothing": (
        "UpdateJob",
        {"job_id": {"id": ""}},
        {"update_mask": "REQUIRED"},
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_understood_is_refused_by_field_and_reason(site: Site, name: str) -> None:
    method, fields, wanted = BAD[name]
    request = task_requests.message(getattr(messages, f"{method}Request"), **fields)
    refused = refusal(partial(getattr(site.stub, method), request, timeout=SECONDS))
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert (refused.reason, refused.domain) == ("INVALID_REQUEST", AGENT)
    assert wanted.items() <= refused.violations.items()


def test_nobody_acts_for_root(site: Site) -> None:
    root = {"user_id": 0, "user": "root", "group_id": 0, "group": "root"}
    request = site.describe("exit 0", fresh("job"), root)
    refused = refusal(partial(site.stub.SubmitJob, request, timeout=SECONDS))
    assert (refused.code, refused.reason, refused.domain) == (
        grpc.StatusCode.PERMISSION_DENIED,
        "USER_NOT_SERVED",
        AGENT,
    )
