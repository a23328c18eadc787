"""Pools of worker processes, and a slurmctld that takes requests and never answers."""

import os
import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from slurm_commands import wait_until

from hpcagent.jobs.deadline import Deadline
from hpcagent.slurm import wire
from hpcagent.slurm.pool.process import PoolSettings
from hpcagent.slurm.pool.workers import WorkerDiedError, WorkerPool

PATIENCE = 20.0
"""Seconds within which whatever a test waits for must come about."""
AT_ONCE = 2.0
"""Seconds that are soon enough on a machine that is busy with other tests."""

CONF = """
ClusterName=silent
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={port}
AuthType=auth/none
MessageTimeout=60
NodeName=n1
PartitionName=p1 Nodes=n1
"""


@contextmanager
def pool_of(
    conf: Path | str, environment: Mapping[str, str] | None = None, **settings: float
) -> Iterator[WorkerPool]:
    """Run a pool, by default of two workers with two channels each, all of them ready."""
    chosen = replace(PoolSettings(str(conf), processes=2, threads=2), **settings)  # type: ignore[arg-type]
    pool = WorkerPool(chosen, {**os.environ, **(environment or {})})
    try:
        pool.start()
        wait_until(lambda: is_whole(pool, chosen), "all workers are ready")
        yield pool
    finally:
        pool.close(Deadline.after(0))


def is_whole(pool: WorkerPool, settings: PoolSettings) -> bool:
    """Tell whether every channel that the pool should have is free, and no other."""
    workers = pool._supervisor._workers
    return (
        len(pool._free) == len(set(map(id, pool._free))) == settings.processes * settings.threads
        and len(pool.pids()) == len(workers) == settings.processes
        and pool._supervisor.all_idle()
        and not pool._supervisor._aside
    )


def settings_of(pool: WorkerPool) -> PoolSettings:
    """Return what the pool was made with."""
    return pool._supervisor._settings


def becomes_whole(pool: WorkerPool) -> None:
    """Wait until no channel is lost, out or too many."""
    wait_until(lambda: is_whole(pool, settings_of(pool)), "every channel is free again")


def ask(pool: WorkerPool, operation: str = "hello", seconds: float = PATIENCE) -> wire.Reply:
    """Make a call that needs no arguments."""
    return pool.call(operation, Deadline.after(seconds))


def answered(pool: WorkerPool) -> wire.Reply:
    """Ask until a worker lives long enough to answer."""
    while True:
        try:
            return ask(pool)
        except WorkerDiedError:
            continue


def descriptors() -> set[str]:
    """What this process has open, by number and by what it is."""
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found.add(f"{entry.name} {entry.readlink()}")
        except FileNotFoundError:  # the directory itself
            continue
    return found


class Silent:
    """Plays a slurmctld that has been stopped: the kernel takes its calls, nobody answers."""

    def __init__(self, directory: Path) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._listener.settimeout(PATIENCE)
        self._connections: list[socket.socket] = []
        self._threads = ThreadPoolExecutor()
        self.conf = directory / "slurm.conf"
        self.conf.write_text(CONF.format(port=self._listener.getsockname()[1]))

    def ask(self, pool: WorkerPool, calls: int, seconds: float) -> "list[Future[wire.Reply]]":
        """Begin so many calls; return when all of them are in libslurm."""
        asked = [self._threads.submit(ask, pool, "ping", seconds) for _ in range(calls)]
        for _ in range(calls):
            self._connections.append(self._listener.accept()[0])
        return asked

    def hang_up(self) -> None:
        """End every call that is in libslurm."""
        while self._connections:
            self._connections.pop().close()

    def close(self) -> None:
        """End with all calls."""
        self._listener.close()
        self.hang_up()
        self._threads.shutdown()


@contextmanager
def silent(directory: Path) -> Iterator[Silent]:
    """One that ends with all calls to it."""
    listener = Silent(directory)
    try:
        yield listener
    finally:
        listener.close()
