"""Why a job does not run, or is not well: the most particular word that Kubernetes has for it.

A Deployment only says that it makes no progress. Who knows why is further down: the scheduler wrote
it into a pod's condition, the kubelet into a container's state, a quota into an event. So they are
asked from below upwards, and the first who has something to say is heard, with its own words.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from hpcagent.jobs.model import JobReason
from hpcagent.k8s.errors import QUOTA
from hpcagent.k8s.states import pods

Object: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """A job's objects as an API server had them at one time."""

    workload: Object
    pods: tuple[Object, ...] = ()
    events: tuple[Object, ...] = ()
    """Of the workload itself and its ReplicaSets; they are only needed while it has no pods."""
    services: tuple[Object, ...] = ()
    as_of_time: float = 0.0
    cluster: str = ""
    others: tuple[Object, ...] = field(default=())
    """Further objects of the same task, for its manifest."""


# A container's reason to wait (kubelet, pkg/kubelet/images and kuberuntime) -> its category.
_WAITING: Mapping[str, str] = {
    "ErrImagePull": "IMAGE",
    "ImagePullBackOff": "IMAGE",
    "ErrImageNeverPull": "IMAGE",
    "InvalidImageName": "IMAGE",
    "ImageInspectError": "IMAGE",
    "RegistryUnavailable": "IMAGE",
    "SignatureValidationFailed": "IMAGE",
    "CreateContainerConfigError": "BAD_REQUEST",
    "CreateContainerError": "SYSTEM",
    "RunContainerError": "SYSTEM",
    "CrashLoopBackOff": "JOB",
    "ContainerCreating": "PREPARATION",
    "PodInitializing": "PREPARATION",
}

# Words in the scheduler's message -> category, the first that is found. Source:
# pkg/scheduler/framework/plugins, the plugins' ErrReason constants.
_UNSCHEDULABLE: tuple[tuple[str, str], ...] = (
    ("Insufficient ", "RESOURCES"),
    ("Too many pods", "RESOURCES"),
    ("didn't match Pod's node affinity/selector", "NODES"),
    ("untolerated taint", "NODES"),
    ("unschedulable", "NODES"),
    ("no nodes available", "NODES"),
)

_PREPARING = "PREPARATION"


def reason(seen: Observed) -> JobReason | None:
    """Return why a job that has not ended does not run, or what was wrong with it last."""
    said = [found for ask in _WITNESSES for found in ask(seen)]
    # That something is under way is only told if nobody knows of an obstacle.
    return next((one for one in said if one.category != _PREPARING), said[0] if said else None)


def last_end(seen: Observed) -> JobReason | None:
    """Return how the container of a job that runs again ended before."""
    ends = pods.terminations(seen.pods)
    return _ended(ends[0], pods.restarts(seen.pods)) if ends else None


def _waiting_containers(seen: Observed) -> Iterator[JobReason]:
    for one in pods.containers(_living(seen)):
        waiting = (one.get("state") or {}).get("waiting")
        if not waiting:
            continue
        name = waiting.get("reason", "Waiting")
        end = (one.get("lastState") or {}).get("terminated")
        if name == "CrashLoopBackOff" and end:
            last = _ended(end, one.get("restartCount", 0))
            name = last.name if last.name == pods.OUT_OF_MEMORY else name
            yield JobReason(name, f"{waiting.get('message', '')}; {last.text}", "JOB")
        else:
            yield JobReason(name, waiting.get("message", ""), _WAITING.get(name, "OTHER"))


def _unscheduled_pods(seen: Observed) -> Iterator[JobReason]:
    for pod in _living(seen):
        scheduled = pods.condition(pod, "PodScheduled")
        if scheduled.get("status") != "False":
            continue
        name, text = scheduled.get("reason", ""), scheduled.get("message", "")
        if name == "SchedulingGated":
            yield JobReason(name, text, "HELD")
        else:
            categories = (category for words, category in _UNSCHEDULABLE if words in text)
            yield JobReason(name, text, next(categories, "RESOURCES"))


def _evicted_pods(seen: Observed) -> Iterator[JobReason]:
    for pod in _living(seen):
        status = pod["status"]
        if status.get("reason"):
            yield JobReason(status["reason"], status.get("message", ""), "SYSTEM")


def _refused_pods(seen: Observed) -> Iterator[JobReason]:
    """What kept pods from being created: a quota, a webhook, a missing right."""
    failure = pods.condition(seen.workload, "ReplicaFailure")
    if failure.get("status") == "True":
        yield _refused(failure.get("reason", ""), failure.get("message", ""))
    elif not seen.pods:
        for event in sorted(seen.events, key=_time, reverse=True):
            if event.get("reason") == "FailedCreate":
                yield _refused("FailedCreate", event.get("message", ""))


def _refused(name: str, text: str) -> JobReason:
    return JobReason(name, text, "LIMIT" if QUOTA.search(text) else "BAD_REQUEST")


def _unready_pods(seen: Observed) -> Iterator[JobReason]:
    for pod in _living(seen):
        ready = pods.condition(pod, "Ready")
        if ready.get("status") == "False" and pod["status"].get("phase") == "Running":
            name = ready.get("reason") or "ContainersNotReady"
            yield JobReason(name, ready.get("message", ""), _PREPARING)


def _progress(seen: Observed) -> Iterator[JobReason]:
    progressing = pods.condition(seen.workload, "Progressing")
    if progressing:
        category = _PREPARING if progressing["status"] == "True" else "SYSTEM"
        yield JobReason(progressing.get("reason", ""), progressing.get("message", ""), category)


_WITNESSES: tuple[Callable[[Observed], Iterator[JobReason]], ...] = (
    _waiting_containers,
    _unscheduled_pods,
    _evicted_pods,
    _refused_pods,
    _progress,
    _unready_pods,
)


def _living(seen: Observed) -> Iterator[Object]:
    """Pods that are meant to run, the newest first: an old one's trouble is over."""
    meant = (pod for pod in seen.pods if not pods.is_ending(pod))
    return iter(
        sorted(meant, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), reverse=True)
    )


def _ended(end: Object, restarts: int) -> JobReason:
    status = pods.exit_status(end)
    how = f"signal {status.signal}" if status.signal else f"exit status {status.code}"
    said = f"a container ended with {how}; restarts: {restarts}"
    return JobReason(end.get("reason") or "Error", said, "JOB")


def _time(event: Object) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")
