"""Every method of K8sAgent's backend, against an API server that will not have it."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import pytest
from fix_kubernetes import Agent
from fix_task_daemon import CLUSTER
from kubernetes_proxy import Fault, Proxy, refused
from kubernetes_tasks import manifests, named, soon, task

from hpcagent.jobs.errors import AgentError, Kind
from hpcagent.jobs.identity import Claim
from hpcagent.jobs.kubernetes import ClusterNodeFilter
from hpcagent.jobs.model import JobFilter, ObjectId
from hpcagent.jobs.task import TaskSpec, TaskUpdate
from hpcagent.jobs.task_backend import Ending, LogQuery
from hpcagent.k8s import unit
from hpcagent.k8s.client import ApiServer
from hpcagent.k8s.scheduler import KubernetesScheduler

Break: TypeAlias = Callable[[Agent, Proxy], None]


def spec(name: str) -> TaskSpec:
    claim = Claim(user_id=1870, user="jiangli", group_id=1884, group="nscc")
    return replace(task(name), claim=claim, home="/home/jiangli", request_id=f"r-{name}")


def watch(scheduler: KubernetesScheduler, wanted: JobFilter) -> None:
    with scheduler.watch(wanted, "", soon()):
        pass


def read(scheduler: KubernetesScheduler, job_id: ObjectId) -> None:
    with scheduler.read_output(LogQuery(job_id=job_id), soon()) as output:
        list(output.chunks())


METHODS: dict[str, Callable[[KubernetesScheduler, ObjectId], object]] = {
    "SubmitJob": lambda s, _: s.submit(spec("other"), soon()),
    "SubmitJob, only checked": lambda s, _: s.submit(
        replace(spec("other"), validate_only=True), soon()
    ),
    "GetJob": lambda s, job: s.get(job, soon()),
    "GetJob by request_id": lambda s, _: s.find("r-t", soon()),
    "ListJobs": lambda s, _: s.list(JobFilter(), 10, None, soon()),
    "CancelJob": lambda s, job: s.cancel(job, Ending(), soon()),
    "SuspendJob": lambda s, job: s.suspend(job, None, soon()),
    "ResumeJob": lambda s, job: s.resume(job, soon()),
    "UpdateJob": lambda s, job: s.update(job, TaskUpdate(replicas=2), soon(), validate_only=False),
    "WatchJobs": lambda s, _: watch(s, JobFilter()),
    "ReadOutput": read,
    "ListNodes": lambda s, _: s.inventory.nodes("", ClusterNodeFilter(), 10, "", soon()),
    "ListNamespaces": lambda s, _: s.inventory.namespaces("", (), 10, "", soon()),
}


def everything(status: int, reason: str) -> Break:
    """Have the API server answer so to whatever it is asked."""

    def arrange(_: Agent, faults: Proxy) -> None:
        answer = refused(status, reason, "not now", Retry_After="7")
        methods = ("GET", "POST", "PATCH", "DELETE")
        faults.plan.faults = [Fault(method, answer, times=1000) for method in methods]

    return arrange


def expire(agent: Agent, _: Proxy) -> None:
    agent.write_token("expired")


def take_the_rights(agent: Agent, _: Proxy) -> None:
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{agent.namespace}/rolebindings/hpcagent"
    agent.cluster.call("DELETE", path)


CASES: dict[str, tuple[Break, Kind, str]] = {
    "429": (everything(429, "TooManyRequests"), Kind.RESOURCE_EXHAUSTED, "TOO_MANY_REQUESTS"),
    "503": (everything(503, "ServiceUnavailable"), Kind.UNAVAILABLE, "SERVICE_UNAVAILABLE"),
    "expired token": (expire, Kind.UNAVAILABLE, "UNAUTHORIZED"),
    "no rights": (take_the_rights, Kind.PERMISSION_DENIED, "FORBIDDEN"),
}


@pytest.mark.parametrize("case", CASES)
def test_no_method_takes_a_refusal_for_an_answer(
    agent: Agent, server: ApiServer, faults: Proxy, backend: KubernetesScheduler, case: str
) -> None:
    unit.create(server, manifests(spec("t"), agent.namespace), soon())
    job_id = replace(named(spec("t"), agent.namespace), cluster=CLUSTER)
    arrange, kind, reason = CASES[case]
    arrange(agent, faults)
    told: dict[str, tuple[Kind, str, bool] | None] = {}
    for name, call in METHODS.items():
        try:
            call(backend, job_id)
        except AgentError as error:
            told[name] = (error.kind, error.reason, error.retry_after is not None)
        else:
            told[name] = None
    again = kind in {Kind.RESOURCE_EXHAUSTED, Kind.UNAVAILABLE}
    assert told == dict.fromkeys(METHODS, (kind, reason, again))
    faults.plan.faults = []
    path = f"/apis/apps/v1/namespaces/{agent.namespace}/deployments"
    (left,) = agent.cluster.call("GET", path)["items"]
    assert (left["metadata"]["name"], left["spec"]["replicas"]) == ("t", 1)
    assert "deletionTimestamp" not in left["metadata"]
