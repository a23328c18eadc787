"""What becomes of tasks on a real Kubernetes, in the words of the one job model."""

import time

import pytest
from fix_kubernetes import Agent
from kubernetes_tasks import batch, manifests, named, soon, task, until

from hpcagent.jobs.model import Job, JobState
from hpcagent.jobs.task import TaskResources, TaskSpec
from hpcagent.k8s import unit
from hpcagent.k8s.client import ApiServer


def run(server: ApiServer, agent: Agent, spec: TaskSpec, state: JobState, reason: str = "") -> Job:
    """Create a task and wait for a state, and a reason if one is named."""
    unit.create(server, manifests(spec, agent.namespace), soon())
    return until(
        server,
        named(spec, agent.namespace),
        lambda found: found.state is state and (not reason or name(found) == reason),
    )


def name(found: Job) -> str:
    """The word of its reason."""
    return found.reason.name if found.reason else ""


def text(found: Job) -> str:
    """The sentence of its reason."""
    return found.reason.text if found.reason else ""


def test_a_deployment_runs_on_a_node(server: ApiServer, agent: Agent) -> None:
    began = time.time()
    found = run(server, agent, task("t", replicas=2), JobState.RUNNING)
    assert found.kubernetes is not None
    assert (found.kubernetes.replicas, found.kubernetes.ready_replicas) == (2, 2)
    assert len(found.kubernetes.pods) == 2
    assert found.node_list
    assert "Available" in found.backend_state
    assert found.reason is None
    assert abs((found.submit_time or 0) - began) < 60
    assert (found.user_id, found.user) == (1870, "jiangli")


def test_a_job_that_ends_well_is_completed(server: ApiServer, agent: Agent) -> None:
    found = run(server, agent, batch("t", "true"), JobState.COMPLETED)
    assert found.exit_status is not None
    assert (found.exit_status.code, found.exit_status.signal) == (0, 0)
    assert found.end_time is not None


def test_a_job_that_fails_tells_its_exit_status(server: ApiServer, agent: Agent) -> None:
    found = run(server, agent, batch("t", "exit 3"), JobState.FAILED)
    assert found.exit_status is not None
    assert found.exit_status.code == 3
    assert name(found) == "BackoffLimitExceeded"
    assert "exit status 3" in text(found)


def test_a_job_that_is_killed_for_its_memory_says_so(server: ApiServer, agent: Agent) -> None:
    found = run(server, agent, batch("t", "kill -KILL $$$$"), JobState.OUT_OF_MEMORY)
    assert found.exit_status is not None
    assert (found.exit_status.code, found.exit_status.signal) == (137, 9)


def test_a_job_that_outlives_its_limit_is_timed_out(server: ApiServer, agent: Agent) -> None:
    from hpcagent.jobs.task import Batch  # noqa: PLC0415

    spec = batch("t", "sleep 1000", batch=Batch(seconds=1), termination_grace_period=1)
    found = run(server, agent, spec, JobState.TIMEOUT)
    assert name(found) == "DeadlineExceeded"


def test_an_image_that_cannot_be_pulled_has_the_registrys_words(
    server: ApiServer, agent: Agent
) -> None:
    spec = task("t", image="registry.example/team/app:missing-1")
    found = run(server, agent, spec, JobState.PENDING, "ImagePullBackOff")
    assert found.reason is not None
    assert found.reason.category == "IMAGE"
    assert "registry.example/team/app:missing-1" in text(found)
    assert "not found" in text(found)


def test_a_selector_that_no_node_meets_has_the_schedulers_words(
    server: ApiServer, agent: Agent
) -> None:
    spec = task("t", node_selector={"disk": "none-has-this"})
    found = run(server, agent, spec, JobState.PENDING, "Unschedulable")
    assert found.reason is not None
    assert found.reason.category == "NODES"
    assert "didn't match Pod's node affinity/selector" in text(found)


def test_more_than_any_node_has_waits_for_resources(server: ApiServer, agent: Agent) -> None:
    spec = task("t", resources=TaskResources(cpu_millis=999_000_000))
    found = run(server, agent, spec, JobState.PENDING, "Unschedulable")
    assert found.reason is not None
    assert found.reason.category == "RESOURCES"
    assert "Insufficient cpu" in text(found)


@pytest.mark.parametrize("kind", [task, batch])
def test_pods_that_a_quota_forbids_have_its_words(
    server: ApiServer, agent: Agent, kind: type
) -> None:
    agent.quota({"pods": "0"})
    found = run(server, agent, kind("t", "sleep 1000"), JobState.PENDING, "FailedCreate")
    assert found.reason is not None
    assert found.reason.category == "LIMIT"
    assert "exceeded quota: test" in text(found)


def test_a_container_that_crashes_tells_how_it_ended(server: ApiServer, agent: Agent) -> None:
    spec = task("t", "exit 4")
    found = run(server, agent, spec, JobState.PENDING, "CrashLoopBackOff")
    assert found.reason is not None
    assert found.reason.category == "JOB"
    assert "exit status 4" in text(found)
    again = until(server, named(spec, agent.namespace), lambda one: one.restart_count)
    assert again.exit_status is not None
    assert again.exit_status.code == 4


def test_a_deployment_without_progress_says_so(server: ApiServer, agent: Agent) -> None:
    (manifest,) = manifests(task("t", image="registry.example/a:missing"), agent.namespace)
    manifest["spec"]["progressDeadlineSeconds"] = 1
    unit.create(server, [manifest], soon())
    job_id = named(task("t"), agent.namespace)
    found = until(server, job_id, lambda one: "ProgressDeadlineExceeded" in one.backend_state)
    assert found.state is JobState.PENDING
    assert found.reason is not None
    assert found.reason.category == "IMAGE"
