"""From a task to its manifests: a pure function, so that RenderJob tells what SubmitJob does.

The form is that of the original system: a Deployment of one container, named by the task. What a
site adds comes from its profile. Nothing is judged here (``forms``, ``policy``), and what the agent
itself writes on the objects is in ``marks``.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hpcagent.config import Profile
from hpcagent.jobs.identity import Identity
from hpcagent.jobs.task import TaskSpec, Workload
from hpcagent.k8s.manifests.environment import secret_name
from hpcagent.k8s.manifests.pod import labels, pod_spec
from hpcagent.k8s.marks import Manifest, name_of

ENDPOINTS = "hpcagent/endpoints"
"""Annotation of a Service: the scheduler's own numbers of each endpoint, as JSON by its name."""


@dataclass(frozen=True, slots=True)
class Manifests:
    """The objects of a task; it owns the others, which go when it goes."""

    workload: Manifest
    secret: Manifest | None = None
    service: Manifest | None = None

    def __iter__(self) -> Iterator[Manifest]:
        """Yield those that there are, in the order of their creation."""
        return (one for one in (self.workload, self.secret, self.service) if one is not None)

    def each(self, change: Callable[[Manifest], Manifest]) -> "Manifests":
        """Return the objects, each as ``change`` makes it."""
        return Manifests(
            workload=change(self.workload),
            secret=self.secret and change(self.secret),
            service=self.service and change(self.service),
        )


def render(spec: TaskSpec, identity: Identity, profile: Profile) -> Manifests:
    """Return the manifests of a task whose fields have been judged, without the agent's marks."""
    make = _WORKLOADS[spec.workload]
    return Manifests(
        workload=make(spec, identity, profile),
        secret=_secret(spec, profile),
        service=_service(spec, profile),
    )


def _deployment(spec: TaskSpec, identity: Identity, profile: Profile) -> Manifest:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(spec, profile),
        "spec": {
            "replicas": 1 if spec.replicas is None else spec.replicas,
            "selector": {"matchLabels": {profile.name_label: name_of(spec)}},
            "strategy": {},
            "template": _template(spec, identity, profile),
        },
    }


def _job(spec: TaskSpec, identity: Identity, profile: Profile) -> Manifest:
    batch, count = spec.batch, 1 if spec.replicas is None else spec.replicas
    ttl = batch.ttl_after_finished if batch else None
    limit = batch.seconds if batch else None
    template = _template(spec, identity, profile)
    template["spec"]["restartPolicy"] = "Never"
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": _metadata(spec, profile),
        "spec": {
            "parallelism": count,
            "completions": count,
            "backoffLimit": (batch.backoff_limit if batch else None) or 0,
            **({} if limit is None else {"activeDeadlineSeconds": limit}),
            "ttlSecondsAfterFinished": profile.ttl_after_finished if ttl is None else ttl,
            "template": template,
        },
    }


_WORKLOADS = {Workload.DEPLOYMENT: _deployment, Workload.JOB: _job}


def _metadata(spec: TaskSpec, profile: Profile) -> dict[str, Any]:
    return {"name": name_of(spec), "labels": labels(spec, profile)}


def _template(spec: TaskSpec, identity: Identity, profile: Profile) -> dict[str, Any]:
    return {
        "metadata": {"labels": labels(spec, profile)},
        "spec": pod_spec(spec, identity, profile),
    }


def _secret(spec: TaskSpec, profile: Profile) -> Manifest | None:
    if not spec.secret_env or profile.plain_secrets:
        return None
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": secret_name(spec), "labels": labels(spec, profile)},
        "type": "Opaque",
        "immutable": True,
        "stringData": dict(sorted(spec.secret_env.items())),
    }


def _service(spec: TaskSpec, profile: Profile) -> Manifest | None:
    if not spec.endpoints:
        return None
    numbers = {one.name: {"control": one.control, "type": one.type} for one in spec.endpoints}
    metadata = _metadata(spec, profile)
    metadata["annotations"] = {ENDPOINTS: _json(numbers)}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {
            "type": profile.service_type,
            "selector": {profile.name_label: name_of(spec)},
            "ports": [
                {
                    "name": one.name,
                    "protocol": one.protocol,
                    "port": one.port,
                    "targetPort": one.target_port,
                }
                for one in spec.endpoints
            ],
        },
    }


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
