"""Jobs that slurmctld has forgotten: who is asked then, and who is believed.

Accounting, where a site has it, knows how a job ended; the journal knows for certain which jobs are
the agent's own, and what was seen of them. An end that one of them knows is the end. Where neither
does, nobody says that the job is done, nor that there was none.
"""

import time
from collections.abc import Callable
from dataclasses import replace

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import AgentError
from hpcagent.jobs.journal import Journal
from hpcagent.jobs.matching import is_same
from hpcagent.jobs.model import ENDED, Job, JobId
from hpcagent.slurm.following.vanished import NoEnd
from hpcagent.slurm.history.accounting import History


class Past:
    """Knows jobs of the past. ``cluster`` returns the cluster's name."""

    def __init__(self, journal: Journal, history: History, cluster: Callable[[], str]) -> None:
        self._journal = journal
        self._history = history
        self._cluster = cluster

    def job(self, job_id: JobId, deadline: Deadline) -> Job | None:
        """Return a job as it was at last; None: nobody has ever heard of it."""
        named = replace(job_id, cluster=job_id.cluster or self._cluster())
        seen = self._journal.job(named)
        told = self._accounted(named, seen, deadline)
        if told and seen and not _are_same(told, seen):
            return max(told, seen, key=lambda one: one.submit_time or 0)
        return _the_end(told, seen)

    def made_by(self, request_id: str, deadline: Deadline) -> Job | None:
        """Return the newest job that a request of this id made, as it was at last."""
        seen = self._journal.made_by(request_id)
        if seen is None:
            return None
        told = self._accounted(seen.job_id, seen, deadline)
        return _the_end(told, seen) if told and _are_same(told, seen) else seen

    def missing(self, request_id: str) -> str:
        """Say what is known of a request of which there is no job."""
        entry, said = self._journal.entry(request_id), f"there is no job of request_id {request_id}"
        if entry is None:
            return said
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(entry.asked_at))
        return f"{said}, though it was asked for at {moment}: the outcome of that is not known"

    def ending(self, job: Job, deadline: Deadline) -> Job | NoEnd:
        """Return how a job ended that has vanished from the queue.

        Where accounts are kept, slurmctld tells them of every job that it has had, sooner or later.
        """
        told = self.job(job.job_id, deadline)
        if told and told.state in ENDED and _are_same(told, job):
            return told
        return NoEnd.YET if self.may_learn(deadline) else NoEnd.EVER

    def may_learn(self, deadline: Deadline) -> bool:
        """Whether more may be known of a job later: accounting learns late of what happens."""
        return self._history.is_kept(deadline)

    def _accounted(self, job_id: JobId, seen: Job | None, deadline: Deadline) -> Job | None:
        """Return what accounting has; if it cannot be asked, nothing of a job seen to its end."""
        try:
            if not self._history.is_kept(deadline):
                return None
            return self._history.get(job_id, deadline)
        except AgentError:
            if seen is None or seen.state not in ENDED:  # accounting may well know it, later
                raise
            return None


def _the_end(told: Job | None, seen: Job | None) -> Job | None:
    """Return what accounting tells, unless only the journal knows of an end, or of the job."""
    return seen if told is None or (seen is not None and told.state not in ENDED) else told


def _are_same(told: Job, seen: Job) -> bool:
    submitted_at = seen.submit_time or told.submit_time or 0
    return is_same(told, seen.user_id, seen.request_id, submitted_at)
