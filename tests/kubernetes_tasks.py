"""Tasks that several tests run: rendered and marked as SubmitJob does it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

import msgspec

from hpcagent import config
from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.identity import Claim, Identity
from hpcagent.jobs.model import Job, ObjectId
from hpcagent.jobs.task import Endpoint, StagedTask, StageTaskPlan, TaskSpec, Workload
from hpcagent.k8s.client import ApiServer
from hpcagent.k8s.manifests.manifest import render
from hpcagent.k8s.marks import JobFacts, mark
from hpcagent.k8s.states.job import job
from hpcagent.k8s.states.observation import observe, workload

Object: TypeAlias = dict[str, Any]

PATIENCE = 60.0
"""Seconds within which a cluster must have come to what is waited for."""
IMAGE = "registry.example/team/app:1"
USER = Identity(1870, 1884, "jiangli", "nscc", (1884,), "")
SITE = msgspec.convert({"run_as_user": False, "home_volume": ""}, config.Profile)
"""A profile without directories of nodes; processes run as whoever started the sandbox."""


def soon() -> Deadline:
    """A deadline that a cluster keeps even on a busy machine."""
    return Deadline.after(PATIENCE)


def task(name: str, script: str = "sleep 1000", image: str = IMAGE, **fields: Any) -> TaskSpec:  # noqa: ANN401 - of TaskSpec
    """A task that runs a script of the shell. Kubernetes takes ``$$`` for a dollar sign."""
    command = ("/bin/sh", "-c", script) if script else ()
    plan = StageTaskPlan(id=name, container_image=image, command=command)
    whole = TaskSpec(claim=Claim(user_id=USER.uid), task=StagedTask(plan=plan))
    return replace(whole, **fields)


def batch(name: str, script: str, **fields: Any) -> TaskSpec:  # noqa: ANN401 - of TaskSpec
    """A task that ends."""
    return task(name, script, workload=Workload.JOB, **fields)


def with_all(name: str, **fields: Any) -> TaskSpec:  # noqa: ANN401 - of TaskSpec
    """A task with a Secret and a Service."""
    ports = (Endpoint(name="web", target_port=8888),)
    return task(name, endpoints=ports, secret_env={"WORD": "hush"}, **fields)


def manifests(spec: TaskSpec, namespace: str, profile: config.Profile = SITE) -> list[Object]:
    """Its objects, marked."""
    facts = JobFacts.of(spec, USER, spec.partition)
    return [mark(one, spec, facts, namespace) for one in render(spec, USER, profile)]


def look(server: ApiServer, job_id: ObjectId) -> Job:
    """A job as it is now."""
    deadline = soon()
    return job(observe(server, workload(server, job_id, deadline), deadline))


def until(server: ApiServer, job_id: ObjectId, is_so: Callable[[Job], object]) -> Job:
    """Look at a job until it is as wanted."""
    deadline = time.monotonic() + PATIENCE
    while not is_so(found := look(server, job_id)):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found


def named(spec: TaskSpec, namespace: str) -> ObjectId:
    """The id of a task's job."""
    return ObjectId(cluster="test", namespace=namespace, name=spec.task.plan.id)


def annotations(thing: Mapping[str, Any]) -> Mapping[str, str]:
    """Of an object."""
    found: Mapping[str, str] = thing["metadata"].get("annotations") or {}
    return found
