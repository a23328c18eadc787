"""Following jobs on one cluster: the hub that all watchers share, and what keeps it told."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.model import JobFilter
from hpcagent.jobs.watch import ChangeLog, Hub, Watch
from hpcagent.slurm.client import Client
from hpcagent.slurm.following.pace import Pace
from hpcagent.slurm.following.poller import Poller
from hpcagent.slurm.following.vanished import Ending, nobody_knows
from hpcagent.slurm.queue import Queue


class Follower:
    """Follows the queue for whoever watches. ``ending`` tells of jobs that slurmctld forgot."""

    def __init__(
        self,
        client: Client,
        queue: Queue,
        changes: ChangeLog,
        pace: Pace,
        ending: Ending = nobody_knows,
    ) -> None:
        self._queue = queue
        self._hub = Hub(changes)
        self._poller = Poller(client, queue, self._hub, pace, ending)

    def start(self) -> None:
        """Be ready for watchers."""
        self._poller.start()

    def stop(self) -> None:
        """Follow no more."""
        self._poller.stop()

    def hurry(self) -> None:
        """Look soon, if anybody watches: something has changed."""
        self._poller.hurry()

    @contextmanager
    def watch(self, wanted: JobFilter, resume_token: str, deadline: Deadline) -> Iterator[Watch]:
        """Watch jobs, from how they are now or from where a token stands."""
        chosen = replace(wanted, users=self._queue.uids(wanted, deadline))
        self._poller.require(deadline)
        watch = self._hub.watch(chosen, resume_token)
        try:
            yield watch
        finally:
            self._hub.leave(watch)
