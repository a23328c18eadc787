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
from hpcagent.jobs.model import ENDED, Job, JobId
from hpcagent.slurm.history import History


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
        try:
            told = self._accounted(named, deadline)
        except AgentError:
            if seen is None or seen.state not in ENDED:  # accounting may well know it, later
                raise
            return seen
        if told is None or (seen is not None and told.state not in ENDED):
            return seen
        return told

    def made_by(self, request_id: str, deadline: Deadline) -> Job | None:
        """Return the newest job that a request of this id made, as it was at last."""
        seen = self._journal.made_by(request_id)
        return None if seen is None else self.job(seen.job_id, deadline)

    def missing(self, request_id: str) -> str:
        """Say what is known of a request of which there is no job."""
        entry, said = self._journal.entry(request_id), f"there is no job of request_id {request_id}"
        if entry is None:
            return said
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(entry.asked_at))
        return f"{said}, though it was asked for at {moment}: the outcome of that is not known"

    def ending(self, job_id: JobId, deadline: Deadline) -> Job | None:
        """Return how a job ended that has vanished from the queue; None: nobody knows."""
        told = self.job(job_id, deadline)
        return told if told is not None and told.state in ENDED else None

    def _accounted(self, job_id: JobId, deadline: Deadline) -> Job | None:
        if not self._history.is_kept(deadline):
            return None
        return self._history.get(job_id, deadline)
