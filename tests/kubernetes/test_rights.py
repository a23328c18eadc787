"""The rights that docs/kubernetes/ ships: the agent uses each of them, and needs no other."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
import tree
import yaml
from fix_kubernetes import Agent
from fix_task_daemon import CLUSTER
from kubernetes_proxy import Proxy
from kubernetes_tasks import PATIENCE, batch, named, soon, with_all

from hpcagent.jobs.identity import Claim
from hpcagent.jobs.kubernetes import ClusterNodeFilter
from hpcagent.jobs.model import JobFilter, JobState, ObjectId
from hpcagent.jobs.task import TaskSpec, TaskUpdate
from hpcagent.jobs.task_backend import Ending, LogQuery
from hpcagent.k8s.scheduler import KubernetesScheduler

STUBBORN = "trap '' TERM; while :; do sleep 0.1; done"
CLAIM = Claim(user_id=1870, user="jiangli", group_id=1884, group="nscc")
_VERBS = {"POST": "create", "PATCH": "patch", "DELETE": "delete"}

Right = tuple[str, str, str]
"""An API group, a resource and a verb."""


def granted(file: str) -> set[Right]:
    """What a role of docs/kubernetes/ grants."""
    return {
        (group, resource, verb)
        for rule in yaml.safe_load(tree.text(f"docs/kubernetes/{file}"))["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def needed(method: str, url: str, namespace: str) -> Right:
    """The right that a request needs; of one in another namespace, or in none, the cluster's."""
    address = urlsplit(url)
    api, *parts = address.path.removeprefix("/").split("/")
    group = "" if api == "api" else parts.pop(0)
    _, *parts = parts  # the version
    if parts[:2] == ["namespaces", namespace] and len(parts) > 2:
        parts = parts[2:]
    resource, name, subresource = (*parts, "", "")[:3]
    if method == "GET":
        watched = "watch" in parse_qs(address.query)
        verb = "watch" if watched else "get" if name else "list"
    else:
        verb = _VERBS[method]
    return group, f"{resource}/{subresource}" if subresource else resource, verb


def until(is_so: Callable[[], object]) -> None:
    """Look until it is as wanted."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def live(backend: KubernetesScheduler, spec: TaskSpec, job_id: ObjectId) -> None:
    """Do with a task all that can be done with one."""
    spec = replace(
        spec, claim=CLAIM, home="/home/jiangli", request_id=f"r-{spec.task.plan.id}",
        termination_grace_period=25,
    )  # fmt: skip
    assert not backend.submit(spec, soon()).replayed
    assert backend.submit(spec, soon()).replayed
    assert backend.find(spec.request_id, soon()).job_id == job_id
    until(lambda: backend.get(job_id, soon()).state is JobState.RUNNING)
    with backend.read_output(LogQuery(job_id=job_id), soon()) as output:
        list(output.chunks())
    backend.update(job_id, TaskUpdate(replicas=2), soon(), validate_only=False)
    backend.cancel(job_id, Ending(grace=1), soon())


@pytest.fixture
def followed(backend: KubernetesScheduler, faults: Proxy) -> Iterator[None]:
    """Somebody watches, and everything is followed."""
    with backend.watch(JobFilter(), "", soon()):
        until(lambda: faults.plan.count("GET", "watch=true") == 5)
        yield


def test_each_right_of_the_roles_is_used_and_no_other(
    agent: Agent, everywhere: None, backend: KubernetesScheduler, followed: None, faults: Proxy
) -> None:
    for spec in (with_all("t", script=STUBBORN), batch("b", STUBBORN)):
        live(backend, spec, replace(named(spec, agent.namespace), cluster=CLUSTER))
    backend.list(JobFilter(), 10, None, soon())
    backend.inventory.nodes("", ClusterNodeFilter(), 10, "", soon())
    backend.inventory.namespaces("", (), 10, "", soon())
    inside = f"/namespaces/{agent.namespace}/"
    used: dict[str, set[Right]] = {"role.yaml": set(), "cluster-role.yaml": set()}
    for method, url in faults.plan.seen:
        file = "role.yaml" if inside in url else "cluster-role.yaml"
        used[file].add(needed(method, url, agent.namespace))
    assert sorted(used["role.yaml"]) == sorted(granted("role.yaml"))
    assert sorted(used["cluster-role.yaml"]) == sorted(granted("cluster-role.yaml"))
