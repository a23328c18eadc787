"""Changing a job that is there: ending it, scaling it to nothing and back, giving it other values.

A change names the object by its uid, so that it never hits another one that was given the same name
meanwhile.
"""

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import InvalidRequest, Kind, NotFound, Refused, Violation
from hpcagent.jobs.model import JobResult, JobState, ObjectId
from hpcagent.jobs.model import Warning as JobWarning
from hpcagent.jobs.task import TaskUpdate
from hpcagent.jobs.task_backend import Ending
from hpcagent.k8s import quantities
from hpcagent.k8s.client import ApiServer, Object, Request
from hpcagent.k8s.marks import JOB, JobFacts
from hpcagent.k8s.resources import path_of
from hpcagent.k8s.states.job import ENDED, state_of
from hpcagent.k8s.states.observation import is_suspended, observe, pods_of, workload
from hpcagent.k8s.states.pods import is_ending

GONE = "JOB_GONE"
GRACE_NOT_SHORTENED = "GRACE_NOT_SHORTENED"
UNCHANGED = "UNCHANGED"

_STRATEGIC = "application/strategic-merge-patch+json"
"""The kind of patch that knows containers by their names."""
_DEFAULT_GRACE = 30
"""v1 PodSpec terminationGracePeriodSeconds."""
_LOOK_SECONDS = 0.1
"""Between two looks at pods that a controller is to delete."""
_SHORTEST_GRACE = 1
"""Zero would take a pod off the API server while its processes still run."""


def cancel(
    server: ApiServer, job_id: ObjectId, how: Ending, deadline: Deadline
) -> tuple[JobResult, ...]:
    """Delete a job's objects. That there are none is a warning. Raises Refused, InvalidRequest."""
    try:
        found = workload(server, job_id, deadline)
        _require_states(server, job_id, found, how.states, deadline)
        _require_grace(found, how.grace)
        policy = "Foreground" if how.foreground else "Background"
        with server.deletions.of(found["metadata"]["uid"]):
            _delete(server, found, deadline, "CANCEL", propagationPolicy=policy)
    except NotFound as gone:
        return (JobResult(job_id, (JobWarning(GONE, gone.message),)),)
    return (JobResult(job_id, _hurry(server, found, how.grace, deadline, "CANCEL")),)


def suspend(
    server: ApiServer, job_id: ObjectId, grace: int | None, deadline: Deadline
) -> tuple[JobResult, ...]:
    """Scale a Deployment to nothing, or suspend a Job. Raises NotFound, Refused, InvalidRequest."""
    found = workload(server, job_id, deadline)
    _require_alive(server, job_id, found, deadline)
    if is_suspended(found):
        return _unchanged(job_id, "is suspended already")
    _require_grace(found, grace)
    off = {"suspend": True} if found["kind"] == "Job" else {"replicas": 0}
    _patch(server, found, {"spec": off}, deadline, verb="SUSPEND")
    return (JobResult(job_id, _hurry(server, found, grace, deadline, "SUSPEND")),)


def resume(server: ApiServer, job_id: ObjectId, deadline: Deadline) -> tuple[JobResult, ...]:
    """Give a suspended job its replicas again. Raises NotFound, Refused."""
    found = workload(server, job_id, deadline)
    _require_alive(server, job_id, found, deadline)
    if not is_suspended(found):
        return _unchanged(job_id, "is not suspended")
    on = {"suspend": False} if found["kind"] == "Job" else {"replicas": _remembered(found)}
    _patch(server, found, {"spec": on}, deadline, verb="RESUME")
    return (JobResult(job_id),)


def update(
    server: ApiServer,
    job_id: ObjectId,
    change: TaskUpdate,
    deadline: Deadline,
    *,
    validate_only: bool,
) -> Object:
    """Give a job other values; returns its workload. Raises NotFound, Refused, InvalidRequest."""
    found = workload(server, job_id, deadline)
    _require_alive(server, job_id, found, deadline)
    changed = _changed(found, change)
    verb = "" if validate_only else "UPDATE"
    return _patch(server, found, changed, deadline, verb=verb)


# ------------------------------------------------------------------------- what a change writes


def _changed(found: Object, change: TaskUpdate) -> Object:
    patch: Object = {"spec": {}}
    if change.replicas is not None:
        patch["spec"], patch["metadata"] = _replicas(found, change.replicas)
    container: Object = {}
    if change.image is not None:
        container["image"] = change.image
    if amounts := _amounts(found, change):
        container["resources"] = {"limits": amounts, "requests": dict(amounts)}
    if container:
        container["name"] = _container(found)["name"]
        patch["spec"]["template"] = {"spec": {"containers": [container]}}
    return patch


def _replicas(found: Object, count: int) -> tuple[Object, Object]:
    """Return what to write into spec and metadata; a suspended job stays so until it is resumed."""
    facts = JobFacts.read(found["metadata"].get("annotations") or {})
    remembered = {JOB: replace(facts, replicas=count).write()} if facts and count else {}
    if found["kind"] == "Job":
        return {"parallelism": count}, {"annotations": remembered}
    if count and is_suspended(found):
        return {}, {"annotations": remembered}
    return {"replicas": count}, {"annotations": remembered}


def _amounts(found: Object, change: TaskUpdate) -> Object:
    amounts: Object = {}
    if change.cpu_millis is not None:
        amounts["cpu"] = quantities.cpu(change.cpu_millis)
    if change.memory_bytes is not None:
        amounts["memory"] = quantities.memory(change.memory_bytes)
    if change.devices is not None:
        had = (_container(found).get("resources") or {}).get("limits") or {}
        amounts |= {name: None for name in had if "/" in name}  # a patch removes what is null
        amounts |= {one.name: str(one.count) for one in change.devices}
    return amounts


def _container(found: Object) -> Mapping[str, Any]:
    only: Mapping[str, Any] = found["spec"]["template"]["spec"]["containers"][0]
    return only


def _remembered(found: Object) -> int:
    facts = JobFacts.read(found["metadata"].get("annotations") or {})
    return max(1, facts.replicas if facts else 1)


# --------------------------------------------------------------------------- what may be changed


def _require_states(
    server: ApiServer,
    job_id: ObjectId,
    found: Object,
    states: Sequence[JobState],
    deadline: Deadline,
) -> None:
    if not states:
        return
    state = state_of(observe(server, found, deadline))
    if state not in states:
        raise _wrong_state(job_id, state)


def _require_alive(server: ApiServer, job_id: ObjectId, found: Object, deadline: Deadline) -> None:
    state = state_of(observe(server, found, deadline))
    if state in ENDED or state is JobState.CANCELLED:
        raise _wrong_state(job_id, state)


def _wrong_state(job_id: ObjectId, state: JobState) -> Refused:
    said = f"job {job_id} is {state.name}"
    return Refused(said, kind=Kind.FAILED_PRECONDITION, reason="JOB_STATE")


def _unchanged(job_id: ObjectId, why: str) -> tuple[JobResult, ...]:
    return (JobResult(job_id, (JobWarning(UNCHANGED, f"job {job_id} {why}"),)),)


# ---------------------------------------------------------------------------------- grace


def _require_grace(found: Object, grace: int | None) -> None:
    """Raise InvalidRequest for a longer time than the pods' own: it can only be shortened."""
    template = found["spec"]["template"]["spec"]
    own = template.get("terminationGracePeriodSeconds", _DEFAULT_GRACE)
    if grace is not None and grace > own:
        said = f"Kubernetes can shorten the job's own grace period of {own} s, not lengthen it"
        raise InvalidRequest([Violation("grace_period", said, "GRACE_TOO_LONG")])


def _hurry(
    server: ApiServer, found: Object, grace: int | None, deadline: Deadline, verb: str
) -> tuple[JobWarning, ...]:
    """Shorten the time of a workload's pods, each as soon as it is being deleted.

    Not before: a controller that has not yet heard of the end would replace what is deleted.
    """
    if grace is None:
        return ()
    hurried: set[str] = set()
    while pods := pods_of(server, found, deadline):
        ending = [pod for pod in pods if is_ending(pod) and pod["metadata"]["uid"] not in hurried]
        for pod in ending:
            hurried.add(pod["metadata"]["uid"])
            with contextlib.suppress(NotFound):
                seconds = max(grace, _SHORTEST_GRACE)
                _delete(server, pod, deadline, verb, gracePeriodSeconds=seconds)
        if all(pod["metadata"]["uid"] in hurried for pod in pods):
            return ()
        if deadline.remaining() < _LOOK_SECONDS:
            said = "some processes get the time that is their own: Kubernetes was slow to end them"
            return (JobWarning(GRACE_NOT_SHORTENED, said),)
        time.sleep(_LOOK_SECONDS)
    return ()


# --------------------------------------------------------------------------------------- requests


def _delete(
    server: ApiServer, thing: Object, deadline: Deadline, verb: str, **options: object
) -> None:
    body = {"preconditions": {"uid": thing["metadata"]["uid"]}, **options}
    request = Request(method="DELETE", path=path_of(thing), body=body, verb=verb)
    server.ask(request, deadline)


def _patch(
    server: ApiServer, found: Object, patch: Object, deadline: Deadline, *, verb: str
) -> Object:
    """Change an object, or, without a verb, have the API server judge the change."""
    metadata = {**patch.get("metadata", {}), "uid": found["metadata"]["uid"]}
    request = Request(
        method="PATCH",
        path=path_of(found),
        query={"fieldValidation": "Strict", **({} if verb else {"dryRun": "All"})},
        body={**patch, "metadata": metadata},
        content=_STRATEGIC,
        verb=verb,
    )
    return server.ask(request, deadline)
