"""Everything that is done for a task before an API server hears of it.

Whatever can be refused is refused here, all of it at once: what could not be read, what has no
acceptable form, who the user is; and then, in the words of the policy, what callers may not ask
for. What is left is rendered. RenderJob ends here, SubmitJob goes on.
"""

import json
from dataclasses import dataclass
from typing import Protocol

from hpcagent import config
from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import InvalidRequest, Violation
from hpcagent.jobs.identity import Claim, Identity
from hpcagent.jobs.model import ObjectId
from hpcagent.jobs.model import Warning as JobWarning
from hpcagent.jobs.task import Stage, TaskSpec, TaskUpdate
from hpcagent.jobs.task_backend import Rendering
from hpcagent.k8s.manifests.listing import listing
from hpcagent.k8s.manifests.manifest import Manifests, render
from hpcagent.k8s.marks import JobFacts, mark, name_of
from hpcagent.k8s.rules import forms, policy, port_forms, update_forms, volume_forms

MAX_OBJECT_BYTES = 1 << 20
"""Largest object: etcd takes 1.5 MiB, and the API server adds to it as the job lives."""
IN_LOG = {
    "stdout": JobWarning("STDOUT_IN_LOG", "standard output is in the container's log: ReadOutput"),
    "stderr": JobWarning("STDERR_IN_LOG", "standard error is in the container's log: ReadOutput"),
}


class Users(Protocol):
    """Knows who a claim means."""

    def identify(self, claim: Claim, home: str, deadline: Deadline) -> Identity:
        """Return the user and groups. Raises InvalidRequest, Forbidden."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A task that may be created."""

    job_id: ObjectId
    manifests: Manifests
    """Bare: as ``render`` made them."""
    facts: JobFacts
    identity: Identity
    digest: str
    selector: dict[str, str]
    """Labels by which the pods are found."""
    stage: Stage | None = None
    stages: bool = False
    """The directory is to be made here."""
    warnings: tuple[JobWarning, ...] = ()

    def marked(self, spec: TaskSpec) -> Manifests:
        """Return the manifests as they are to be created."""
        return self.manifests.each(lambda one: mark(one, spec, self.facts, self.job_id.namespace))


class Preparer:
    """Judges tasks and renders them, for all clusters of the agent."""

    def __init__(self, settings: config.Kubernetes, users: Users) -> None:
        self._settings = settings
        self._users = users

    def render(self, spec: TaskSpec, deadline: Deadline) -> Rendering:
        """Return what would be created. Raises InvalidRequest, Forbidden."""
        ready = self.prepare(spec, deadline)
        text = listing(ready.marked(spec))
        return Rendering(text, ready.job_id, ready.digest, ready.warnings)

    def prepare(self, spec: TaskSpec, deadline: Deadline) -> Prepared:
        """Judge a task and render it. Raises InvalidRequest with every violation, or Forbidden."""
        cluster, profile = self._site(spec)
        identity = self._judge(spec, profile, deadline)
        policy.check(spec, identity, profile, self._settings)
        manifests = render(spec, identity, profile)
        _check_size(manifests)
        namespace, stage = spec.namespace or profile.namespace, spec.task.stage
        return Prepared(
            job_id=ObjectId(cluster=cluster, namespace=namespace, name=name_of(spec)),
            manifests=manifests,
            facts=JobFacts.of(spec, identity, spec.partition or profile.partition),
            identity=identity,
            digest=spec.digest(),
            selector={profile.name_label: name_of(spec)},
            stage=stage,
            stages=stage is not None and _is_made(stage, profile),
            warnings=tuple(IN_LOG[name] for name in IN_LOG if spec.task.stream(name)[1]),
        )

    def judge_update(self, job_id: ObjectId, change: TaskUpdate) -> None:
        """Judge a change of a job. Raises InvalidRequest with every violation, or Forbidden."""
        access = self._settings.clusters[job_id.cluster or default_cluster(self._settings)]
        update_forms.check(change, self._settings.profiles[access.profile], self._settings)

    def _site(self, spec: TaskSpec) -> tuple[str, config.Profile]:
        cluster = spec.cluster or default_cluster(self._settings)
        access = self._settings.clusters.get(cluster)
        if access is None:
            known = ", ".join(self._settings.clusters)
            said = f"is {cluster!r}; the agent's clusters are {known}"
            fault = Violation("cluster", said, "CLUSTER_UNKNOWN")
            raise InvalidRequest([fault, *spec.faults])
        return cluster, self._settings.profiles[access.profile]

    def _judge(self, spec: TaskSpec, profile: config.Profile, deadline: Deadline) -> Identity:
        """Return the task's user, if nothing is wrong with the form of the task."""
        identity, faults = None, list(spec.faults)
        try:
            identity = self._users.identify(spec.claim, spec.home, deadline)
        except InvalidRequest as error:
            faults += error.violations
        home = spec.home or (identity.home if identity else "")
        faults += forms.check(spec, profile)
        faults += port_forms.check(spec)
        faults += volume_forms.check(spec, profile, home)
        faults += self._staging(spec, profile)
        if faults or identity is None:
            raise InvalidRequest(faults)
        return identity

    def _staging(self, spec: TaskSpec, profile: config.Profile) -> list[Violation]:
        stage = spec.task.stage
        if stage is None or not stage.create or profile.stage_work_dir:
            return []
        said = "is refused: the agent's host does not mount the nodes' file system (stage_work_dir)"
        return [Violation("task.stage.create", said, "STAGING_NOT_SUPPORTED")]


def _is_made(stage: Stage, profile: config.Profile) -> bool:
    """Tell whether the agent makes the directory."""
    return profile.stage_work_dir if stage.create is None else stage.create


def default_cluster(settings: config.Kubernetes) -> str:
    """Return the cluster of requests that name none."""
    return settings.default_cluster or next(iter(settings.clusters))


def _check_size(manifests: Manifests) -> None:
    for one in manifests:
        size = len(json.dumps(one).encode())
        if size > MAX_OBJECT_BYTES:
            said = f"its {one['kind']} would have {size} bytes; {MAX_OBJECT_BYTES} is the most"
            raise InvalidRequest([Violation("task", said, "TOO_LONG")])
