"""The original system's task, on a real Kubernetes, through the daemon."""

import time
from typing import Any

import pytest
import task_requests
import tree
import yaml
from fix_kubernetes import Cluster
from fix_task_daemon import TaskDaemon
from kubernetes_tasks import PATIENCE
from unit.k8s.test_origin import without_nulls

from hpcagent.v1 import job_pb2, job_requests_pb2

MANIFEST = job_requests_pb2.JOB_VIEW_MANIFEST
GOLDEN = without_nulls(yaml.safe_load(tree.text("tests/unit/k8s/origin_deployment.yaml")))


@pytest.fixture
def power(cluster: Cluster) -> None:
    """The partition of the task has nodes."""
    for node in cluster.call("GET", "/api/v1/nodes")["items"]:
        path = f"/api/v1/nodes/{node['metadata']['name']}"
        cluster.call("PATCH", path, {"metadata": {"labels": {"partition": "power"}}})


def pruned(live: Any, wanted: Any) -> Any:  # noqa: ANN401 - JSON
    """What a live object has of what was wanted: the API server adds its defaults."""
    if isinstance(wanted, dict):
        return {key: pruned(live[key], value) for key, value in wanted.items() if key in live}
    if isinstance(wanted, list) and len(live) == len(wanted):
        return [pruned(*both) for both in zip(live, wanted, strict=True)]
    return live


@pytest.mark.usefixtures("power")
def test_the_originals_deployment_is_created_and_reaches_running(
    origin_daemon: TaskDaemon,
) -> None:
    request = task_requests.request({**task_requests.ORIGIN, "request_id": "origin-1"})
    answer = origin_daemon.stub.SubmitJob(request, timeout=PATIENCE)
    path = f"/apis/apps/v1/namespaces/{origin_daemon.namespace}/deployments/{task_requests.TASK_ID}"
    live = origin_daemon.agent.cluster.call("GET", path)
    assert pruned(live, GOLDEN) == GOLDEN

    until = time.monotonic() + PATIENCE
    asked = job_requests_pb2.GetJobRequest(job_id=answer.job_id, view=MANIFEST)
    while (
        job := origin_daemon.stub.GetJob(asked, timeout=PATIENCE)
    ).state != job_pb2.JOB_STATE_RUNNING:
        assert time.monotonic() < until, job
        time.sleep(0.1)
    assert (job.name, job.user, job.partition) == (
        task_requests.ORIGIN["job_name"],
        task_requests.ORIGIN["user"],
        "power",
    )
    assert yaml.safe_load(job.manifest)["metadata"]["name"] == task_requests.TASK_ID


def test_what_is_rendered_is_what_is_created(origin_daemon: TaskDaemon) -> None:
    request = task_requests.request(task_requests.ORIGIN)
    rendered = origin_daemon.stub.RenderJob(request, timeout=PATIENCE)
    (manifest,) = yaml.safe_load_all(rendered.manifest)
    path = f"/apis/apps/v1/namespaces/{origin_daemon.namespace}/deployments"
    assert origin_daemon.agent.cluster.call("GET", path)["items"] == []
    submitted = origin_daemon.stub.SubmitJob(request, timeout=PATIENCE)
    assert submitted.job_id == rendered.job_id
    assert submitted.request_digest == rendered.request_digest
    live = origin_daemon.agent.cluster.call("GET", f"{path}/{task_requests.TASK_ID}")
    assert pruned(live, manifest) == manifest
