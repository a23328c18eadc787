"""Slurm as a backend: the parts put together, and the life of its worker processes."""

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager

from hpcagent import config
from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import NotFound
from hpcagent.jobs.estimate import Estimate
from hpcagent.jobs.identity import IdentityPolicy
from hpcagent.jobs.journal import Journal
from hpcagent.jobs.model import (
    BackendInfo,
    Job,
    JobFilter,
    JobId,
    JobPage,
    JobResult,
    JobState,
    JobStep,
    Submission,
)
from hpcagent.jobs.orders import Change, Order
from hpcagent.jobs.outputs import Output, OutputQuery
from hpcagent.jobs.spec import JobSpec
from hpcagent.jobs.watch import ChangeLog, MemoryLog, Watch
from hpcagent.journal import IN_MEMORY, FileJournal
from hpcagent.slurm.client import Client
from hpcagent.slurm.cluster import Cluster
from hpcagent.slurm.control.cancellation import cancel_matching
from hpcagent.slurm.control.controller import Controller
from hpcagent.slurm.directory import Directory
from hpcagent.slurm.following.follower import Follower
from hpcagent.slurm.following.pace import Pace
from hpcagent.slurm.history.accounting import History, merged
from hpcagent.slurm.history.keeper import Keeper
from hpcagent.slurm.history.past import Past
from hpcagent.slurm.inventory.reading import SlurmInventory
from hpcagent.slurm.options import OPTIONS
from hpcagent.slurm.outputs.reading import Outputs
from hpcagent.slurm.pool.process import PoolSettings
from hpcagent.slurm.pool.workers import NoWorkerError, WorkerPool
from hpcagent.slurm.queue import Queue
from hpcagent.slurm.submission import Submitter

START_SECONDS = 20.0
"""How long libslurm may take to start; reading a slurm.conf over the network is slow."""
DEFAULT_KEEP_DAYS = 30.0
WATCH_PROCESSES = 1
WATCH_THREADS = 4
"""The watch over slurmctld has a worker of its own, which callers cannot fill."""
HISTORY_PROCESSES = 1
HISTORY_THREADS = 4
"""Connections to slurmdbd: each of them asks it one thing at a time."""


class LibraryUnusableError(Exception):
    """libslurm cannot be used on this host; the words say why.

    ``permanent``: until somebody changes the host. Else another attempt may succeed, as where
    slurm.conf comes from a slurmctld that is still to start.
    """

    def __init__(self, said: str, *, permanent: bool) -> None:
        super().__init__(said)
        self.permanent = permanent


class SlurmScheduler:
    """Runs jobs on one Slurm cluster; a ``hpcagent.jobs.backend.Backend``."""

    def __init__(
        self,
        settings: config.Slurm,
        rules: config.Policy,
        changes: ChangeLog | None = None,
        journal: Journal | None = None,
        keep_days: float = DEFAULT_KEEP_DAYS,
    ) -> None:
        self._settings = settings
        self._calls = _pool(settings, settings.processes, settings.threads)
        self._watching = _pool(settings, WATCH_PROCESSES, WATCH_THREADS)
        self._client = Client(self._calls)
        self._watcher = Client(self._watching)
        self._cluster = Cluster(self._watcher, settings.refresh)
        self._directory = Directory(self._client, IdentityPolicy(rules.min_uid))
        self._inventory = SlurmInventory(self._client, self._cluster, self._directory)
        self._journal = journal or FileJournal(IN_MEMORY)
        self._queue = Queue(
            self._client, self._directory, lambda: self._cluster.name, self._journal.saw
        )
        self._history = History(
            _pool(settings, HISTORY_PROCESSES, HISTORY_THREADS), self._queue, self._inventory
        )
        self._past = Past(self._journal, self._history, lambda: self._cluster.name)
        # With a worker of its own, as the watch over slurmctld: it must not wait for callers.
        directory = Directory(self._watcher, IdentityPolicy(rules.min_uid))
        watched = Queue(self._watcher, directory, lambda: self._cluster.name, self._journal.saw)
        self._follower = Follower(
            self._watcher,
            watched,
            changes or MemoryLog(),
            Pace(settings.watch_interval, lambda: self._cluster.keeps_ended_jobs),
            self._past.ending,
        )
        self._keeper = Keeper(
            self._journal, watched, self._past, settings.settle_interval, keep_days
        )
        self._client.after_change = self._follower.hurry
        self._controller = Controller(
            rules, self._client, self._directory, (self._queue, self._past)
        )
        self._outputs = Outputs(self._client, self._directory, self._follower, self.get)
        parts = (self._cluster, self._directory, self._queue, self._inventory, self._journal)
        self._submitter = Submitter(settings, rules, self._client, parts)

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        """Start the workers. Raises LibraryUnusableError if libslurm cannot work on this host.

        slurmctld may be down: the workers wait for it.
        """
        _require_conf(self._settings.conf)
        for pool in (self._calls, self._watching):
            try:
                pool.start()
            except NoWorkerError as error:
                self.close(Deadline.after(0))
                said = pool.last_failure or str(error)
                raise LibraryUnusableError(said, permanent=pool.misfit) from error
        for client in (self._client, self._watcher):
            client.learn_release(Deadline.after(START_SECONDS))
        self._cluster.start()
        self._follower.start()
        self._keeper.start()

    def renew(self) -> None:
        """Take up a changed slurm.conf: new workers take over from the old."""
        self._calls.renew()
        self._watching.renew()
        self._history.renew()
        self._cluster.reload()
        self._inventory.reload()

    def close(self, deadline: Deadline) -> None:
        """End the workers, but let calls under way end until the deadline."""
        self._keeper.stop()
        self._follower.stop()
        self._outputs.close()
        self._cluster.stop()
        self._history.close()
        self._calls.close(deadline)
        self._watching.close(Deadline.after(0))

    # ------------------------------------------------------------------ jobs

    def submit(self, spec: JobSpec, deadline: Deadline) -> Submission:
        """Submit a job, or only check it where the spec says so."""
        return self._submitter.submit(spec, deadline)

    def estimate(self, spec: JobSpec, deadline: Deadline) -> Estimate:
        """Tell when and where a job would start; nothing is submitted."""
        return self._submitter.estimate(spec, deadline)

    def get(self, job_id: JobId, deadline: Deadline) -> Job:
        """Return a job. Raises NotFound."""
        self._cluster.require()
        try:
            return self._queue.get(job_id, deadline)
        except NotFound:
            if (job := self._past.job(job_id, deadline)) is not None:
                return job
            raise

    def steps(self, job: Job, deadline: Deadline) -> tuple[JobStep, ...]:
        """Return a job's steps, which accounting knows. Raises Refused where there is none."""
        self._cluster.require()
        return self._history.steps(job.job_id, deadline)

    def find(self, request_id: str, deadline: Deadline) -> Job:
        """Return the job that a request made. Raises NotFound."""
        self._cluster.require()
        job = self._queue.find(request_id, deadline) or self._past.made_by(request_id, deadline)
        if job is None:
            raise NotFound(self._past.missing(request_id))
        return job

    def list(
        self, wanted: JobFilter, size: int, after: tuple[int, int] | None, deadline: Deadline
    ) -> JobPage:
        """Return up to ``size`` jobs behind the key ``after``, by submit time and number."""
        self._cluster.require()
        return self._queue.page(wanted, size, after, deadline)

    def history(
        self, wanted: JobFilter, size: int, after: tuple[int, int] | None, deadline: Deadline
    ) -> JobPage:
        """Return jobs as ``list`` does, those of accounting too. Raises Refused without it."""
        self._cluster.require()
        # In this order: a job that moves from one to the other meanwhile is in both, not in none.
        past = self._history.page(wanted, size, after, deadline)
        live = self._queue.page(wanted, size, after, deadline)
        return merged(live, self._history.settled(past, live, wanted, deadline), size)

    def control(self, order: Order, deadline: Deadline) -> tuple[JobResult, ...]:
        """Do something with a job, as its user."""
        self._cluster.require()
        return self._controller.carry_out(order, deadline)

    def change(self, change: Change, deadline: Deadline) -> tuple[JobResult, ...]:
        """Make a change to a job, as its user, or only check it where the change says so."""
        self._cluster.require()
        return self._controller.change(change, deadline)

    def cancel_matching(
        self, wanted: JobFilter, states: tuple[JobState, ...], deadline: Deadline
    ) -> tuple[JobResult, ...]:
        """End the jobs that match, each as its user, if they are in one of the states, if any."""
        self._cluster.require()
        return cancel_matching(self._queue, self._controller, wanted, states, deadline)

    def watch(
        self, wanted: JobFilter, resume_token: str, deadline: Deadline
    ) -> AbstractContextManager[Watch]:
        """Begin to follow jobs, or go on with it; the deadline is for the beginning only."""
        self._cluster.require()
        return self._follower.watch(wanted, resume_token, deadline)

    def read_output(self, query: OutputQuery, deadline: Deadline) -> AbstractContextManager[Output]:
        """Read what a job writes; the deadline is for finding the job. Raises NotFound."""
        return self._outputs.read(query, deadline)

    # ------------------------------------------------------------------ about itself

    @property
    def inventory(self) -> SlurmInventory:
        """What the cluster is made of."""
        return self._inventory

    def info(self) -> BackendInfo:
        """Tell what the backend is; never waits."""
        facts = self._cluster.known
        return BackendInfo(
            cluster=self._cluster.name,
            library_version=self._client.library_version,
            controller_version=facts.version if facts else "",
            identity=self._settings.identity,
            controllers=facts.controllers if facts else (),
            max_script_bytes=facts.max_script_bytes if facts else 0,
            job_options=tuple(option.name for option in OPTIONS),
        )

    def troubles(self) -> Mapping[str, str]:
        """Return what keeps the backend from working, by the name of the check; never waits."""
        found = {"slurmctld": self._cluster.trouble, "journal": self._journal.trouble}
        if not self._calls.pids():
            found["workers"] = self._calls.last_failure or "no worker is ready"
        return {check: trouble for check, trouble in found.items() if trouble}


def _pool(settings: config.Slurm, processes: int, threads: int) -> WorkerPool:
    chosen = PoolSettings(
        conf=settings.conf,
        processes=processes,
        threads=threads,
        stuck_after=settings.stuck_after,
    )
    return WorkerPool(chosen, os.environ)


def _require_conf(conf: str) -> None:
    """Look for slurm.conf before libslurm does, which sleeps a minute over a missing one."""
    path = conf or os.environ.get("SLURM_CONF", "")
    if path and not os.access(path, os.R_OK):
        raise LibraryUnusableError(f"slurm.conf is not readable at {path}", permanent=True)
