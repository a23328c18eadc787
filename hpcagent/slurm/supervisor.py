"""Keeps the worker processes alive: one thread that starts, admits, watches and buries them.

It waits for four kinds of events at once: a new worker's ``hello``, a late reply on a channel that
was set aside, the end of a process (its lifeline), and time (a worker that does not become ready,
or whose call is silent for longer than any time-out that libslurm has).
"""

import contextlib
import os
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Protocol

import structlog

from hpcagent.jobs.deadline import Deadline
from hpcagent.slurm import process, wire
from hpcagent.slurm.process import Channel, PoolSettings, Worker

log = structlog.get_logger(__name__)


class Pool(Protocol):
    """Whom the supervisor hands workers to."""

    def admit(self, worker: Worker) -> None:
        """Take a worker that is ready."""

    def dismiss(self, worker: Worker) -> None:
        """Give a worker no more calls."""

    def release(self, channel: Channel) -> None:
        """Take a channel that is free again."""

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
        self._late: deque[Channel] = deque()
        self._aside: set[Channel] = set()
        self._next_start = 0.0
        self._stopping = False
        self._bell, self._ear = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._ear, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="worker-supervisor", daemon=True)

    # ------------------------------------------------------------------ from other threads

    def start(self) -> None:
        """Begin to keep workers."""
        self._thread.start()

    def stop(self) -> None:
        """End all workers, whatever they do, and return when they are gone."""
        self._stopping = True
        self._ring()
        self._thread.join()
        self._selector.close()
        self._bell.close()
        self._ear.close()

    def set_aside(self, channel: Channel) -> None:
        """Wait for the late reply of a channel whose caller has left."""
        channel.overran_at = time.monotonic()
        self._late.append(channel)
        self._ring()

    def renew(self) -> None:
        """Replace all workers, one by one, as new ones become ready."""
        for worker in tuple(self._workers):
            worker.outdated = True
        self._ring()

    def pids(self) -> list[int]:
        """Process numbers of the workers that take calls."""
        return [w.pid for w in tuple(self._workers) if w.ready and not w.retired]

    def all_idle(self) -> bool:
        """Whether no call is under way."""
        return all(w.idle == len(w.channels) for w in tuple(self._workers) if w.ready)

    def _ring(self) -> None:
        with contextlib.suppress(OSError):  # stopped: nobody is left to be told
            self._bell.send(b"!")

    # ------------------------------------------------------------------ the thread

    def _run(self) -> None:
        while not self._stopping:
            self._start_missing()
            for key, _ in self._selector.select(self._patience()):
                self._attend(key)
            self._end_overdue()
        for worker in tuple(self._workers):
            worker.kill()
            self._bury(worker)

    def _attend(self, key: selectors.SelectorKey) -> None:
        match key.data:
            case Worker() as worker:
                self._bury(worker)
            case Channel() as channel:
                self._hear(channel)
            case _:
                self._ear.recv(4096)
                while self._late:
                    self._watch(self._late.popleft())

    def _start_missing(self) -> None:
        wanted = self._settings.processes
        current = sum(1 for worker in self._workers if not worker.outdated)
        if current >= wanted or time.monotonic() < self._next_start:
            return
        for _ in range(wanted - current):
            worker = process.start(self._settings.conf, self._settings.threads, self._environment)
            self._workers.add(worker)
            self._selector.register(worker.lifeline, selectors.EVENT_READ, worker)
            self._watch(worker.channels[0])

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
        self._unwatch(channel)
        try:
            wire.receive_reply(channel.socket, Deadline.after(0))
        except (wire.ChannelClosedError, wire.ChannelTimeoutError):
            return  # the lifeline will tell
        if channel.worker.ready:
            log.info("late_reply", worker=channel.worker.pid)
            self._pool.release(channel)
        else:
            self._admit(channel.worker)

    def _unwatch(self, channel: Channel) -> None:
        self._aside.discard(channel)
        self._selector.unregister(channel.socket)

    def _admit(self, worker: Worker) -> None:
        log.info("worker_ready", worker=worker.pid)
        self._pool.admit(worker)
        for old in tuple(self._workers):
            if old.outdated and not old.retired:
                self._pool.dismiss(old)
                return

    def _bury(self, worker: Worker) -> None:
        if worker not in self._workers:
            return
        self._workers.remove(worker)
        self._selector.unregister(worker.lifeline)
        for channel in tuple(self._aside):
            if channel.worker is worker:
                self._unwatch(channel)
                channel.socket.close()
        bidden = worker.retired or self._stopping
        self._pool.dismiss(worker)
        how = worker.bury()
        if bidden:
            log.info("worker_retired", worker=worker.pid)
        else:
            self._mourn(worker, how)
        self._pool.notify()

    def _mourn(self, worker: Worker, how: str) -> None:
        self.last_failure = how
        self.misfit = worker.process.returncode == os.EX_CONFIG
        if not worker.ready:
            self._next_start = time.monotonic() + self._settings.restart_delay
        log.error("worker_died", worker=worker.pid, was_ready=worker.ready, how=how)

    def _end_overdue(self) -> None:
        for worker, moment in tuple(self._overdue_moments()):
            if moment <= time.monotonic():
                log.error("worker_stuck", worker=worker.pid, was_ready=worker.ready)
                worker.kill()

    def _overdue_moments(self) -> Iterator[tuple[Worker, float]]:
        """When each worker that owes a reply has owed it for too long."""
        for channel in self._aside:
            worker = channel.worker
            if worker.ready:
                yield worker, channel.overran_at + self._settings.stuck_after
            else:
                yield worker, worker.started_at + self._settings.start_timeout

    def _patience(self) -> float | None:
        """How long to wait for events before time itself becomes one."""
        moments = [moment for _, moment in self._overdue_moments()]
        if len(self._workers) < self._settings.processes:
            moments.append(self._next_start)
        if not moments:
            return None
        return max(0.0, min(moments) - time.monotonic())
