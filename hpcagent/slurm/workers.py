"""The pool of worker processes: calls into libslurm that keep their deadline whatever it does.

A call takes a free channel, sends one frame and waits for one frame, in the caller's own thread.
If the deadline passes first, the caller leaves, and the channel is set aside until its late reply
has come; if the worker dies, the caller is told so at once. Both cost only the calls concerned.
``hpcagent.slurm.supervisor`` keeps the workers alive.
"""

import threading
from collections import deque
from collections.abc import Mapping

from hpcagent.jobs.deadline import Deadline
from hpcagent.slurm import wire
from hpcagent.slurm.process import Channel, PoolSettings, Worker
from hpcagent.slurm.supervisor import Supervisor


class NoWorkerError(Exception):
    """No channel became free before the deadline: nothing was sent. ``alive``: all are busy."""

    def __init__(self, *, alive: bool) -> None:
        super().__init__("all workers are busy" if alive else "no worker is running")
        self.alive = alive


class CallOverranError(Exception):
    """The deadline passed while the call was being carried out."""


class WorkerDiedError(Exception):
    """The worker died while the call was being carried out."""


class WorkerPool:
    """A fixed number of worker processes. ``call`` is safe from any number of threads."""

    def __init__(self, settings: PoolSettings, environment: Mapping[str, str]) -> None:
        self._free: deque[Channel] = deque()
        self._state = threading.Condition()
        self._start_timeout = settings.start_timeout
        self._supervisor = Supervisor(settings, environment, self)

    def start(self) -> None:
        """Start the workers; return when the first is ready, raise NoWorkerError if none can."""
        self._supervisor.start()
        with self._state:
            self._state.wait_for(self._settled, self._start_timeout)
            if not self._free:
                raise NoWorkerError(alive=False)

    def call(self, operation: str, deadline: Deadline, **arguments: object) -> wire.Reply:
        """Carry out an operation of ``worker.calls`` and return its reply, Done or Failed.

        Raises NoWorkerError (nothing was sent), CallOverranError, WorkerDiedError (it may have
        been carried out).
        """
        call = wire.Call(operation, arguments)
        while True:
            channel = self._take(deadline)
            try:
                wire.send(channel.socket, call)
            except wire.ChannelClosedError:
                channel.socket.close()
                continue  # the worker never saw the whole call, so it did nothing: take another
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
            self._state.wait_for(self._all_idle, deadline.remaining())
        self._supervisor.stop()

    # ------------------------------------------------------------------ from the supervisor

    def admit(self, worker: Worker) -> None:
        """Give the channels of a worker that is ready to callers."""
        with self._state:
            worker.ready = True
            worker.idle = len(worker.channels)
            for channel in worker.channels:
                channel.busy = False
            self._free.extend(worker.channels)
            self._state.notify_all()

    def dismiss(self, worker: Worker) -> None:
        """Take a worker's free channels away from callers; it ends when the last is idle."""
        with self._state:
            worker.retired = True
            self._free = deque(channel for channel in self._free if channel.worker is not worker)
            if worker.idle == len(worker.channels):
                worker.kill()
            self._state.notify_all()

    def release(self, channel: Channel) -> None:
        """Take back a channel whose call is over."""
        worker = channel.worker
        with self._state:
            worker.idle += 1
            channel.busy = False
            if not worker.retired:
                self._free.append(channel)
            elif worker.idle == len(worker.channels):
                worker.kill()
            self._state.notify_all()

    # ------------------------------------------------------------------ the caller's side

    def _take(self, deadline: Deadline) -> Channel:
        with self._state:
            if not self._state.wait_for(lambda: self._free, deadline.remaining()):
                raise NoWorkerError(alive=bool(self.pids()))
            channel = self._free.popleft()
            channel.worker.idle -= 1
            channel.busy = True
            return channel

    def _wait(self, channel: Channel, deadline: Deadline) -> wire.Reply:
        try:
            reply = wire.receive_reply(channel.socket, deadline)
        except wire.ChannelTimeoutError as error:
            self._supervisor.set_aside(channel)
            raise CallOverranError from error
        except wire.ChannelClosedError as error:
            channel.socket.close()
            raise WorkerDiedError from error
        self.release(channel)
        return reply

    def _settled(self) -> bool:
        return bool(self._free) or bool(self.last_failure)

    def _all_idle(self) -> bool:
        return self._supervisor.all_idle()

    def notify(self) -> None:
        """Let those who wait look again."""
        with self._state:
            self._state.notify_all()
