"""What runs staged tasks: the named clusters behind the one ``TaskBackend`` that the edge calls.

A cluster that cannot be reached is its own trouble: the others go on, and it is tried anew by every
call that means it.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from hpcagent import config
from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import AgentError, NotFound
from hpcagent.jobs.matching import matcher
from hpcagent.jobs.model import Job, JobFilter, JobPage, JobResult, ObjectId, Submission
from hpcagent.jobs.task import TaskSpec, TaskUpdate
from hpcagent.jobs.task_backend import Ending, LogQuery, Rendering, TaskBackendInfo
from hpcagent.jobs.watch import ChangeLog, Watch
from hpcagent.k8s import changes, unit
from hpcagent.k8s.client import ApiServer, Object
from hpcagent.k8s.deletions import Deletions
from hpcagent.k8s.directories.clearing import Clearing
from hpcagent.k8s.directories.staging import Staging
from hpcagent.k8s.following.follower import Follower
from hpcagent.k8s.following.view import CONNECTIONS
from hpcagent.k8s.health import Health
from hpcagent.k8s.inventory.reading import KubernetesInventory
from hpcagent.k8s.logs import LogOutput
from hpcagent.k8s.manifests.listing import listing
from hpcagent.k8s.preparation import Preparer, default_cluster
from hpcagent.k8s.states.job import job, seconds
from hpcagent.k8s.states.observation import all_in, made_by, observe, workload
from hpcagent.k8s.states.reasons import Observed

_UID_BITS = 63
"""Of a uid's 128: as many as fit into a page token."""


class KubernetesScheduler:
    """Runs tasks on all clusters of the configuration."""

    def __init__(
        self,
        settings: config.Kubernetes,
        preparer: Preparer,
        staging: Staging,
        changes: ChangeLog,
        *,
        threads: int,
    ) -> None:
        """Speak to nobody yet. ``threads`` is how many calls are worked on at once."""
        self._preparer = preparer
        self._staging = staging
        self._default = default_cluster(settings)
        profiles = settings.profiles.values()
        allowed = settings.policy.namespaces or {one.namespace for one in profiles}
        self._namespaces = tuple(sorted(allowed))
        deletions = Deletions()
        self._servers = {
            name: ApiServer(
                name, access, pool=threads, longest=settings.timeout, deletions=deletions
            )
            for name, access in settings.clusters.items()
        }
        self._health = Health(self._servers)
        self._clearing = Clearing(staging, self._servers)
        self.inventory = KubernetesInventory(self._named, self._namespaces)
        # With connections of their own: they are held for long, and would fill the callers' pool.
        self._watching = {
            name: ApiServer(
                name,
                access,
                pool=CONNECTIONS * len(self._namespaces),
                longest=settings.timeout,
                deletions=deletions,
            )
            for name, access in settings.clusters.items()
        }
        self._follower = Follower(self._watching, self._namespaces, changes)

    def start(self) -> None:
        """Begin to look after the API servers."""
        self._health.start()
        self._clearing.start()

    def close(self) -> None:
        """Let go of everything."""
        self._health.close()
        self._clearing.close()
        self._follower.close()
        for server in (*self._servers.values(), *self._watching.values()):
            server.close()

    # ------------------------------------------------------------------------ making jobs

    def submit(self, spec: TaskSpec, deadline: Deadline) -> Submission:
        """Create a task's objects, or only have them judged where the spec says so."""
        ready = self._preparer.prepare(spec, deadline)
        server = self._servers[ready.job_id.cluster]
        manifests = list(ready.marked(spec))
        if spec.request_id:
            unit.check_request(server, manifests[0], deadline)
        if spec.validate_only:
            created = unit.check(server, manifests, deadline)
        else:
            with self._staging.made(ready, deadline) as ready:
                created = unit.create(server, list(ready.marked(spec)), deadline)
        replayed = created is not None and created.replayed
        return Submission(
            job_id=None if spec.validate_only else ready.job_id,
            submit_time=_made(created),
            digest=ready.digest,
            request_id=spec.request_id,
            warnings=ready.warnings,
            replayed=replayed,
        )

    def render(self, spec: TaskSpec, deadline: Deadline) -> Rendering:
        """Return what ``submit`` would create."""
        return self._preparer.render(spec, deadline)

    # ----------------------------------------------------------------------- reading jobs

    def get(self, job_id: ObjectId, deadline: Deadline, *, manifest: bool = False) -> Job:
        """Return a job, with its live manifest if asked. Raises NotFound."""
        server = self._server(job_id)
        found = workload(server, job_id, deadline)
        return _job(observe(server, found, deadline), manifest=manifest)

    def find(self, request_id: str, deadline: Deadline, *, manifest: bool = False) -> Job:
        """Return the job that a request made on any of the clusters. Raises NotFound.

        A cluster that does not answer may have it, so then that is the answer.
        """
        silent: AgentError | None = None
        for server in self._servers.values():
            try:
                found = made_by(server, request_id, self._namespaces, deadline)
            except AgentError as error:
                silent = error
                continue
            if found is not None:
                return _job(observe(server, found, deadline), manifest=manifest)
        if silent is not None:
            raise silent
        raise NotFound(f"no job was made by request {request_id!r}")

    def list(
        self, wanted: JobFilter, size: int, after: tuple[int, int] | None, deadline: Deadline
    ) -> JobPage:
        """Return up to ``size`` jobs behind the key ``after``."""
        matches = matcher(wanted)
        jobs = {key_of(one): one for one in self._all(wanted, deadline) if matches(one)}
        keys = sorted(key for key in jobs if after is None or key > after)
        page = tuple(jobs[key] for key in keys[:size])
        following = keys[size - 1] if len(keys) > size else None
        return JobPage(page, time.time(), following)

    def _all(self, wanted: JobFilter, deadline: Deadline) -> Iterator[Job]:
        """Yield the jobs of the clusters and namespaces that a filter means."""
        chosen = [one for one in self._namespaces if one in (wanted.namespaces or self._namespaces)]
        for name in wanted.clusters or (self._default,):
            server = self._named(name)
            for namespace in chosen:
                yield from map(job, all_in(server, namespace, wanted.labels, deadline))

    @contextmanager
    def watch(self, wanted: JobFilter, resume_token: str, deadline: Deadline) -> Iterator[Watch]:
        """Begin to follow jobs, or go on with it. Raises InvalidRequest, Expired."""
        clusters = wanted.clusters or (self._default,)
        for name in clusters:
            self._named(name)
        with self._follower.watch(
            replace(wanted, clusters=clusters), resume_token, deadline
        ) as watch:
            yield watch

    @contextmanager
    def read_output(self, query: LogQuery, deadline: Deadline) -> Iterator[LogOutput]:
        """Read a container's log. Raises NotFound, Refused."""
        yield LogOutput(self._server(query.job_id), query, deadline)

    # ---------------------------------------------------------------------- changing jobs

    def cancel(self, job_id: ObjectId, how: Ending, deadline: Deadline) -> tuple[JobResult, ...]:
        """Delete a job's objects. That they are gone is a warning."""
        done = changes.cancel(self._server(job_id), job_id, how, deadline)
        self._clearing.wake()
        return done

    def suspend(
        self, job_id: ObjectId, grace: int | None, deadline: Deadline
    ) -> tuple[JobResult, ...]:
        """Scale a Deployment to zero, or suspend a Job."""
        return changes.suspend(self._server(job_id), job_id, grace, deadline)

    def resume(self, job_id: ObjectId, deadline: Deadline) -> tuple[JobResult, ...]:
        """Give a suspended job its replicas again."""
        return changes.resume(self._server(job_id), job_id, deadline)

    def update(
        self, job_id: ObjectId, change: TaskUpdate, deadline: Deadline, *, validate_only: bool
    ) -> Job:
        """Change a job, or only check it, and return it as it is now."""
        server = self._server(job_id)
        self._preparer.judge_update(job_id, change)
        changed = changes.update(server, job_id, change, deadline, validate_only=validate_only)
        return _job(observe(server, changed, deadline), manifest=False)

    # ---------------------------------------------------------------------------- itself

    def info(self) -> TaskBackendInfo:
        """Tell what the backend is."""
        others = [name for name in self._servers if name != self._default]
        return TaskBackendInfo((self._default, *others), version("kubernetes"))

    def troubles(self) -> Mapping[str, str]:
        """Return what keeps each cluster from working."""
        return self._health.troubles()

    def _server(self, job_id: ObjectId) -> ApiServer:
        """Return where a job is. Raises NotFound for a namespace that is none of the agent's."""
        server = self._named(job_id.cluster)
        if job_id.namespace not in self._namespaces:
            said = f"there is no job {job_id}: the agent has none in namespace {job_id.namespace}"
            raise NotFound(said)
        return server

    def _named(self, cluster: str) -> ApiServer:
        """Return a cluster by its name; by none, the default one. Raises NotFound."""
        cluster = cluster or self._default
        if cluster not in self._servers:
            known = ", ".join(self._servers)
            said = f"there is no cluster {cluster!r}; the agent's are {known}"
            raise NotFound(said, reason="CLUSTER_UNKNOWN")
        return self._servers[cluster]


def key_of(one: Job) -> tuple[int, int]:
    """Return what jobs are ordered by: when they were made, and a number of their own."""
    uid = one.kubernetes.uid if one.kubernetes else ""
    number = int(uid.replace("-", "") or "0", 16) >> (128 - _UID_BITS)
    return int(one.submit_time or 0), number


def _made(created: unit.Created | None) -> float:
    """Return when a unit was made; now, if it only would be."""
    if created is None:
        return time.time()
    return seconds(created.workload["metadata"]["creationTimestamp"])


def _job(seen: Observed, *, manifest: bool) -> Job:
    found = job(seen)
    if not manifest:
        return found
    return replace(found, manifest=listing(map(_shown, (seen.workload, *seen.services))))


def _shown(thing: Mapping[str, Any]) -> Object:
    """Return an object without the record of who wrote which field, longer than all the rest."""
    metadata = {name: part for name, part in thing["metadata"].items() if name != "managedFields"}
    return {**thing, "metadata": metadata}
