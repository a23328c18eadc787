"""A job's whole life through the daemon, as a scheduler sees it, on a real Kubernetes."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from fix_task_daemon import CLUSTER, TaskDaemon
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from kubernetes_tasks import PATIENCE

from hpcagent.v1 import job_pb2, k8s_agent_pb2
from hpcagent.v1 import job_requests_pb2 as messages


def request(name: str, script: str, **fields: Any) -> k8s_agent_pb2.SubmitTaskRequest:  # noqa: ANN401 - of the request
    """A task that runs a script of the shell."""
    asked = k8s_agent_pb2.SubmitTaskRequest(
        user_id=1870, group_id=1884, user="jiangli", group="nscc", home="/home/jiangli", **fields
    )
    asked.task.plan.id = name
    asked.task.plan.container_image = "registry.example/team/app:1"
    asked.task.plan.command.extend(["/bin/sh", "-c", script])
    return asked


class Events:
    """What a watcher is told, as it comes."""

    def __init__(self, stream: Iterator[messages.JobEvent]) -> None:
        self._told: list[messages.JobEvent] = []
        self._news = threading.Condition()
        self._stream = stream
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            for event in self._stream:
                with self._news:
                    self._told.append(event)
                    self._news.notify_all()
        except grpc.RpcError:
            return

    def until(self, is_so: Callable[[messages.JobEvent], bool]) -> messages.JobEvent:
        """Wait for an event."""
        with self._news:
            come = self._news.wait_for(lambda: any(map(is_so, self._told)), PATIENCE)
            assert come, self._told
            return next(filter(is_so, self._told))

    def state(self, state: int) -> job_pb2.Job:
        """Wait until the job is told to be in a state."""
        found = self.until(lambda event: event.changed.state == state)
        return found.changed


@pytest.fixture
def watched(task_daemon: TaskDaemon) -> Iterator[Callable[[str], Events]]:
    """Watches a job by the label of its task."""
    streams = []

    def watch(name: str) -> Events:
        asked = messages.WatchJobsRequest(filter=messages.JobFilter(labels={"name": name}))
        stream = task_daemon.stub.WatchJobs(asked)
        streams.append(stream)
        events = Events(stream)
        events.until(lambda event: event.HasField("snapshot_end"))
        return events

    yield watch
    for stream in streams:
        stream.cancel()


def test_a_jobs_whole_life(task_daemon: TaskDaemon, watched: Callable[[str], Events]) -> None:
    stub, events = task_daemon.stub, watched("whole-life")
    asked = request("whole-life", "echo hello; sleep 1000", request_id="whole-life-1")
    asked.endpoints.add(name="web", target_port=8888)
    asked.secret_env["WORD"] = "hush"
    made = stub.SubmitJob(asked, timeout=PATIENCE)
    assert made.job_id == job_pb2.JobId(cluster=CLUSTER, id=f"{task_daemon.namespace}/whole-life")
    again = stub.SubmitJob(asked, timeout=PATIENCE)
    assert again.replayed
    events.state(job_pb2.JOB_STATE_RUNNING)

    found = stub.GetJob(
        messages.GetJobRequest(request_id="whole-life-1", view=messages.JOB_VIEW_MANIFEST),
        timeout=PATIENCE,
    )
    assert found.state == job_pb2.JOB_STATE_RUNNING
    assert "kind: Deployment" in found.manifest
    assert "kind: Service" in found.manifest
    assert "hush" not in found.manifest
    assert found.kubernetes.endpoints["web"].endswith(".svc:8888")
    listed = stub.ListJobs(
        messages.ListJobsRequest(filter=messages.JobFilter(labels={"name": "whole-life"})),
        timeout=PATIENCE,
    )
    assert [one.job_id for one in listed.jobs] == [made.job_id]

    pieces = stub.ReadOutput(messages.ReadOutputRequest(job_id=made.job_id), timeout=PATIENCE)
    assert b"".join(piece.data for piece in pieces) == b"hello\n"

    stub.SuspendJob(messages.SuspendJobRequest(job_id=made.job_id), timeout=PATIENCE)
    events.state(job_pb2.JOB_STATE_SUSPENDED)
    stub.ResumeJob(messages.ResumeJobRequest(job_id=made.job_id), timeout=PATIENCE)
    change = messages.UpdateJobRequest(job_id=made.job_id)
    change.job.replicas = 2
    change.update_mask.paths.append("replicas")
    stub.UpdateJob(change, timeout=PATIENCE)
    events.until(lambda event: event.changed.kubernetes.ready_replicas == 2)

    stub.CancelJob(messages.CancelJobRequest(job_id=made.job_id), timeout=PATIENCE)
    events.until(lambda event: event.HasField("gone"))
    with pytest.raises(grpc.RpcError) as refusal:
        stub.GetJob(messages.GetJobRequest(job_id=made.job_id), timeout=PATIENCE)
    assert refusal.value.code() is grpc.StatusCode.NOT_FOUND


def test_jobs_are_listed_page_by_page(task_daemon: TaskDaemon) -> None:
    stub = task_daemon.stub
    names = [f"paged-{number}" for number in range(5)]
    for name in names:
        stub.SubmitJob(request(name, "true", labels={"set": "paged"}), timeout=PATIENCE)
    found, token = [], ""
    while True:
        asked = messages.ListJobsRequest(
            filter=messages.JobFilter(labels={"set": "paged"}), page_size=2, page_token=token
        )
        page = stub.ListJobs(asked, timeout=PATIENCE)
        found += [job.kubernetes.name for job in page.jobs]
        token = page.next_page_token
        if not token:
            break
    assert sorted(found) == names
    for name in names:
        job_id = job_pb2.JobId(id=f"{task_daemon.namespace}/{name}")
        stub.CancelJob(messages.CancelJobRequest(job_id=job_id), timeout=PATIENCE)


def test_what_the_api_server_refuses_has_its_reason_and_words(task_daemon: TaskDaemon) -> None:
    agent = task_daemon.agent
    agent.quota({"count/jobs.batch": "0"})
    asked = request("refused", "true", workload=k8s_agent_pb2.WORKLOAD_JOB)
    with pytest.raises(grpc.RpcError) as refusal:
        task_daemon.stub.SubmitJob(asked, timeout=PATIENCE)
    agent.lift_quota()
    assert refusal.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    status = rpc_status.from_call(refusal.value)  # type: ignore[no-untyped-call]
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.domain, info.reason) == ("kubernetes.hpcagent", "FORBIDDEN")
    assert "exceeded quota" in info.metadata["said"]
