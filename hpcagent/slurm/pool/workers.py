"""The pool of worker processes: calls into libslurm that keep their deadline whatever it does.

A call takes a free channel, sends one frame and waits for one frame, in the caller's own thread.
If the deadline passes first, the caller leaves, and the channel is set aside until its late reply
has come; if the worker dies, the caller is told so at once. Both cost only the calls concerned.
``hpcagent.slurm.pool.supervisor`` keeps the workers alive.
"""

import threading
from collections import deque
from collections.abc import Mapping

from hpcagent.jobs.deadline import Deadline
from hpcagent.slurm import wire
from hpcagent.slurm.pool.process import Channel, PoolSettings, Worker
from hpcagent.slurm.pool.supervisor import Supervisor


class NoWorkerError(Exception):
    """No channel became free before the deadline: nothing was sent. ``alive``: all are busy."""

    def __init__(self, *, alive: bool) -> None:
        super().__init__("all workers are busy" if alive else "no worker is running")
        self.alive = alive


class NotSentError(Exception):
    """The deadline passed before the call was sent whole: it will not be carried out."""


class CallOverranError(Exception):
    """The deadline passed while the call was being carried out."""


class WorkerDiedError(Exception):
    """The worker died while the call was being carried out."""


_START_MARGIN = 1.0
"""Seconds for ending a worker that was not ready in time, so that it can be told why."""
SEND_SECONDS = 0.1
"""How long past the deadline a worker has to take a call, so that it is not cut off for nothing:
one that waits for calls takes the largest within milliseconds."""


class WorkerPool:
    """A fixed number of worker processes. ``call`` is safe from any number of threads."""

    def __init__(self, settings: PoolSettings, environment: Mapping[str, str]) -> None:
        self._free: deque[Channel] = deque()
        self._closed = False
        lock = threading.Lock()
        self._state = threading.Condition(lock)
        self._freed = threading.Condition(lock)
        """The same lock, for those who wait for a channel: one channel wakes one of them."""
        self._start_timeout = settings.start_timeout
        self._supervisor = Supervisor(settings, environment, self)

    def start(self) -> None:
        """Start the workers; return when the first is ready, raise NoWorkerError if none can."""
        self._supervisor.start()
        with self._state:
            self._state.wait_for(self._settled, self._start_timeout + _START_MARGIN)
            if not self._free:
                raise NoWorkerError(alive=False)

    def call(self, operation: str, deadline: Deadline, **arguments: object) -> wire.Reply:
        """Carry out an operation of ``worker.calls`` and return its reply, Done or Failed.

        Raises NoWorkerError, NotSentError (nothing was done), CallOverranError, WorkerDiedError
        (it may have been carried out).
        """
        call = wire.frame(wire.Call(operation, arguments))
        if deadline.passed:
            raise NotSentError
        while True:
            channel = self._take(deadline)
            try:
                wire.send(channel.socket, call, Deadline(deadline.at + SEND_SECONDS))
            except wire.ChannelClosedError:
                self.abandon(channel)  # it never had the whole call, so did nothing: take another
            except wire.ChannelTimeoutError as error:
                self.abandon(channel)
                raise NotSentError from error
            else:
                return self._wait(channel, deadline)

    def pids(self) -> list[int]:
        """Process numbers of the workers that take calls."""
        return self._supervisor.pids()

    @property
    def last_failure(self) -> str:
        """How the last worker ended that ended unbidden; empty: none has."""
        return self._supervisor.last_failure

    @property
    def misfit(self) -> bool:
        """Whether that worker found what no retry mends: no slurm.conf, or another library."""
        return self._supervisor.misfit

    def renew(self) -> None:
        """Start new workers, which read slurm.conf anew; each retires an old one when ready."""
        self._supervisor.renew()

    def close(self, deadline: Deadline) -> None:
        """End all workers, but wait for their calls until the deadline."""
        with self._state:
            self._state.wait_for(self._supervisor.all_idle, deadline.remaining())
        self._supervisor.stop()
        with self._state:
            self._closed = True
            self._freed.notify_all()

    # ------------------------------------------------------------------ from the supervisor

    def admit(self, worker: Worker) -> None:
        """Give the channels of a worker that is ready to callers."""
        with self._state:
            worker.ready = True
            worker.idle = len(worker.channels)
            self._free.extend(worker.channels)
            self._freed.notify(len(worker.channels))
            self._state.notify_all()

    def dismiss(self, worker: Worker) -> None:
        """Take a worker's free channels away from callers; it ends when the last is idle."""
        with self._state:
            self._retire(worker)
            self._end_if_idle(worker)

    def forget(self, worker: Worker) -> None:
        """Let go of a worker whose process has ended. Who uses a channel of it closes that."""
        with self._state:
            self._retire(worker)
            worker.gone = True
            for channel in worker.channels:
                if not channel.busy:
                    channel.socket.close()
            self._state.notify_all()

    def release(self, channel: Channel) -> None:
        """Take back a channel whose call is over."""
        with self._state:
            self._settle(channel)
            if not channel.worker.retired:
                self._free.append(channel)
                self._freed.notify()

    def abandon(self, channel: Channel) -> None:
        """Let go of a channel over which nothing will come any more, and replace its worker.

        Most often that has ended. If not, the end of the channel shows its thread that it may go.
        """
        with self._state:
            channel.socket.close()
            self._settle(channel)
        self._supervisor.replace(channel.worker)

    def notify(self) -> None:
        """Let those who wait look again."""
        with self._state:
            self._state.notify_all()

    # ------------------------------------------------------------------ with the lock held

    def _retire(self, worker: Worker) -> None:
        worker.retired = True
        self._free = deque(channel for channel in self._free if channel.worker is not worker)

    def _settle(self, channel: Channel) -> None:
        """Note that a channel's call is over."""
        channel.busy = False
        channel.worker.idle += 1
        if channel.worker.gone:
            channel.socket.close()
        elif channel.worker.retired:
            self._end_if_idle(channel.worker)
        self._state.notify_all()

    def _end_if_idle(self, worker: Worker) -> None:
        if worker.idle == len(worker.channels):
            worker.kill()

    # ------------------------------------------------------------------ the caller's side

    def _take(self, deadline: Deadline) -> Channel:
        with self._freed:
            self._freed.wait_for(lambda: self._free or self._closed, deadline.remaining())
            if not self._free:
                raise NoWorkerError(alive=bool(self.pids()) and not self._closed)
            channel = self._free.popleft()
            channel.worker.idle -= 1
            channel.busy = True
            return channel

    def _wait(self, channel: Channel, deadline: Deadline) -> wire.Reply:
        try:
            reply = channel.inbox.reply(deadline)
        except wire.ChannelTimeoutError as error:
            self._supervisor.set_aside(channel)
            raise CallOverranError from error
        except wire.ChannelClosedError as error:
            self.abandon(channel)
            raise WorkerDiedError from error
        self.release(channel)
        return reply

    def _settled(self) -> bool:
        return bool(self._free) or bool(self.last_failure)
