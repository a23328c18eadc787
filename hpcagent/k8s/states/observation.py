"""Reading jobs: a workload of the agent's own, and what tells how it fares.

Whose label is not the agent's is no job of its, whatever its name is: it is neither shown nor
touched. Objects of one job are read one after another, so they may be of slightly different times;
what is computed from them is corrected by the next look.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import NotFound
from hpcagent.jobs.model import ObjectId
from hpcagent.k8s.client import ApiServer, Object, Request
from hpcagent.k8s.marks import MANAGED_BY, REQUEST_LABEL, short
from hpcagent.k8s.resources import WORKLOADS, path
from hpcagent.k8s.states.reasons import Observed

PAGE = 500
"""Objects that are asked for at once, as kubectl does."""

OWN = "=".join(MANAGED_BY)
"""The selector of objects that the agent made."""
REFUSED = "reason=FailedCreate"
"""The events that tell why a workload has no pods."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The objects of a kind, and the version behind which a watch goes on."""

    items: list[Object]
    version: str


def list_all(
    server: ApiServer,
    kind: str,
    namespace: str,
    deadline: Deadline,
    query: Mapping[str, str],
) -> Listing:
    """Return the objects of a kind, asked for in pages, all as of one version."""
    items: list[Object] = []
    following = ""
    while True:
        pages = {"limit": str(PAGE), **({"continue": following} if following else {})}
        request = Request(method="GET", path=path(kind, namespace), query={**query, **pages})
        page = server.ask(request, deadline)
        # Within a list, objects do not say what they are.
        items += [{"apiVersion": page["apiVersion"], "kind": kind, **one} for one in page["items"]]
        following = page["metadata"].get("continue", "")
        if not following:
            return Listing(items, page["metadata"]["resourceVersion"])


def listed(
    server: ApiServer, kind: str, namespace: str, deadline: Deadline, **query: str
) -> list[Object]:
    """Return the objects of a kind in a namespace, or everywhere."""
    return list_all(server, kind, namespace, deadline, query).items


def workload(server: ApiServer, job_id: ObjectId, deadline: Deadline) -> Object:
    """Return the workload of a job. Raises NotFound."""
    for kind in WORKLOADS:
        request = Request(method="GET", path=path(kind, job_id.namespace, job_id.name))
        try:
            found = server.ask(request, deadline)
        except NotFound:
            continue
        if is_own(found):
            return found
    said = f"there is no job {job_id} in {server.cluster}: not made, or deleted since"
    raise NotFound(said, metadata={"namespace": job_id.namespace, "name": job_id.name})


def made_by(
    server: ApiServer, request_id: str, namespaces: Iterable[str], deadline: Deadline
) -> Object | None:
    """Return the workload that a request made."""
    selector = f"{OWN},{REQUEST_LABEL}={short(request_id)}"
    for namespace in namespaces:
        for kind in WORKLOADS:
            for found in listed(server, kind, namespace, deadline, labelSelector=selector):
                return found
    return None


def pods_of(server: ApiServer, seen: Object, deadline: Deadline) -> tuple[Object, ...]:
    """Return the pods of a workload."""
    labels = seen["spec"]["selector"]["matchLabels"]
    selector = ",".join(f"{name}={value}" for name, value in sorted(labels.items()))
    found = listed(server, "Pod", seen["metadata"]["namespace"], deadline, labelSelector=selector)
    return tuple(pod for pod in found if workload_of(pod) == key(seen))


def observe(server: ApiServer, seen: Object, deadline: Deadline) -> Observed:
    """Return a workload with what tells how it fares."""
    namespace = seen["metadata"]["namespace"]
    pods = pods_of(server, seen, deadline)
    events: Iterable[Object] = ()
    if not pods:
        fields = f"{REFUSED},involvedObject.uid={seen['metadata']['uid']}"
        events = listed(server, "Event", namespace, deadline, fieldSelector=fields)
    services = listed(server, "Service", namespace, deadline, labelSelector=OWN)
    return Observed(
        workload=seen,
        pods=pods,
        events=tuple(events),
        services=tuple(one for one in services if seen["metadata"]["uid"] in owners(one)),
        as_of_time=time.time(),
        cluster=server.cluster,
    )


def all_in(
    server: ApiServer, namespace: str, labels: Mapping[str, str], deadline: Deadline
) -> Iterator[Observed]:
    """Yield the jobs of a namespace that bear all of these labels, each with what tells of it.

    A few requests, however many jobs there are.
    """
    selector = ",".join([OWN, *(f"{name}={value}" for name, value in sorted(labels.items()))])
    found = [
        one
        for kind in WORKLOADS
        for one in listed(server, kind, namespace, deadline, labelSelector=selector)
    ]
    if not found:
        return
    pods = by_workload(listed(server, "Pod", namespace, deadline))
    events = defaultdict[str, list[Object]](list)
    if any(key(one) not in pods for one in found):
        for event in listed(server, "Event", namespace, deadline, fieldSelector=REFUSED):
            events[event["involvedObject"].get("uid", "")].append(event)
    services = by_owner(listed(server, "Service", namespace, deadline, labelSelector=OWN))
    as_of_time = time.time()
    for one in found:
        uid = one["metadata"]["uid"]
        yield Observed(
            workload=one,
            pods=tuple(pods.get(key(one), ())),
            events=tuple(events.get(uid, ())),
            services=tuple(services.get(uid, ())),
            as_of_time=as_of_time,
            cluster=server.cluster,
        )


# ----------------------------------------------------------------------------- whose is what


def is_own(thing: Mapping[str, Any]) -> bool:
    """Whether the agent made an object."""
    label, value = MANAGED_BY
    return bool((thing["metadata"].get("labels") or {}).get(label) == value)


def is_suspended(workload: Mapping[str, Any]) -> bool:
    """Whether a workload is meant to have no pods."""
    spec = workload["spec"]
    return bool(spec.get("suspend") if workload["kind"] == "Job" else spec.get("replicas", 1) == 0)


def owners(thing: Mapping[str, Any]) -> frozenset[str]:
    """Uids of the objects that own one."""
    return frozenset(one["uid"] for one in thing["metadata"].get("ownerReferences") or ())


def key(thing: Mapping[str, Any]) -> tuple[str, str]:
    """Kind and name: what tells the workloads of a namespace apart."""
    return thing["kind"], thing["metadata"]["name"]


def workload_of(pod: Mapping[str, Any]) -> tuple[str, str]:
    """Kind and name of the workload that a pod belongs to; of nothing if it belongs to none.

    A Deployment's pods are owned by its ReplicaSets, which are named after it and the pods' hash
    (pkg/controller/deployment, getNewReplicaSet); so these need not be read.
    """
    metadata = pod["metadata"]
    for owner in metadata.get("ownerReferences") or ():
        if owner["kind"] == "ReplicaSet":
            hashed = (metadata.get("labels") or {}).get("pod-template-hash", "")
            return "Deployment", owner["name"].removesuffix(f"-{hashed}")
        if owner["kind"] == "Job":
            return "Job", owner["name"]
    return "", ""


def by_workload(pods: Iterable[Object]) -> dict[tuple[str, str], list[Object]]:
    """Sort pods by the workload that they belong to."""
    found = defaultdict[tuple[str, str], list[Object]](list)
    for pod in pods:
        found[workload_of(pod)].append(pod)
    return found


def by_owner(things: Iterable[Object]) -> dict[str, list[Object]]:
    """Sort objects by the uid of their owner."""
    found = defaultdict[str, list[Object]](list)
    for thing in things:
        for uid in owners(thing):
            found[uid].append(thing)
    return found
