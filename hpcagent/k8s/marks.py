"""What the agent writes on its objects, to know them again and to tell what they are.

A Deployment cannot say who asked for it or what its user called it, and the labels that a site's
profile chooses may change. So what a Job of the contract needs is kept in annotations of the
agent's own, beside the pod template, which stays as the task describes it.
"""

import base64
import copy
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self, TypeAlias

from hpcagent.jobs.identity import Identity
from hpcagent.jobs.task import TaskSpec

Manifest: TypeAlias = dict[str, Any]
"""An object of Kubernetes, as JSON has it."""

MANAGED_BY = ("app.kubernetes.io/managed-by", "hpcagent")
"""Label of every object that the agent made."""
REQUEST_LABEL = "hpcagent/request"
"""Label by which the objects of a request are found: a digest of the request_id."""
REQUEST_ID = "hpcagent/request-id"
DIGEST = "hpcagent/digest"
JOB = "hpcagent/job"
"""Annotations: the request_id, the request's digest, and ``JobFacts`` as JSON."""
MADE_DIRECTORY = ("hpcagent/work-dir", "made")
"""Label of the objects of a task whose directory the agent made and will remove."""
OWN_KEYS = frozenset({MANAGED_BY[0], MADE_DIRECTORY[0], REQUEST_LABEL, REQUEST_ID, DIGEST, JOB})

_NAME_LENGTH = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """What is known of a job beside what Kubernetes itself keeps."""

    user_id: int
    group_id: int
    user: str = ""
    group: str = ""
    job_name: str = ""
    app: str = ""
    partition: str = ""
    work_dir: str = ""
    replicas: int = 1
    """As asked for: what ResumeJob gives back."""
    leave_dir: bool = True
    """The directory stays when the job is gone: false only where the agent made it."""

    @classmethod
    def of(cls, spec: TaskSpec, identity: Identity, partition: str) -> Self:
        """Return the facts of a task that is submitted."""
        stage = spec.task.stage
        return cls(
            user_id=identity.uid,
            group_id=identity.gid,
            user=identity.user,
            group=identity.group,
            job_name=spec.job_name,
            app=spec.app,
            partition=partition,
            work_dir=stage.dir if stage else "",
            replicas=1 if spec.replicas is None else spec.replicas,
        )

    @classmethod
    def read(cls, annotations: Mapping[str, str]) -> Self | None:
        """Return the facts in an object's annotations; None: the agent did not make it."""
        if JOB not in annotations:
            return None
        known = {part.name for part in fields(cls)}
        return cls(**{k: v for k, v in json.loads(annotations[JOB]).items() if k in known})

    def write(self) -> str:
        """Return the facts as an annotation."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))


def short(text: str) -> str:
    """Return a digest of a text that fits into a name or a label."""
    form = base64.b32encode(hashlib.sha256(text.encode()).digest())
    return form[:_NAME_LENGTH].decode("ascii").lower()


def name_of(spec: TaskSpec) -> str:
    """Return the name of a task's objects: its id, else one made of the request_id.

    The same request has the same name, so that it cannot make a second object.
    """
    return spec.task.plan.id or f"hpc-{short(spec.request_id)}"


def mark(manifest: Manifest, spec: TaskSpec, facts: JobFacts, namespace: str) -> Manifest:
    """Return a manifest with the agent's marks, its pod template untouched."""
    marked = copy.deepcopy(manifest)
    metadata = marked["metadata"]
    metadata["namespace"] = namespace
    metadata.setdefault("labels", {}).update([MANAGED_BY])
    annotations = metadata.setdefault("annotations", {})
    annotations |= {DIGEST: spec.digest(), JOB: facts.write()}
    if not facts.leave_dir:
        metadata["labels"].update([MADE_DIRECTORY])
    if spec.request_id:
        metadata["labels"][REQUEST_LABEL] = short(spec.request_id)
        annotations[REQUEST_ID] = spec.request_id
    return marked
