"""From a job's objects in Kubernetes to the one ``Job`` that both backends answer with: pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias

from hpcagent.jobs.model import (
    Job,
    JobReason,
    JobState,
    JobStateFlag,
    KubernetesJob,
    ObjectId,
)
from hpcagent.k8s.marks import REQUEST_ID, JobFacts
from hpcagent.k8s.states import pods, reasons
from hpcagent.k8s.states.reasons import Observed

Object: TypeAlias = Mapping[str, Any]

# A Job's failure (batch/v1, pkg/controller/job) -> what became of it.
_FAILURES: Mapping[str, JobState] = {"DeadlineExceeded": JobState.TIMEOUT}
# Why a pod was taken down (v1 PodConditionType DisruptionTarget) -> the same.
_DISRUPTIONS: Mapping[str, JobState] = {
    "PreemptionByScheduler": JobState.PREEMPTED,
    "DeletionByTaintManager": JobState.NODE_FAIL,
    "DeletionByPodGC": JobState.NODE_FAIL,
    "TerminationByKubelet": JobState.NODE_FAIL,
    "EvictionByEvictionAPI": JobState.NODE_FAIL,
}
ENDED = frozenset(
    {
        JobState.COMPLETED,
        JobState.FAILED,
        JobState.TIMEOUT,
        JobState.OUT_OF_MEMORY,
        JobState.PREEMPTED,
        JobState.NODE_FAIL,
    }
)
"""States that a job does not leave."""


def job(seen: Observed) -> Job:
    """Return the job that these objects are."""
    workload, metadata = seen.workload, seen.workload["metadata"]
    facts = JobFacts.read(metadata.get("annotations") or {}) or JobFacts(user_id=0, group_id=0)
    state = state_of(seen)
    ends = pods.terminations(seen.pods)
    nodes = _nodes(seen)
    return Job(
        job_id=ObjectId(
            cluster=seen.cluster, namespace=metadata["namespace"], name=metadata["name"]
        ),
        state=state,
        state_flags=(JobStateFlag.COMPLETING,) if pods.is_ending(workload) else (),
        backend_state=_own_words(workload),
        as_of_time=seen.as_of_time,
        request_id=(metadata.get("annotations") or {}).get(REQUEST_ID, ""),
        name=facts.job_name or metadata["name"],
        reason=_reason(seen, state),
        exit_status=pods.exit_status(ends[0]) if ends else None,
        user_id=facts.user_id,
        group_id=facts.group_id,
        user=facts.user,
        group=facts.group,
        partition=facts.partition,
        submit_time=seconds(metadata["creationTimestamp"]),
        start_time=_start(seen),
        end_time=_end(seen, state),
        node_list=",".join(nodes),
        nodes=len(nodes),
        work_dir=facts.work_dir,
        restart_count=pods.restarts(seen.pods),
        kubernetes=_kubernetes(seen),
    )


# ------------------------------------------------------------------------------------ its state


def state_of(seen: Observed) -> JobState:
    """What a job is doing."""
    if seen.workload["kind"] == "Job":
        return _state_of_job(seen)
    if pods.is_ending(seen.workload):
        return JobState.CANCELLED
    return _state_of_deployment(seen.workload)


def _state_of_deployment(workload: Object) -> JobState:
    spec, status = workload["spec"], workload.get("status") or {}
    wanted = spec.get("replicas", 1)
    if wanted == 0:
        return JobState.SUSPENDED
    seen = status.get("observedGeneration", 0) >= workload["metadata"].get("generation", 0)
    ready = status.get("readyReplicas", 0) >= wanted
    return JobState.RUNNING if seen and ready else JobState.PENDING


def _state_of_job(seen: Observed) -> JobState:
    workload = seen.workload
    if pods.is_true(workload, "Complete"):
        return JobState.COMPLETED
    if pods.is_true(workload, "Failed"):
        return _failure(seen)
    if pods.is_ending(workload):
        return JobState.CANCELLED
    if workload["spec"].get("suspend"):
        return JobState.SUSPENDED
    ready = (workload.get("status") or {}).get("ready")
    return JobState.RUNNING if ready or _has_run(seen) else JobState.PENDING


def _has_run(seen: Observed) -> bool:
    """Whether no pod will be tried again: the Job's controller has only to count what has ended.

    Until it has, a moment later, neither condition holds and no pod is ready.
    """
    kept = (pod for pod in seen.pods if not pods.is_ending(pod))  # a suspension deletes its pods
    phases = [(pod.get("status") or {}).get("phase") for pod in kept]
    tries = seen.workload["spec"]["backoffLimit"]
    return "Succeeded" in phases or phases.count("Failed") > tries


def _failure(seen: Observed) -> JobState:
    known = _FAILURES.get(pods.condition(seen.workload, "Failed").get("reason", ""))
    if known is not None:
        return known
    for pod in seen.pods:
        if pods.is_true(pod, "DisruptionTarget"):
            cause = pods.condition(pod, "DisruptionTarget").get("reason", "")
            return _DISRUPTIONS.get(cause, JobState.FAILED)
    ends = pods.terminations(seen.pods)
    out_of_memory = ends and ends[0].get("reason") == pods.OUT_OF_MEMORY
    return JobState.OUT_OF_MEMORY if out_of_memory else JobState.FAILED


def _own_words(workload: Object) -> str:
    """The conditions that hold, and why one that should hold does not."""
    listed = (workload.get("status") or {}).get("conditions") or ()
    words = [one["type"] for one in listed if one["status"] == "True"]
    words += [one["reason"] for one in listed if one["status"] != "True" and one.get("reason")]
    return ",".join(words)


def _reason(seen: Observed, state: JobState) -> JobReason | None:
    if state is JobState.PENDING:
        return reasons.reason(seen)
    if state is JobState.RUNNING:
        return reasons.last_end(seen)
    failed = pods.condition(seen.workload, "Failed")
    if failed.get("status") == "True":
        ends = reasons.last_end(seen)
        said = failed.get("message", "")
        text = f"{said}; {ends.text}" if ends else said
        return JobReason(failed.get("reason", "Failed"), text, "JOB")
    return None


# ------------------------------------------------------------------------------------- its times


def seconds(time: str) -> float:
    """Read a time as the API writes it."""
    return datetime.fromisoformat(time).timestamp()


def _start(seen: Observed) -> float | None:
    """When the first container that is known began."""
    begins = [
        part["startedAt"]
        for one in pods.containers(seen.pods)
        for state in (one.get("state") or {}, one.get("lastState") or {})
        for part in state.values()
        if part.get("startedAt")
    ]
    return seconds(min(begins)) if begins else None


def _end(seen: Observed, state: JobState) -> float | None:
    if state not in ENDED:
        return None
    status = seen.workload["status"]
    ends = [
        status.get("completionTime"),
        pods.condition(seen.workload, "Failed").get("lastTransitionTime"),
    ]
    return next((seconds(end) for end in ends if end), None)


# ----------------------------------------------------------------------- what only Kubernetes has


def _kubernetes(seen: Observed) -> KubernetesJob:
    workload, metadata = seen.workload, seen.workload["metadata"]
    spec, status = workload["spec"], workload.get("status") or {}
    of_job = workload["kind"] == "Job"
    return KubernetesJob(
        kind=workload["kind"],
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        labels=metadata.get("labels") or {},
        replicas=spec.get("parallelism" if of_job else "replicas", 1),
        ready_replicas=status.get("ready" if of_job else "readyReplicas", 0),
        restart_count=pods.restarts(seen.pods),
        pods=tuple(sorted(pod["metadata"]["name"] for pod in seen.pods)),
        endpoints={
            port.get("name") or str(port["port"]): f"{_host(service)}:{port['port']}"
            for service in seen.services
            for port in service["spec"].get("ports") or ()
        },
    )


def _host(service: Object) -> str:
    """The name that resolves within the cluster, whatever its domain is."""
    metadata = service["metadata"]
    return f"{metadata['name']}.{metadata['namespace']}.svc"


def _nodes(seen: Observed) -> list[str]:
    living = (pod for pod in seen.pods if not pods.is_ending(pod))
    return sorted({pod["spec"]["nodeName"] for pod in living if pod["spec"].get("nodeName")})
