"""Following slurmctld's queue for all watchers at once.

slurmctld tells nobody what happens to jobs. So one thread looks, as long as somebody watches, and
publishes what has changed: the load does not grow with the number of watchers. It looks at once
when the agent has itself changed something. What slurmctld overwrites between two looks cannot be
seen; how a job ended can, for slurmctld keeps that for MinJobAge. About a job that vanished before
its end was seen, whoever knows more is asked (``hpcagent.slurm.following.vanished``).
"""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import AgentError, BackendUnavailable, DeadlineExceeded
from hpcagent.jobs.model import ENDED, Job
from hpcagent.jobs.watch import Hub, key_of
from hpcagent.slurm import states
from hpcagent.slurm.client import RETRY_SECONDS, Client
from hpcagent.slurm.following.pace import Pace
from hpcagent.slurm.following.vanished import Ending, Vanished, nobody_knows
from hpcagent.slurm.queue import Queue

log = structlog.get_logger(__name__)

LOOK_PATIENCE = 60.0
"""How long one look may take: slurmctld can be busy for longer than libslurm's time-outs."""
LINGER_SECONDS = 60.0
"""For so long the queue is followed after the last watcher has left: it may come back."""


@dataclass(slots=True)
class _State:
    """What others ask of the thread, and what they get; guarded by the condition."""

    asked: int = 0
    """Looks that somebody waits for, by number..."""
    seen: int = 0
    """...those that have been made..."""
    failed: int = 0
    """...and those that have failed."""
    error: AgentError | None = None
    hurried: bool = False
    """The agent has changed something."""
    stopping: bool = False
    changed: threading.Condition = field(default_factory=threading.Condition)


class Poller:
    """Looks at the queue and tells a hub. ``ending`` is asked about jobs that vanished."""

    def __init__(
        self, client: Client, queue: Queue, hub: Hub, pace: Pace, ending: Ending = nobody_knows
    ) -> None:
        self._client = client
        self._hub = hub
        self._queue = queue
        self._vanished = Vanished(ending)
        self._pace = pace
        self._wanted_until = 0.0
        self._answer = ""
        self._keys: dict[int, str] = {}
        """By Slurm's own number of a record: the key of its job in the hub."""
        self._fresh = False
        """The keys are being learnt anew: what is not among them in the end is gone."""
        self._state = _State()
        self._thread = threading.Thread(target=self._run, name="queue-watch", daemon=True)
        self.looks = 0
        """How often slurmctld has been asked."""

    # ------------------------------------------------------------------ from other threads

    def start(self) -> None:
        """Be ready to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; a look under way is not waited for."""
        with self._state.changed:
            self._state.stopping = True
            self._state.changed.notify_all()

    def require(self, deadline: Deadline) -> None:
        """Return once a look that began after this call has told the hub how things are.

        Raises what the look failed of, DeadlineExceeded.
        """
        state = self._state
        with state.changed:
            state.asked += 1
            mine = state.asked
            state.changed.notify_all()
            state.changed.wait_for(
                lambda: max(state.seen, state.failed) >= mine or state.stopping,
                deadline.remaining(),
            )
            if state.seen >= mine:
                return
            if state.failed >= mine and state.error is not None:
                raise state.error
        if state.stopping:
            said = "the agent is about to end; nothing was begun"
            raise BackendUnavailable(said, retry_after=RETRY_SECONDS)
        raise DeadlineExceeded("slurmctld's queue could not be read before the deadline")

    def hurry(self) -> None:
        """Look soon, if anybody watches: the agent has changed something."""
        with self._state.changed:
            self._state.hurried = True
            self._state.changed.notify_all()

    # ------------------------------------------------------------------ the thread

    def _run(self) -> None:
        while self._wait():
            with self._state.changed:
                number, self._state.hurried = self._state.asked, False
            error = self._try()
            self._note(number, error)

    def _wait(self) -> bool:
        """Wait until a look is due; False: until the end."""
        state = self._state
        with state.changed:
            while not state.stopping:
                due = self._due()
                if due == 0:
                    return True
                state.changed.wait(due)
        return False

    def _due(self) -> float | None:
        """Return in how many seconds a look is due; None: nobody wants one."""
        awaited = self._state.asked > max(self._state.seen, self._state.failed)
        if awaited or self._hub.watched:
            self._wanted_until = time.monotonic() + LINGER_SECONDS
        if time.monotonic() >= self._wanted_until:
            return None
        return self._pace.due(hurried=awaited or self._state.hurried)

    def _note(self, number: int, error: AgentError | None) -> None:
        state = self._state
        with state.changed:
            if error is None:
                if state.error is not None:
                    log.info("queue_watch_recovered")
                state.seen, state.error = number, None
            else:
                if state.error is None:
                    log.warning("queue_watch_failed", error=error.message)
                state.failed, state.error = number, error
            state.changed.notify_all()

    def _try(self) -> AgentError | None:
        """Look, and return why it could not be done."""
        try:
            while self._look(Deadline.after(LOOK_PATIENCE)):
                pass
        except AgentError as error:
            self._answer = ""
            return error
        except Exception:  # the watch goes on: nobody would be told of any job any more
            log.exception("queue_watch_defect")
            self._answer = ""
            return BackendUnavailable("the agent failed to look at the queue; nothing was begun")
        return None

    def _look(self, deadline: Deadline) -> bool:
        """Publish what has changed since the last look; tell whether more waits to be told."""
        told = self._ask(deadline)
        if told["fresh"]:
            self._keys, self._fresh = {}, True
        jobs = self._queue.jobs(told["changed"], deadline)
        left = self._learn(jobs, told["vanished"])
        if self._fresh:
            left = [] if told["more"] else self._missing()
            jobs = [job for job in jobs if not _same(job, self._hub.jobs.get(key_of(job)))]
        self._hub.publish(jobs, self._part_with(left), time.time())
        self._answer, self._fresh = told["next"], self._fresh and told["more"]
        if not told["more"]:
            self._settle()
        return bool(told["more"])

    def _ask(self, deadline: Deadline) -> dict[str, Any]:
        """Ask slurmctld. Only that sets the pace: accounting may take longer, and is not slurmctld.

        Else the pause behind a look that asked it much would outlast MinJobAge.
        """
        self.looks += 1
        began = time.monotonic()
        try:
            told: dict[str, Any] = self._client.call(
                "changes", deadline, members=states.MEMBERS, answer=self._answer
            )
        finally:
            self._pace.looked(began)
        return told

    def _learn(self, jobs: Iterable[Job], vanished: Iterable[int]) -> list[str]:
        """Take note of which record is which job; return keys that no record has any more.

        One record can become another job: an array's becomes its last task.
        """
        left = {self._keys.pop(number) for number in vanished if number in self._keys}
        for job in jobs:
            key = key_of(job)
            if self._keys.get(job.raw_job_id, key) != key:
                left.add(self._keys[job.raw_job_id])
            self._keys[job.raw_job_id] = key
            self._vanished.drop(job)
        return sorted(left.difference(self._keys.values())) if left else []

    def _missing(self) -> list[str]:
        """Return the keys that the hub has and slurmctld has not."""
        return sorted(self._hub.jobs.keys() - set(self._keys.values()))

    def _part_with(self, keys: Iterable[str]) -> list[Job]:
        """Return those of the jobs that are gone; the end of the others is asked for first."""
        gone: list[Job] = []
        for key in keys:
            last = self._hub.jobs.get(key)
            if last is None:
                continue
            if self._is_settled(last):
                gone.append(last)
            else:
                self._vanished.add(last)
        return gone

    def _settle(self) -> None:
        """Publish how jobs ended whose end has only now become known, or is given up."""
        gone = self._vanished.settle()
        if gone:
            ended = [job for job in gone if job.state in ENDED]
            self._hub.publish(ended, gone, time.time())

    def _is_settled(self, job: Job) -> bool:
        """Whether nothing more was to come of a job.

        It has ended; or it stood for an array's tasks, and its record is the last of them now.
        """
        return job.state in ENDED or job.raw_job_id in self._keys


def _same(job: Job, other: Job | None) -> bool:
    """Whether two looks have seen the same; how long it has run is no change."""
    if other is None:
        return False
    return replace(job, as_of_time=other.as_of_time, run_time=other.run_time) == other
