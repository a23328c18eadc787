"""Ending, suspending, resuming and changing jobs on a real Kubernetes."""

import time

import pytest
from fix_kubernetes import Agent
from kubernetes_proxy import Fault, Proxy, lose_the_answer
from kubernetes_tasks import batch, look, manifests, named, soon, task, until, with_all

from hpcagent.jobs.errors import AgentError, InvalidRequest, Kind, NotFound, OutcomeUnknown, Refused
from hpcagent.jobs.model import Job, JobState, ObjectId
from hpcagent.jobs.task import Device, TaskSpec, TaskUpdate
from hpcagent.jobs.task_backend import Ending
from hpcagent.k8s import changes, unit
from hpcagent.k8s.client import ApiServer

STUBBORN = "trap '' TERM; while :; do sleep 0.1; done"


def run(server: ApiServer, agent: Agent, spec: TaskSpec) -> ObjectId:
    """Create a task and wait until it runs."""
    unit.create(server, manifests(spec, agent.namespace), soon())
    job_id = named(spec, agent.namespace)
    until(server, job_id, lambda found: found.state is JobState.RUNNING)
    return job_id


def left(agent: Agent) -> int:
    """How many pods there are."""
    return len(agent.cluster.call("GET", f"/api/v1/namespaces/{agent.namespace}/pods")["items"])


def until_no_pods(agent: Agent) -> float:
    """Wait until all pods are gone; returns how long that took."""
    began = time.monotonic()
    while left(agent):
        assert time.monotonic() < began + 30
        time.sleep(0.05)
    return time.monotonic() - began


def replicas(found: Job) -> int:
    """As the spec has it."""
    assert found.kubernetes is not None
    return found.kubernetes.replicas


# ------------------------------------------------------------------------------------- its end


@pytest.mark.parametrize("foreground", [True, False])
def test_a_cancelled_job_leaves_nothing(server: ApiServer, agent: Agent, foreground: bool) -> None:
    job_id = run(server, agent, with_all("t"))
    (result,) = changes.cancel(server, job_id, Ending(foreground=foreground), soon())
    assert not result.warnings
    until_no_pods(agent)
    for kind in ("secrets", "services"):
        path = f"/api/v1/namespaces/{agent.namespace}/{kind}"
        deadline = time.monotonic() + 30
        while agent.cluster.call("GET", path, labelSelector="name=t")["items"]:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_job_that_is_gone_is_a_warning(server: ApiServer, agent: Agent) -> None:
    job_id = ObjectId(cluster="test", namespace=agent.namespace, name="t")
    (result,) = changes.cancel(server, job_id, Ending(), soon())
    assert [warning.name for warning in result.warnings] == ["JOB_GONE"]


def test_what_the_agent_did_not_make_is_no_job(server: ApiServer, agent: Agent) -> None:
    (manifest,) = manifests(task("t"), agent.namespace)
    del manifest["metadata"]["labels"]["app.kubernetes.io/managed-by"]
    path = f"/apis/apps/v1/namespaces/{agent.namespace}/deployments"
    agent.cluster.call("POST", path, manifest)
    job_id = named(task("t"), agent.namespace)
    with pytest.raises(NotFound):
        look(server, job_id)
    changes.cancel(server, job_id, Ending(), soon())
    assert agent.cluster.call("GET", f"{path}/t")["metadata"].get("deletionTimestamp") is None


def test_less_grace_ends_stubborn_processes_sooner(server: ApiServer, agent: Agent) -> None:
    job_id = run(server, agent, task("t", STUBBORN, termination_grace_period=25))
    changes.cancel(server, job_id, Ending(grace=1), soon())
    assert until_no_pods(agent) < 15


def test_more_grace_than_the_jobs_own_is_refused(server: ApiServer, agent: Agent) -> None:
    job_id = run(server, agent, task("t", termination_grace_period=5))
    with pytest.raises(InvalidRequest) as refusal:
        changes.cancel(server, job_id, Ending(grace=6), soon())
    assert refusal.value.violations[0].field == "grace_period"
    assert left(agent) == 1


def test_a_job_in_another_state_is_not_cancelled(server: ApiServer, agent: Agent) -> None:
    job_id = run(server, agent, task("t"))
    with pytest.raises(Refused) as refusal:
        changes.cancel(server, job_id, Ending(states=(JobState.PENDING,)), soon())
    assert refusal.value.kind is Kind.FAILED_PRECONDITION
    assert refusal.value.reason == "JOB_STATE"
    assert left(agent) == 1


def test_a_cancellation_whose_answer_is_lost_is_told_as_unknown(
    faulty: ApiServer, faults: Proxy, agent: Agent
) -> None:
    job_id = run(faulty, agent, task("t"))
    faults.plan.faults = [Fault("DELETE", lose_the_answer)]
    with pytest.raises(OutcomeUnknown) as unknown:
        changes.cancel(faulty, job_id, Ending(), soon())
    assert unknown.value.reason == "CANCEL_OUTCOME_UNKNOWN"
    until_no_pods(agent)
    (result,) = changes.cancel(faulty, job_id, Ending(), soon())
    assert [warning.name for warning in result.warnings] == ["JOB_GONE"]


# --------------------------------------------------------------------------- to nothing and back


def test_a_deployment_is_suspended_and_gets_its_replicas_back(
    server: ApiServer, agent: Agent
) -> None:
    job_id = run(server, agent, task("t", replicas=3))
    changes.suspend(server, job_id, None, soon())
    assert look(server, job_id).state is JobState.SUSPENDED
    until_no_pods(agent)
    changes.resume(server, job_id, soon())
    found = until(server, job_id, lambda found: found.state is JobState.RUNNING)
    assert replicas(found) == 3


def test_a_batch_job_is_suspended_and_goes_on(server: ApiServer, agent: Agent) -> None:
    job_id = run(server, agent, batch("t", "sleep 1000"))
    changes.suspend(server, job_id, 1, soon())
    until(server, job_id, lambda found: found.state is JobState.SUSPENDED)
    until_no_pods(agent)
    changes.resume(server, job_id, soon())
    until(server, job_id, lambda found: found.state is JobState.RUNNING)


def test_suspending_twice_and_resuming_twice_are_warnings(server: ApiServer, agent: Agent) -> None:
    job_id = run(server, agent, task("t"))
    changes.suspend(server, job_id, None, soon())
    (again,) = changes.suspend(server, job_id, None, soon())
    assert [warning.name for warning in again.warnings] == ["UNCHANGED"]
    changes.resume(server, job_id, soon())
    (again,) = changes.resume(server, job_id, soon())
    assert [warning.name for warning in again.warnings] == ["UNCHANGED"]


def test_a_task_submitted_with_no_replicas_waits_to_be_resumed(
    server: ApiServer, agent: Agent
) -> None:
    spec = task("t", replicas=0)
    unit.create(server, manifests(spec, agent.namespace), soon())
    job_id = named(spec, agent.namespace)
    assert look(server, job_id).state is JobState.SUSPENDED
    changes.resume(server, job_id, soon())
    found = until(server, job_id, lambda found: found.state is JobState.RUNNING)
    assert replicas(found) == 1


def test_a_job_that_has_ended_is_not_suspended(server: ApiServer, agent: Agent) -> None:
    spec = batch("t", "true")
    unit.create(server, manifests(spec, agent.namespace), soon())
    job_id = named(spec, agent.namespace)
    until(server, job_id, lambda found: found.state is JobState.COMPLETED)
    with pytest.raises(Refused) as refusal:
        changes.suspend(server, job_id, None, soon())
    assert refusal.value.reason == "JOB_STATE"


# -------------------------------------------------------------------------------- other values


def update(server: ApiServer, job_id: ObjectId, **change: object) -> None:
    """Change a job."""
    changes.update(server, job_id, TaskUpdate(**change), soon(), validate_only=False)  # type: ignore[arg-type]


def test_image_and_resources_change_and_the_pods_follow(server: ApiServer, agent: Agent) -> None:
    job_id = run(server, agent, task("t"))
    before = look(server, job_id)
    update(
        server, job_id, image="registry.example/team/app:2", cpu_millis=500, memory_bytes=1 << 29,
        devices=(Device("nvidia.com/gpu", 1),),
    )  # fmt: skip

    def is_new(found: Job) -> bool:
        assert found.kubernetes is not None
        assert before.kubernetes is not None
        pods = set(found.kubernetes.pods) - set(before.kubernetes.pods)
        return found.state is JobState.RUNNING and len(pods) == 1 == len(found.kubernetes.pods)

    until(server, job_id, is_new)
    path = f"/apis/apps/v1/namespaces/{agent.namespace}/deployments/t"
    (container,) = agent.cluster.call("GET", path)["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.example/team/app:2"
    wanted = {"cpu": "500m", "memory": "512Mi", "nvidia.com/gpu": "1"}
    assert container["resources"] == {"limits": wanted, "requests": wanted}
    update(server, job_id, devices=())
    (container,) = agent.cluster.call("GET", path)["spec"]["template"]["spec"]["containers"]
    assert "nvidia.com/gpu" not in container["resources"]["limits"]


def test_replicas_changed_while_suspended_count_when_it_goes_on(
    server: ApiServer, agent: Agent
) -> None:
    job_id = run(server, agent, task("t"))
    changes.suspend(server, job_id, None, soon())
    update(server, job_id, replicas=2)
    assert look(server, job_id).state is JobState.SUSPENDED
    changes.resume(server, job_id, soon())
    found = until(server, job_id, lambda found: found.state is JobState.RUNNING)
    assert replicas(found) == 2


def test_a_change_that_is_only_checked_changes_nothing(server: ApiServer, agent: Agent) -> None:
    job_id = run(server, agent, task("t"))
    change = TaskUpdate(replicas=4)
    changed = changes.update(server, job_id, change, soon(), validate_only=True)
    assert changed["spec"]["replicas"] == 4
    assert replicas(look(server, job_id)) == 1


def test_what_a_batch_job_cannot_change_is_refused_by_the_api_server(
    server: ApiServer, agent: Agent
) -> None:
    job_id = run(server, agent, batch("t", "sleep 1000"))
    with pytest.raises(AgentError) as refusal:
        update(server, job_id, image="registry.example/team/app:2")
    assert refusal.value.kind is Kind.INVALID_ARGUMENT
    assert "immutable" in refusal.value.message
