"""Keeps the worker processes alive: one thread that starts, admits, watches and buries them.

It waits for four kinds of events at once: a new worker's ``hello``, a late reply on a channel that
was set aside, the end of a process (its lifeline), and time (a worker that does not become ready,
or whose call is silent for longer than any time-out that libslurm has).
"""

import os
import selectors
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Protocol

import structlog

from hpcagent.jobs.deadline import Deadline
from hpcagent.slurm import wire
from hpcagent.slurm.pool import process
from hpcagent.slurm.pool.process import Channel, PoolSettings, Worker

log = structlog.get_logger(__name__)


class Pool(Protocol):
    """Whom the supervisor hands workers to."""

    def admit(self, worker: Worker) -> None:
        """Take a worker that is ready."""

    def dismiss(self, worker: Worker) -> None:
        """Give a worker no more calls; end it when it has none."""

    def forget(self, worker: Worker) -> None:
        """Let go of a worker whose process has ended."""

    def release(self, channel: Channel) -> None:
        """Take a channel that is free again."""

    def abandon(self, channel: Channel) -> None:
        """Let go of a channel over which nothing will come any more."""

    def notify(self) -> None:
        """Look again at what you wait for."""


class Supervisor:
    """Watches over the workers of one pool."""

    def __init__(self, settings: PoolSettings, environment: Mapping[str, str], pool: Pool) -> None:
        self.last_failure = ""
        self.misfit = False
        self._settings = settings
        self._environment = environment
        self._pool = pool
        self._workers: set[Worker] = set()
        self._aside: set[Channel] = set()
        self._next_start = 0.0
        self._door = threading.Lock()
        """Guards what other threads leave for this one: the bell and what is late."""
        self._late: deque[Channel] = deque()
        self._stopping = False
        self._stopped = False
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._bell, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="worker-supervisor", daemon=True)

    # ------------------------------------------------------------------ from other threads

    def start(self) -> None:
        """Begin to keep workers."""
        self._thread.start()

    def stop(self) -> None:
        """End all workers, whatever they do, and return when they are gone."""
        self._stopping = True
        self._ring()
        if self._thread.ident is not None:
            self._thread.join()
        with self._door:
            if not self._stopped:
                self._stopped = True
                self._selector.close()
                os.close(self._bell)
            while self._late:
                self._late.popleft().socket.close()

    def set_aside(self, channel: Channel) -> None:
        """Wait for the late reply of a channel whose caller has left."""
        channel.overran_at = time.monotonic()
        with self._door:
            if self._stopped:
                channel.socket.close()
            else:
                self._late.append(channel)
        self._ring()

    def renew(self) -> None:
        """Replace all workers, one by one, as new ones become ready."""
        for worker in tuple(self._workers):
            worker.outdated = True
        self._ring()

    def replace(self, worker: Worker) -> None:
        """Replace a worker that has lost a channel, or its process, when a new one is ready."""
        worker.outdated = True
        self._ring()

    def pids(self) -> list[int]:
        """Process numbers of the workers that take calls."""
        return [w.pid for w in tuple(self._workers) if w.ready and not w.retired]

    def all_idle(self) -> bool:
        """Whether no call is under way."""
        return all(w.idle == len(w.channels) for w in tuple(self._workers) if w.ready)

    def _ring(self) -> None:
        with self._door:
            if not self._stopped:
                os.eventfd_write(self._bell, 1)

    # ------------------------------------------------------------------ the thread

    def _run(self) -> None:
        while not self._stopping:
            self._start_missing()
            for key, _ in self._selector.select(self._patience()):
                self._attend(key)
            self._end_overdue()
        for worker in tuple(self._workers):
            worker.kill()
        for worker in tuple(self._workers):
            self._bury(worker)

    def _attend(self, key: selectors.SelectorKey) -> None:
        match key.data:
            case Worker() as worker:
                self._bury(worker)
            case Channel() as channel:
                self._hear(channel)
            case _:
                os.eventfd_read(self._bell)
                self._end_outdated_starts()
                while self._late:
                    self._watch(self._late.popleft())

    def _missing(self) -> int:
        """How many workers are to be started."""
        current = sum(1 for w in self._workers if not (w.outdated or w.doomed))
        return max(0, self._settings.processes - current)

    def _start_missing(self) -> None:
        if time.monotonic() < self._next_start:
            return
        for _ in range(self._missing()):
            try:
                self._start_one()
            except OSError as error:
                log.exception("worker_not_started")
                self._fail(f"no process could be started: {error}")
                return

    def _start_one(self) -> None:
        worker = process.start(self._settings.conf, self._settings.threads, self._environment)
        self._workers.add(worker)
        self._selector.register(worker.lifeline, selectors.EVENT_READ, worker)
        self._watch(worker.channels[0])

    def _fail(self, how: str) -> None:
        """Remember why there is no worker, and wait before the next start."""
        self.last_failure = how
        self._next_start = time.monotonic() + self._settings.restart_delay
        self._pool.notify()

    def _watch(self, channel: Channel) -> None:
        """Wait for what comes over a channel; its worker may have died in the meantime."""
        if channel.worker not in self._workers:
            channel.socket.close()
            return
        self._aside.add(channel)
        self._selector.register(channel.socket, selectors.EVENT_READ, channel)

    def _hear(self, channel: Channel) -> None:
        """Take a reply that no caller waits for: of ``hello``, or a late one."""
        if channel not in self._aside:
            return  # its worker was buried in this very round
        try:
            wire.discard(channel.inbox.reply(Deadline.after(0)))
        except wire.ChannelTimeoutError:
            return  # the rest of it is still to come
        except wire.ChannelClosedError:
            self._unwatch(channel)
            if channel.worker.ready:  # else its lifeline, or the time that it takes, will tell
                self._pool.abandon(channel)
            return
        self._unwatch(channel)
        if channel.worker.ready:
            log.info("late_reply", worker=channel.worker.pid)
            self._pool.release(channel)
        else:
            self._admit(channel.worker)

    def _unwatch(self, channel: Channel) -> None:
        self._aside.discard(channel)
        self._selector.unregister(channel.socket)

    def _admit(self, worker: Worker) -> None:
        if worker.doomed:
            return
        log.info("worker_ready", worker=worker.pid)
        self._pool.admit(worker)
        for old in tuple(self._workers):
            if old.outdated and old.ready and not old.retired:
                self._pool.dismiss(old)
                return

    def _end_outdated_starts(self) -> None:
        """End workers that were outdated before they became ready: they will never be needed."""
        for worker in self._workers:
            if worker.outdated and not (worker.ready or worker.doomed):
                worker.retired = True
                worker.kill()

    def _bury(self, worker: Worker) -> None:
        if worker not in self._workers:
            return
        self._workers.remove(worker)
        self._selector.unregister(worker.lifeline)
        for channel in tuple(self._aside):
            if channel.worker is worker:
                self._unwatch(channel)
                channel.socket.close()
        bidden = self._stopping or (worker.retired and not worker.stuck)
        self._pool.forget(worker)
        how = worker.bury()
        if bidden:
            log.info("worker_retired", worker=worker.pid)
        else:
            self._mourn(worker, how)

    def _mourn(self, worker: Worker, how: str) -> None:
        if worker.stuck:
            how = f"it was stuck and has been ended: {how}"
        log.error("worker_died", worker=worker.pid, was_ready=worker.ready, how=how)
        self.misfit = worker.process.returncode == os.EX_CONFIG
        if worker.ready:
            self.last_failure = how
        else:
            self._fail(how)

    def _end_overdue(self) -> None:
        for worker, moment in tuple(self._overdue_moments()):
            if moment <= time.monotonic() and not worker.doomed:
                log.error("worker_stuck", worker=worker.pid, was_ready=worker.ready)
                worker.stuck = True
                self._pool.dismiss(worker)
                worker.kill()

    def _overdue_moments(self) -> Iterator[tuple[Worker, float]]:
        """When each worker that owes a reply has owed it for too long."""
        for worker in self._workers:
            if not (worker.ready or worker.doomed):
                yield worker, worker.started_at + self._settings.start_timeout
        for channel in self._aside:
            if channel.worker.ready and not channel.worker.doomed:
                yield channel.worker, channel.overran_at + self._settings.stuck_after

    def _patience(self) -> float | None:
        """How long to wait for events before time itself becomes one."""
        moments = [moment for _, moment in self._overdue_moments()]
        if self._missing():
            moments.append(self._next_start)
        if not moments:
            return None
        return max(0.0, min(moments) - time.monotonic())
