"""The hostile requests of tests/unit/k8s, through the daemon: none of them makes anything."""

from functools import partial

import grpc
import task_requests
from fix_task_daemon import TaskDaemon
from kubernetes_tasks import PATIENCE
from server.refusals import refusal
from unit.k8s.hostile import FORBIDDEN, MALFORMED
from unit.k8s.test_hostile import changed

KINDS = (
    "apis/apps/v1/namespaces/{}/deployments",
    "apis/batch/v1/namespaces/{}/jobs",
    "api/v1/namespaces/{}/secrets",
    "api/v1/namespaces/{}/services",
)
# Statuses are clipped to what a client accepts, so with many violations the last may be left out.
CODES = {
    grpc.StatusCode.INVALID_ARGUMENT: MALFORMED,
    grpc.StatusCode.PERMISSION_DENIED: FORBIDDEN,
}


def test_hostile_requests_are_refused_by_field_and_reason_and_make_nothing(
    origin_daemon: TaskDaemon,
) -> None:
    stub = origin_daemon.stub
    for code, requests in CODES.items():
        for name, (changes, wanted) in requests.items():
            request = task_requests.request(changed(changes))
            refused = refusal(partial(stub.SubmitJob, request, timeout=PATIENCE))
            assert (refused.code, refused.violations) == (code, wanted), name
    for kind in KINDS:
        path = f"/{kind.format(origin_daemon.namespace)}"
        assert origin_daemon.agent.cluster.call("GET", path)["items"] == []
