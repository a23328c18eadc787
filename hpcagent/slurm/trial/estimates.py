"""Asking slurmctld when a job would start, and whether it would take it.

``slurm_job_will_run2`` makes slurmctld judge a description as at a submission, and forget it again.
Its answer is corrected here by what ``hpcagent.slurm.trial.obstacles`` knows. Of a heterogeneous
job each component is asked for alone, as ``sbatch --test-only`` does.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hpcagent.jobs.cluster import Partition
from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import AgentError
from hpcagent.jobs.estimate import Estimate
from hpcagent.jobs.model import JobId
from hpcagent.jobs.model import Warning as JobWarning
from hpcagent.jobs.spec import JobSpec
from hpcagent.slurm import errors
from hpcagent.slurm.client import Client
from hpcagent.slurm.description import het_job
from hpcagent.slurm.inventory.reading import Accounts, SlurmInventory
from hpcagent.slurm.trial import ceilings, obstacles
from hpcagent.slurm.trial.obstacles import Obstacle

IMPOSSIBLE = "ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE"
"""How slurmctld says that it finds no nodes, whatever the reason."""
FAR_SECONDS = 10 * 365 * 86_400
"""In ten years no reservation of today is left, but those without an end."""

NOT_HEEDED: Mapping[str, tuple[str, str]] = {
    "dependency": ("DEPENDENCY_NOT_HEEDED", "the jobs that it would wait for"),
    "licenses": ("LICENSES_NOT_HEEDED", "whether its licenses are free"),
    "bb": ("BURST_BUFFER_NOT_HEEDED", "how long its burst buffer would take"),
    "array": ("ARRAY_NOT_HEEDED", "that tasks of an array wait for each other: it is the first's"),
    "components": (
        "COMPONENTS_NOT_HEEDED",
        "that its components need their nodes at the same time: each was asked for alone",
    ),
    "limits": (
        "LIMITS_NOT_HEEDED",
        "what other jobs use now of the limits of its user, accounts and QOS",
    ),
}
"""What slurmctld leaves out of an estimate, by the option that brings it in; or the cluster."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """On one description: when and where it would start, or what is in the way."""

    will_run: Mapping[str, Any] | None
    obstacle: Obstacle | None = None


class Estimator:
    """Asks slurmctld about descriptions."""

    def __init__(self, client: Client, inventory: SlurmInventory) -> None:
        self._client = client
        self._inventory = inventory

    def estimate(
        self, spec: JobSpec, jobs: Sequence[Mapping[str, Any]], cluster: str, deadline: Deadline
    ) -> Estimate:
        """Return when and where all components would start. Raises what SubmitJob would raise."""
        verdicts = self.verdicts(spec, jobs, deadline)
        parts, accounts = self._inventory.parts(deadline), self._inventory.limits(deadline)
        if accounts:
            named = {one.name: one for one in parts.partitions}
            verdicts = [
                _limited(verdict, members, named, accounts)
                for verdict, members in zip(verdicts, jobs, strict=True)
            ]
        found = estimate(verdicts, cluster)
        if len(jobs) > 1 and found.reason is None:
            answers = [verdict.will_run for verdict in verdicts if verdict.will_run]
            obstacle = obstacles.of_components(jobs, answers, parts.partitions, parts.nodes)
            found = Estimate(reason=obstacle.reason) if obstacle else found
        return replace(found, warnings=tuple(not_heeded(spec, limits=bool(accounts))))

    def verdicts(
        self, spec: JobSpec, jobs: Sequence[Mapping[str, Any]], deadline: Deadline
    ) -> list[Verdict]:
        """Return the verdict on each component. Raises what SubmitJob would raise."""
        found = []
        for offset, (one, members) in enumerate(zip(het_job.each(spec), jobs, strict=True)):
            about = replace(errors.ESTIMATE, options=one.options.keys())
            try:
                found.append(self._verdict(members, about, deadline))
            except AgentError as error:
                error.violations = tuple(het_job.moved(v, offset) for v in error.violations)
                raise
        return found

    def _verdict(
        self, members: Mapping[str, Any], about: errors.Call, deadline: Deadline
    ) -> Verdict:
        asked_at = time.time()
        parts = self._inventory.parts(deadline)
        against = obstacles.of_partitions(members, parts.partitions)
        if any(against.values()):  # which may be over by now
            parts = self._inventory.parts(deadline, since=asked_at)
            against = obstacles.of_partitions(members, parts.partitions)
        answer: dict[str, Any] | None
        try:
            answer = self._ask(members, about, deadline)
            if answer["partition"] in against and against[answer["partition"]]:
                answer = self._ask_elsewhere(members, against, about, deadline)
        except AgentError as error:
            return Verdict(None, self._excuse(error, members, about, asked_at, deadline))
        if answer is None:
            return Verdict(None, next(filter(None, against.values())))
        return Verdict(None, obstacles.HELD) if members.get("priority") == 0 else Verdict(answer)

    def _ask(
        self, members: Mapping[str, Any], about: errors.Call, deadline: Deadline
    ) -> dict[str, Any]:
        answer: dict[str, Any] = self._client.call("will_run", deadline, about, members=members)
        return answer

    def _ask_elsewhere(
        self,
        members: Mapping[str, Any],
        against: Mapping[str, Obstacle | None],
        about: errors.Call,
        deadline: Deadline,
    ) -> dict[str, Any] | None:
        """Ask for those partitions only that have nothing against the job; None: there is none."""
        fitting = ",".join(name for name, obstacle in against.items() if not obstacle)
        return self._ask({**members, "partition": fitting}, about, deadline) if fitting else None

    def _excuse(
        self,
        error: AgentError,
        members: Mapping[str, Any],
        about: errors.Call,
        asked_at: float,
        deadline: Deadline,
    ) -> Obstacle:
        """Return what the job would have to wait for; raise the error if waiting does not help.

        Nobody looks yet for nodes of a job that is held. And what nodes could do that are down now
        cannot be asked: of a request that only they might meet it is not known if they can.
        """
        reservation = members.get("reservation") or ""
        placed = error.reason == IMPOSSIBLE or error.reason in obstacles.IN_THE_WAY
        if placed and members.get("priority") == 0:
            return obstacles.HELD
        if error.reason != IMPOSSIBLE:
            obstacle = obstacles.of_refusal(error.reason, reservation, error.message)
        else:
            parts = self._inventory.parts(deadline, since=asked_at)  # a node may just have gone
            against = obstacles.of_partitions(members, parts.partitions)
            obstacle = _too_small(against) or (
                obstacles.of_reservations()
                if self._is_possible_later(members, about, deadline)
                else obstacles.of_nodes(parts.nodes, [*against])
            )
        if obstacle is None:
            raise error
        return obstacle

    def _is_possible_later(
        self, members: Mapping[str, Any], about: errors.Call, deadline: Deadline
    ) -> bool:
        later = {**members, "begin_time": int(time.time()) + FAR_SECONDS}
        try:
            self._ask(later, about, deadline)
        except AgentError:
            return False
        return True


def _too_small(against: Mapping[str, Obstacle | None]) -> Obstacle | None:
    """Return what a partition has against the job, if each of them is too small for it."""
    found = [one for one in against.values() if one and one.code == obstacles.PART_CONFIG]
    return found[0] if found and len(found) == len(against) else None


def _limited(
    verdict: Verdict,
    members: Mapping[str, Any],
    partitions: Mapping[str, Partition],
    accounts: Accounts,
) -> Verdict:
    """Return the verdict, or that a limit which slurmctld did not heed is in the way."""
    if verdict.will_run is None:
        return verdict
    partition = partitions.get(verdict.will_run["partition"])
    obstacle = ceilings.of_job(members, verdict.will_run, partition, accounts)
    return Verdict(None, obstacle) if obstacle else verdict


# ---------------------------------------------------------------------- what is made of it


def estimate(verdicts: Sequence[Verdict], cluster: str) -> Estimate:
    """Return the estimate for all components together: they start at the same time."""
    for offset, verdict in enumerate(verdicts):
        if verdict.obstacle:
            reason = verdict.obstacle.reason
            said = f"component {offset}: {reason.text}" if len(verdicts) > 1 else reason.text
            return Estimate(reason=replace(reason, text=said))
    starts = [verdict.will_run for verdict in verdicts if verdict.will_run]
    numbers = dict.fromkeys(number for one in starts for number in one["preempted_jobs"])
    return Estimate(
        start_time=max(one["start_time"] for one in starts),
        node_list=",".join(dict.fromkeys(one["node_list"] for one in starts)),
        cpus=sum(one["cpus"] for one in starts),
        partition=",".join(dict.fromkeys(one["partition"] for one in starts)),
        preempted_jobs=tuple(JobId(number, cluster=cluster) for number in numbers),
        system_usage=max(one["system_usage"] or 0 for one in starts) / 100,
    )


def not_heeded(spec: JobSpec, *, limits: bool) -> Iterator[JobWarning]:
    """Return what the estimate leaves out; ``limits`` are enforced on the cluster."""
    given = {name for one in het_job.each(spec) for name in one.options}
    given |= {"components"} if spec.components else set()
    given |= {"limits"} if limits else set()
    for brought_by, (name, said) in NOT_HEEDED.items():
        if brought_by in given:
            yield JobWarning(name, f"the estimate leaves out {said}")
