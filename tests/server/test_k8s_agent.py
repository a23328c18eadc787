"""K8sAgent's edge: what arrives at the backend, and what a client learns."""

from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
import task_requests
from server.conftest import Logged
from server.refusals import refusal
from server.task_memory import TaskMemory
from task_requests import message

from hpcagent import config, log
from hpcagent.jobs import task as domain
from hpcagent.jobs.errors import InvalidRequest, Violation
from hpcagent.jobs.model import JobFilter, JobState, ObjectId
from hpcagent.jobs.task_backend import Ending, LogQuery
from hpcagent.server.build import build
from hpcagent.v1 import (
    agent_pb2,
    agent_pb2_grpc,
    job_pb2,
    job_requests_pb2,
    k8s_agent_pb2,
    k8s_agent_pb2_grpc,
)

JOB_ID = f"memory/{task_requests.TASK_ID}"
JOB = {"id": JOB_ID}
FOUND = ObjectId(cluster="c1", namespace="memory", name=task_requests.TASK_ID)
NO_PAGE = "other"
SECONDS = 30


def ask(method: str, **fields: object) -> Any:  # noqa: ANN401 - any of the requests
    """The request of a method."""
    return message(getattr(job_requests_pb2, f"{method}Request"), **fields)


@pytest.fixture
def tasks() -> TaskMemory:
    return TaskMemory()


@pytest.fixture
def channel(tasks: TaskMemory, socket_path: str) -> Iterator[grpc.Channel]:
    server = build(config.Server(unix=socket_path, threads=4), None, tasks)
    server.start()
    with grpc.insecure_channel(f"unix:{socket_path}") as connected:
        yield connected
    server.stop(0)


@pytest.fixture
def k8s(channel: grpc.Channel) -> k8s_agent_pb2_grpc.K8sAgentStub:
    return k8s_agent_pb2_grpc.K8sAgentStub(channel)


Stub = k8s_agent_pb2_grpc.K8sAgentStub


def submit(k8s: Stub, **more: object) -> job_requests_pb2.SubmitJobResponse:
    request = task_requests.request({**task_requests.ORIGIN, **more})
    answer: job_requests_pb2.SubmitJobResponse = k8s.SubmitJob(request)
    return answer


def test_a_submission_answers_with_the_job(k8s: Stub, tasks: TaskMemory) -> None:
    answer = submit(k8s, request_id="r-1")
    assert answer.job_id == job_pb2.JobId(cluster="c1", id=str(FOUND))
    assert answer.request_digest == tasks.specs[0].digest()
    assert (answer.request_id, answer.replayed) == ("r-1", True)


def test_what_cannot_be_read_is_refused_by_the_edge(k8s: Stub) -> None:
    refused = refusal(lambda: submit(k8s, workload=9))
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.violations == {"workload": "UNKNOWN_VALUE"}


def test_a_secret_is_neither_logged_nor_audited(k8s: Stub, logged: Logged) -> None:
    submit(k8s)
    intent, outcome = [entry for entry in logged if entry.get("logger") == "audit"]
    assert (intent["verb"], outcome["outcome"]) == ("submit", "done")
    assert log.redact(None, "info", intent)["secret_count"] == 2
    assert outcome["job_id"] == str(FOUND)
    secrets = task_requests.ORIGIN["secret_env"].values()
    assert not any(secret in str(entry) for entry in logged for secret in secrets)


def test_a_rendering_answers_with_yaml_and_changes_nothing(k8s: Stub, tasks: TaskMemory) -> None:
    answer = k8s.RenderJob(task_requests.request(task_requests.ORIGIN))
    assert answer.manifest == "kind: Memory\n"
    assert answer.job_id.id == str(FOUND)
    assert answer.request_digest
    assert [warning.name for warning in answer.warnings] == ["STDOUT_IN_LOG"]
    assert tasks.jobs == []


def test_a_job_is_found_by_its_id_and_by_its_request(k8s: Stub, tasks: TaskMemory) -> None:
    submit(k8s, request_id="r-1")
    by_id = k8s.GetJob(ask("GetJob", job_id=JOB))
    by_request = k8s.GetJob(ask("GetJob", request_id="r-1"))
    assert by_id == by_request
    assert by_id.kubernetes.name == task_requests.TASK_ID
    assert tasks.calls[1:] == [("get", FOUND, False), ("find", "r-1", False)]


@pytest.mark.parametrize(
    "asked",
    [
        {"view": "JOB_VIEW_MANIFEST"},
        {"read_mask": "manifest"},
    ],
)
def test_a_manifest_is_read_only_if_it_is_asked_for(
    k8s: Stub, tasks: TaskMemory, asked: dict[str, Any]
) -> None:
    submit(k8s)
    k8s.GetJob(ask("GetJob", job_id=JOB, **asked))
    assert tasks.calls[-1] == ("get", FOUND, True)


def test_a_list_is_of_the_default_cluster_unless_it_says_another(
    k8s: Stub, tasks: TaskMemory
) -> None:
    submit(k8s)
    wanted = {"namespaces": ["memory"], "labels": {"a": "b"}, "job_ids": [JOB]}
    page = k8s.ListJobs(ask("ListJobs", filter=wanted, page_size=1))
    assert [job.job_id.id for job in page.jobs] == [str(FOUND)]
    (_, heard, size, after) = tasks.calls[-1]
    assert isinstance(heard, JobFilter)
    assert (heard.namespaces, heard.labels, heard.clusters, heard.job_ids, size, after) == (
        ("memory",), {"a": "b"}, ("c1",), (FOUND,), 1, None
    )  # fmt: skip
    wanted = {"clusters": ["c2"]}
    k8s.ListJobs(ask("ListJobs", filter=wanted))
    heard = tasks.calls[-1][1]
    assert isinstance(heard, JobFilter)
    assert heard.clusters == ("c2",)


def test_a_list_is_read_page_by_page(k8s: Stub) -> None:
    for number in range(3):
        submit(k8s, task={"plan": {"id": f"t{number}", "container_image": "i"}})
    seen, token = [], ""
    while True:
        page = k8s.ListJobs(ask("ListJobs", page_size=2, page_token=token))
        seen += [job.kubernetes.name for job in page.jobs]
        token = page.next_page_token
        if not token:
            break
    assert seen == ["t0", "t1", "t2"]


def test_a_cancellation_says_how(k8s: Stub, tasks: TaskMemory) -> None:
    request = ask(
        "CancelJob",
        job_id=JOB,
        states=["JOB_STATE_PENDING"],
        grace_period="3s",
        propagation="PROPAGATION_FOREGROUND",
        reason="why",
    )
    answer = k8s.CancelJob(request)
    assert [one.job_id.id for one in answer.results] == [str(FOUND)]
    how = Ending(states=(JobState.PENDING,), grace=3, foreground=True)
    assert tasks.calls == [("cancel", FOUND, how)]


def test_a_job_is_suspended_and_resumed(k8s: Stub, tasks: TaskMemory) -> None:
    suspension = ask("SuspendJob", job_id=JOB, grace_period="0s")
    assert len(k8s.SuspendJob(suspension).results) == 1
    assert len(k8s.ResumeJob(ask("ResumeJob", job_id=JOB)).results) == 1
    assert tasks.calls == [("suspend", FOUND, 0), ("resume", FOUND)]


def test_a_change_takes_what_is_in_the_mask_and_nothing_else(k8s: Stub, tasks: TaskMemory) -> None:
    submit(k8s)
    request = ask(
        "UpdateJob",
        job_id=JOB,
        job={"replicas": 0, "image": "i:2", "devices": [{"name": "a/b", "count": 1}]},
        update_mask="replicas,devices",
        validate_only=True,
    )
    answer = k8s.UpdateJob(request)
    assert answer.job.job_id.id == str(FOUND)
    assert len(answer.results) == 1
    change = domain.TaskUpdate(replicas=0, devices=(domain.Device("a/b", 1),))
    assert ("update", FOUND, change, True) in tasks.calls


def test_every_change_of_a_job_is_audited(k8s: Stub, logged: Logged) -> None:
    submit(k8s)
    k8s.CancelJob(ask("CancelJob", job_id=JOB, reason="why", request_id="r-2"))
    k8s.SuspendJob(ask("SuspendJob", job_id=JOB))
    k8s.ResumeJob(ask("ResumeJob", job_id=JOB))
    change = {"job": {"replicas": 1}, "update_mask": "replicas"}
    k8s.UpdateJob(ask("UpdateJob", job_id=JOB, **change))
    audited = [entry for entry in logged if entry.get("logger") == "audit"]
    told = [(entry["verb"], entry["event"]) for entry in audited]
    verbs = ("submit", "cancel", "suspend", "resume", "update")
    assert told == [(verb, event) for verb in verbs for event in ("intent", "outcome")]
    assert (audited[2]["target"], audited[2]["cluster"]) == (str(FOUND), "c1")
    assert (audited[2]["caller_reason"], audited[2]["request_id"]) == ("why", "r-2")


def test_a_watcher_is_told_of_jobs_that_there_are_and_that_come(k8s: Stub) -> None:
    submit(k8s)
    stream = k8s.WatchJobs(ask("WatchJobs"), timeout=SECONDS)
    assert next(stream).snapshot.job_id.id == str(FOUND)
    assert next(stream).WhichOneof("event") == "snapshot_end"
    submit(k8s, task={"plan": {"id": "t2", "container_image": "i"}})
    assert next(stream).changed.kubernetes.name == "t2"
    stream.cancel()


def test_a_log_is_read_piece_by_piece(k8s: Stub, tasks: TaskMemory) -> None:
    since = "2023-11-14T22:13:20Z"
    asked = ask(
        "ReadOutput", job_id=JOB, pod="p", container="c", follow=True, since_time=since, length=9
    )
    pieces = list(k8s.ReadOutput(asked, timeout=SECONDS))
    assert b"".join(piece.data for piece in pieces) == b"one\ntwo\n"
    assert [piece.offset for piece in pieces] == [0, 4, 8]
    assert pieces[0].path == "pod/main"
    assert pieces[-1].notice == job_requests_pb2.OutputChunk.NOTICE_END
    wanted = LogQuery(
        job_id=FOUND, pod="p", container="c", length=9, since_time=1700000000.0, follow=True
    )
    assert tasks.calls == [("read_output", wanted)]


Call = Callable[[Any], object]

# A call that cannot be understood -> what is wrong with it.
REFUSED: dict[str, tuple[Call, dict[str, str]]] = {
    "no job": (
        lambda k8s: k8s.CancelJob(ask("CancelJob")),
        {"job_id.id": "REQUIRED"},
    ),
    "a job of Slurm": (
        lambda k8s: k8s.ResumeJob(ask("ResumeJob", job_id={"id": "123", "job_id": 123})),
        {"job_id.job_id": "JOB_ID_FORM"},
    ),
    "no name": (
        lambda k8s: k8s.SuspendJob(ask("SuspendJob", job_id={"id": "123"})),
        {"job_id.id": "JOB_ID_FORM"},
    ),
    "another cluster": (
        lambda k8s: k8s.GetJob(ask("GetJob", job_id={"id": "a/b", "cluster": "c3"})),
        {"job_id.cluster": "CLUSTER_UNKNOWN"},
    ),
    "two ways to name a job": (
        lambda k8s: k8s.GetJob(ask("GetJob", job_id=JOB, request_id="r")),
        {"job_id": "CONFLICT"},
    ),
    "what only Slurm has": (
        lambda k8s: k8s.ListJobs(
            ask(
                "ListJobs",
                filter={"accounts": ["a"], "qos": ["q"], "clusters": ["c3"]},
                history=True,
                page_size=-1,
                page_token=NO_PAGE,
            )
        ),
        {
            "filter.accounts": "FIELD_NOT_SUPPORTED",
            "filter.qos": "FIELD_NOT_SUPPORTED",
            "filter.clusters[0]": "CLUSTER_UNKNOWN",
            "history": "FIELD_NOT_SUPPORTED",
            "page_size": "OUT_OF_RANGE",
            "page_token": "PAGE_TOKEN_FORM",
        },
    ),
    "manifests of many": (
        lambda k8s: k8s.ListJobs(ask("ListJobs", view="JOB_VIEW_MANIFEST")),
        {"view": "FIELD_NOT_SUPPORTED"},
    ),
    "a cancellation of many": (
        lambda k8s: k8s.CancelJob(
            ask("CancelJob", job_id=JOB, filter={"names": ["n"]}, reason="x" * 1025)
        ),
        {"filter": "FIELD_NOT_SUPPORTED", "reason": "TOO_LONG"},
    ),
    "a grace of half a second": (
        lambda k8s: k8s.CancelJob(ask("CancelJob", job_id=JOB, grace_period="0.5s", propagation=9)),
        {"grace_period": "NOT_WHOLE", "propagation": "UNKNOWN_VALUE"},
    ),
    "no change": (
        lambda k8s: k8s.UpdateJob(ask("UpdateJob", job_id=JOB)),
        {"update_mask": "REQUIRED"},
    ),
    "a change of what cannot be changed": (
        lambda k8s: k8s.UpdateJob(ask("UpdateJob", job_id=JOB, update_mask="options.time,image")),
        {"update_mask.paths[0]": "UNKNOWN_PATH"},
    ),
    "a watch of another cluster": (
        lambda k8s: next(k8s.WatchJobs(ask("WatchJobs", filter={"clusters": ["c3"]}))),
        {"filter.clusters[0]": "CLUSTER_UNKNOWN"},
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_kubernetes_is_refused_by_field(
    k8s: Stub, tasks: TaskMemory, name: str
) -> None:
    call, wanted = REFUSED[name]
    refused = refusal(lambda: call(k8s))
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.violations == wanted
    assert tasks.calls == []


def test_a_refusal_of_the_backend_arrives_with_its_fields(k8s: Stub, tasks: TaskMemory) -> None:
    tasks.error = InvalidRequest([Violation("task.plan.id", "is bad", "NAME_FORM")])
    refused = refusal(lambda: submit(k8s))
    assert refused.violations == {"task.plan.id": "NAME_FORM"}


def test_the_agent_tells_of_its_clusters_and_methods(channel: grpc.Channel) -> None:
    info = agent_pb2_grpc.AgentStub(channel).GetAgentInfo(agent_pb2.GetAgentInfoRequest())
    assert list(info.kubernetes.clusters) == ["c1", "c2"]
    assert info.kubernetes.client_version == "37.0.0"
    assert not info.HasField("slurm")
    assert "hpcagent.v1.K8sAgent/RenderJob" in info.methods
    assert not any("SlurmAgent" in method for method in info.methods)


METHODS = k8s_agent_pb2.DESCRIPTOR.services_by_name["K8sAgent"].methods


@pytest.mark.parametrize("name", [method.name for method in METHODS])
def test_a_method_is_told_of_if_and_only_if_it_is_built(channel: grpc.Channel, name: str) -> None:
    info = agent_pb2_grpc.AgentStub(channel).GetAgentInfo(agent_pb2.GetAgentInfoRequest())
    call: Any = channel.stream_stream(f"/hpcagent.v1.K8sAgent/{name}")
    code = grpc.StatusCode.OK
    try:
        next(call(iter([b""]), timeout=SECONDS))
    except grpc.RpcError as error:
        code = error.code()
    assert (f"hpcagent.v1.K8sAgent/{name}" in info.methods) is not (
        code is grpc.StatusCode.UNIMPLEMENTED
    )
