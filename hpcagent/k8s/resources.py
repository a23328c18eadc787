"""Where the kinds of objects that tasks are made of are, in the API server's paths."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

# kind -> the API it belongs to, and its plural there.
_PLACES: Mapping[str, tuple[str, str]] = {
    "Deployment": ("apis/apps/v1", "deployments"),
    "Event": ("api/v1", "events"),
    "Job": ("apis/batch/v1", "jobs"),
    "Namespace": ("api/v1", "namespaces"),
    "Node": ("api/v1", "nodes"),
    "Pod": ("api/v1", "pods"),
    "ReplicaSet": ("apis/apps/v1", "replicasets"),
    "ResourceQuota": ("api/v1", "resourcequotas"),
    "Secret": ("api/v1", "secrets"),
    "Service": ("api/v1", "services"),
}

WORKLOADS = ("Deployment", "Job")
"""The kinds that run a task."""


def path(kind: str, namespace: str = "", name: str = "", subresource: str = "") -> str:
    """Return the path of an object, or of all of a kind, in a namespace or everywhere."""
    api, plural = _PLACES[kind]
    within = ["namespaces", quote(namespace, safe="")] if namespace else []
    rest = [quote(part, safe="") for part in (name, subresource) if part]
    return "/".join(["", api, *within, plural, *rest])


def path_of(manifest: Mapping[str, Any]) -> str:
    """Return the path of the object that a manifest describes."""
    metadata = manifest["metadata"]
    return path(manifest["kind"], metadata["namespace"], metadata["name"])
