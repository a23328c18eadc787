"""Seeing the agent's own jobs to their end.

slurmctld forgets a job MinJobAge after its end, and nobody else may be looking. So as long as there
are jobs in the journal whose end was not seen, one thread looks for them now and then. What it sees
goes into the journal on its way, as everything does that is read from the queue.

Accounting may know the end of a job that slurmctld has forgotten, but may learn it late: slurmctld
keeps what slurmdbd could not take, and sends it when it can. So accounting is asked again, ever
more rarely, before the end is given up for lost.
"""

import threading
import time
from dataclasses import dataclass, replace

import structlog

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import AgentError
from hpcagent.jobs.journal import Journal
from hpcagent.jobs.model import ENDED, JobId
from hpcagent.slurm.history.past import Past
from hpcagent.slurm.queue import Queue

log = structlog.get_logger(__name__)

PATIENCE = 60.0
"""How long one look may take."""
PRUNE_EVERY = 3600.0
"""Seconds between two prunings of the journal."""
GIVE_UP = 3600.0
"""For how many seconds accounting is asked again how a job ended."""


@dataclass(frozen=True, slots=True)
class _Doubt:
    """A job that has vanished and whose end is not known: when it was asked for, monotonic."""

    first: float
    last: float

    def is_due(self, now: float) -> bool:
        """Whether as much time has passed again as there was between first and last."""
        return now - self.last >= self.last - self.first


class Keeper:
    """Keeps the journal. ``interval`` are seconds between two looks."""

    def __init__(
        self, journal: Journal, queue: Queue, past: Past, interval: float, keep_days: float
    ) -> None:
        self._journal = journal
        self._queue = queue
        self._past = past
        self._interval = interval
        self._keep_days = keep_days
        self._prune_at = 0.0
        self._doubts: dict[int, _Doubt] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="journal-keeper", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; a look under way is not waited for."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.wait(self._interval):
            try:
                self.look(Deadline.after(PATIENCE))
            except AgentError as error:  # the next look may succeed
                log.warning("journal_look_failed", error=error.message)
            except Exception:  # or no job would ever be seen to its end again
                log.exception("journal_look_defect")

    def look(self, deadline: Deadline) -> None:
        """See how the jobs are whose end was not seen, and forget what is too old."""
        if self._journal.trouble:
            self._journal.probe()
        if time.monotonic() >= self._prune_at:
            self._prune_at = time.monotonic() + PRUNE_EVERY
            self._journal.prune(self._keep_days)
        unfinished = set(self._journal.unfinished())
        if not unfinished:
            return
        there = self._queue.numbered(sorted(unfinished), deadline)
        vanished = unfinished - set(self._journal.known(there))
        self._doubts = {number: self._doubts[number] for number in vanished & self._doubts.keys()}
        for number in sorted(vanished):
            self._trace(number, deadline)

    def _trace(self, number: int, deadline: Deadline) -> None:
        """Find out how a job ended that has vanished, or give it up."""
        now = time.monotonic()
        doubt = self._doubts.get(number, _Doubt(now, now))
        if not doubt.is_due(now):
            return
        told = self._past.job(JobId(number), deadline)
        if told and told.state in ENDED:
            self._journal.saw([told])
            if number in self._doubts:
                log.info("job_end_known_at_last", job_id=str(number), state=told.state.name)
        elif now - doubt.first < GIVE_UP and self._past.may_learn(deadline):
            if number not in self._doubts:
                log.info("job_end_not_known_yet", job_id=str(number))
            self._doubts[number] = replace(doubt, last=now)
            return
        self._journal.lost([number])
