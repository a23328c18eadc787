"""Submitting a job.

Whatever can be refused is refused before anything is done. And when the outcome of the one call
that matters is in doubt, the job is looked for by its mark before the caller is told so. The
journal is told before that call and after it.
"""

import socket
import time
from dataclasses import replace
from typing import Any

from hpcagent import config
from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import AgentError, InvalidRequest, OutcomeUnknown, Violation
from hpcagent.jobs.estimate import Estimate
from hpcagent.jobs.identity import Identity
from hpcagent.jobs.journal import Entry, Journal
from hpcagent.jobs.model import JobId, OptionOrigin, Submission
from hpcagent.jobs.model import Warning as JobWarning
from hpcagent.jobs.spec import JobSpec
from hpcagent.slurm import environment, errors, policy, work_dir
from hpcagent.slurm.client import Client
from hpcagent.slurm.cluster import Cluster, ClusterFacts
from hpcagent.slurm.description import het_job
from hpcagent.slurm.description.descriptor import Descriptor, Site
from hpcagent.slurm.directives.honour import Honoured, honour
from hpcagent.slurm.directives.origins import origins
from hpcagent.slurm.directory import Directory
from hpcagent.slurm.history.recording import recorded
from hpcagent.slurm.inventory.reading import SlurmInventory
from hpcagent.slurm.queue import Queue, whole
from hpcagent.slurm.trial.estimates import Estimator

FOUND = JobWarning(
    "FOUND_BY_REQUEST_ID", "slurmctld's answer was lost; the job was found by its request_id"
)


class Submitter:
    """Turns JobSpecs into jobs."""

    def __init__(
        self,
        settings: config.Slurm,
        rules: config.Policy,
        client: Client,
        parts: tuple[Cluster, Directory, Queue, SlurmInventory, Journal],
    ) -> None:
        self._settings = settings
        self._rules = rules
        self._client = client
        self._cluster, self._directory, self._queue, inventory, self._journal = parts
        self._estimator = Estimator(client, inventory)
        self._limits = environment.own_limits() | {
            name: None if limit == "unlimited" else limit for name, limit in settings.limits.items()
        }

    def submit(self, spec: JobSpec, deadline: Deadline) -> Submission:
        """Submit a job, or only check it where the spec says so."""
        asked = honour(spec, self._client.release)
        with asked.blamed():
            submission = self._submit(asked, spec.digest(), deadline)
        warnings = (*asked.warnings, *submission.warnings)
        return replace(submission, digest=spec.digest(), warnings=warnings)

    def _submit(self, asked: Honoured, digest: str, deadline: Deadline) -> Submission:
        facts, spec = self._cluster.facts(deadline), asked.spec
        descriptor, identity = self._judge(spec, facts, deadline)
        origins = self._origins(asked, descriptor)
        self._cluster.require()
        if spec.validate_only:
            trial = self._try(spec, descriptor, identity, deadline)
            return replace(trial, option_origins=origins)
        if het_job.is_fatal_if_refused(spec, self._client.release):
            self._estimator.verdicts(spec, descriptor.owned_by(identity), deadline)
        if spec.create_work_dir is not None:
            work_dir.make(self._client, spec, identity, self._settings.work_dir_roots, deadline)
        entry = Entry(
            digest=digest,
            user_id=identity.uid,
            user=identity.user,
            name=spec.name,
            asked_at=time.time(),
            cluster=facts.name,
            request_id=spec.request_id,
            array=str(spec.options.get("array", "")),
            components=1 + len(spec.components),
        )
        submission = recorded(
            self._journal, entry, lambda: self._send(spec, descriptor, identity, deadline)
        )
        return replace(submission, option_origins=origins)

    def estimate(self, spec: JobSpec, deadline: Deadline) -> Estimate:
        """Tell when and where a job would start; submit nothing. Raises what ``submit`` raises."""
        asked = honour(spec, self._client.release)
        with asked.blamed():
            facts = self._cluster.facts(deadline)
            descriptor, identity = self._judge(asked.spec, facts, deadline)
            jobs = descriptor.owned_by(identity)
            found = self._estimator.estimate(asked.spec, jobs, facts.name, deadline)
        return replace(found, warnings=(*asked.warnings, *descriptor.warnings, *found.warnings))

    def _try(
        self, spec: JobSpec, descriptor: Descriptor, identity: Identity, deadline: Deadline
    ) -> Submission:
        """Let slurmctld judge a job that is not submitted: what it would say, it says now."""
        verdicts = self._estimator.verdicts(spec, descriptor.owned_by(identity), deadline)
        hindered = [verdict.obstacle for verdict in verdicts if verdict.obstacle]
        answers = [verdict.will_run for verdict in verdicts if verdict.will_run]
        return Submission(
            None,
            time.time(),
            "",
            warnings=(
                *descriptor.warnings,
                *(w for one in hindered for w in self._accepted_but(one.code, one.reason.text)),
            ),
            message="\n".join(filter(None, (one["job_submit_message"] for one in answers))),
        )

    def _origins(self, asked: Honoured, descriptor: Descriptor) -> tuple[OptionOrigin, ...]:
        umask = f"0{int(self._settings.umask, 8):03o}"
        return origins(asked.components, [descriptor.members, *descriptor.components], umask)

    def _judge(
        self, spec: JobSpec, facts: ClusterFacts, deadline: Deadline
    ) -> tuple[Descriptor, Identity]:
        """Check everything that can be checked here; raise all violations together."""
        faults: list[Violation] = []
        descriptor = identity = None
        try:
            descriptor = het_job.describe(spec, self._site(facts))
        except InvalidRequest as error:
            faults += error.violations
        try:
            identity = self._directory.identify(spec.claim, deadline)
        except InvalidRequest as error:
            faults += error.violations
        if descriptor is None or identity is None:
            raise InvalidRequest(faults)
        policy.check(spec, self._rules, facts.root_only, facts.default_partition)
        return descriptor, identity

    def _site(self, facts: ClusterFacts) -> Site:
        through = environment.propagated(facts.propagate_limits, facts.propagate_limits_except)
        return Site(
            release=self._client.release,
            max_script_bytes=facts.max_script_bytes,
            surroundings=environment.Surroundings(
                socket.gethostname(), int(self._settings.umask, 8), self._limits, through
            ),
            cluster=facts.name,
            cpu_governors=facts.cpu_governors,
            spec_resources=facts.spec_resources,
        )

    def _send(
        self, spec: JobSpec, descriptor: Descriptor, identity: Identity, deadline: Deadline
    ) -> Submission:
        warnings, message = list(descriptor.warnings), ""
        try:
            reply = self._call(spec, descriptor.owned_by(identity), deadline)
        except OutcomeUnknown as doubt:
            job_id = self._look_for(spec, identity, deadline, doubt)
            warnings.append(FOUND)
        else:
            job_id = JobId(reply["job_id"], cluster=self._cluster.name)
            message = reply["job_submit_message"]
            warnings += self._accepted_but(reply["error_code"], reply["error_text"])
        return Submission(
            job_id,
            time.time(),
            spec.digest(),
            spec.request_id,
            tuple(warnings),
            message,
            component_ids=_component_ids(job_id, spec),
        )

    def _call(self, spec: JobSpec, jobs: list[dict[str, Any]], deadline: Deadline) -> Any:  # noqa: ANN401 - a SubmitReply
        about = replace(errors.SUBMIT, options=spec.options.keys())
        if len(jobs) == 1:
            return self._client.call("submit", deadline, about, members=jobs[0])
        try:
            return self._client.call("submit_het", deadline, about, components=jobs)
        except OutcomeUnknown:
            raise
        except AgentError as error:
            raise self._blamed(error, spec, jobs, deadline) from error

    def _blamed(
        self, error: AgentError, spec: JobSpec, jobs: list[dict[str, Any]], deadline: Deadline
    ) -> AgentError:
        """Return the refusal of a heterogeneous job as that of the component which is to blame.

        slurmctld does not tell which it is; but asked for one alone it refuses it likewise.
        """
        for offset, (one, members) in enumerate(zip(het_job.each(spec), jobs, strict=True)):
            about = replace(errors.ESTIMATE, options=one.options.keys())
            try:
                self._client.call("will_run", deadline, about, members=members)
            except AgentError as alone:
                if alone.reason == error.reason:
                    alone.violations = tuple(het_job.moved(v, offset) for v in alone.violations)
                    return alone
        return error

    def _accepted_but(self, code: int, text: str) -> list[JobWarning]:
        """A nonzero code beside a job id: the job exists, but cannot start as things stand."""
        return [errors.warning(code, text, version=self._client.release)] if code else []

    def _look_for(
        self, spec: JobSpec, identity: Identity, deadline: Deadline, doubt: OutcomeUnknown
    ) -> JobId:
        """Return the job if it can be found by its mark; else the doubt remains.

        That it is not found proves nothing: slurmctld may still have the request before it.
        """
        doubt.metadata["request_id"] = spec.request_id
        if not spec.request_id or deadline.passed:
            raise doubt
        try:
            job = self._queue.find(spec.request_id, deadline, user=identity.uid)
        except Exception as error:
            raise doubt from error
        if job is None:
            raise doubt
        return whole(job)


def _component_ids(job_id: JobId, spec: JobSpec) -> tuple[JobId, ...]:
    """Return the ids of all components; none of another job."""
    if not spec.components:
        return ()
    offsets = range(1 + len(spec.components))
    return tuple(JobId(job_id.job_id, None, offset, job_id.cluster) for offset in offsets)
