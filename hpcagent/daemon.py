"""The daemon's life: the parts put together, systemd told, signals heeded, and no work lost.

Signals are blocked before the first thread starts and taken one by one in the main thread, so that
no handler ever interrupts a call. The first SIGTERM drains: nobody is turned away who has been let
in. The second one ends the process at once, as the kernel does it by default.
"""

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import prometheus_client
import structlog

from hpcagent import config, log, sdnotify, state
from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.task_backend import TaskBackend
from hpcagent.jobs.watch import ChangeLog
from hpcagent.journal import FileJournal
from hpcagent.server import listen
from hpcagent.server.build import Server, build
from hpcagent.slurm.scheduler import SlurmScheduler

STOPPING: Final = frozenset({signal.SIGTERM, signal.SIGINT})
HEEDED: Final = STOPPING | {signal.SIGHUP}

logger = structlog.get_logger(__name__)


class ClientMissingError(Exception):
    """Kubernetes is enabled, and its client library is not installed."""


def run(file: Path) -> None:
    """Serve what a file of settings says, until SIGTERM or SIGINT, and return when all is done.

    Raises ConfigError, LibraryUnusableError (libslurm cannot work here), ClientMissingError,
    StateError (its directory cannot be used) or ListenError (an address cannot be used) if the
    daemon cannot start.
    """
    settings = config.load(file)
    signal.pthread_sigmask(signal.SIG_BLOCK, HEEDED)
    log.configure(settings.log.level, settings.log.format)
    if exposure := config.exposure(file):
        logger.warning("config_exposed", trouble=exposure)
    listen.refuse_taken(settings.server.unix)
    with ExitStack() as stack:
        directory = stack.enter_context(state.claimed(settings.state))
        changes = stack.enter_context(state.changes(directory, state.SLURM_CHANGES))
        journal = stack.enter_context(state.journal(directory))
        slurm = stack.enter_context(_slurm(settings, changes, journal))
        tasks = stack.enter_context(_kubernetes(settings, directory))
        stack.enter_context(_metrics(settings.metrics))
        server = stack.enter_context(_server(settings, slurm, tasks))
        SignalLoop(file, settings, slurm, server).run()
    logger.info("stopped")


# ---------------------------------------------------------------- the parts, ended in reverse order


@contextmanager
def _slurm(
    settings: config.Config, changes: ChangeLog, journal: FileJournal
) -> Iterator[SlurmScheduler | None]:
    if not settings.slurm.enabled:
        yield None
        return
    keep_days = settings.state.keep_days
    slurm = SlurmScheduler(settings.slurm, settings.policy, changes, journal, keep_days)
    slurm.start()
    try:
        yield slurm
    finally:
        # The server has waited for all calls that had come from outside.
        slurm.close(Deadline.after(0))


@contextmanager
def _kubernetes(settings: config.Config, directory: Path | None) -> Iterator[TaskBackend | None]:
    if not settings.kubernetes.enabled:
        yield None
        return
    try:
        # The library is an extra, and takes 50 MB of memory: only those pay for it who use it.
        from hpcagent.k8s import lifetime  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ClientMissingError(str(error)) from error
    threads = settings.server.threads
    with ExitStack() as stack:
        changes = stack.enter_context(state.changes(directory, state.KUBERNETES_CHANGES))
        backend = lifetime.running(
            settings.kubernetes, settings.policy, threads, changes, directory
        )
        try:
            tasks = stack.enter_context(backend)
        except sqlite3.Error as error:
            raise state.StateError(f"{directory}: {error}") from error
        yield tasks


@contextmanager
def _metrics(settings: config.Metrics) -> Iterator[None]:
    if not settings.listen:
        yield
        return
    host, _, port = settings.listen.rpartition(":")
    try:
        server, thread = prometheus_client.start_http_server(int(port), host.strip("[]"))
    except OSError as error:
        raise listen.ListenError(f"cannot listen on {settings.listen}: {error.strerror}") from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def _server(
    settings: config.Config, slurm: SlurmScheduler | None, tasks: TaskBackend | None
) -> Iterator[Server]:
    server = build(settings.server, slurm, tasks)
    server.start()
    try:
        yield server
    finally:
        server.stop(settings.server.drain)


# ---------------------------------------------------------------------------- between start and end


class SignalLoop:
    """The main thread while others serve: waits for signals, and pings systemd."""

    def __init__(
        self, file: Path, settings: config.Config, slurm: SlurmScheduler | None, server: Server
    ) -> None:
        self._file = file
        self._settings = settings
        self._slurm = slurm
        self._server = server
        self._looks = 0

    def run(self) -> None:
        """Serve until a signal says to stop, and let the next one end the process at once."""
        logger.info("ready", **self._addresses(), config=self._file, pid=os.getpid())
        _tell(sdnotify.ready, self._status())
        while (taken := self._next()).si_signo == signal.SIGHUP:
            self._reload()
        grace = self._settings.server.drain
        logger.info("draining", signal=signal.Signals(taken.si_signo).name, grace_seconds=grace)
        _tell(sdnotify.stopping, f"letting calls end, for {grace:g} s at most")
        for number in STOPPING:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)

    def _next(self) -> signal.struct_siginfo:
        patience = sdnotify.watchdog_seconds()
        if patience is None:
            return signal.sigwaitinfo(HEEDED)
        while (taken := signal.sigtimedwait(HEEDED, patience / 2)) is None:
            self.ping()
        return taken

    def ping(self) -> None:
        """Tell systemd that the daemon lives, which is only true while health is looked at."""
        looks = self._server.health_looks
        if looks == self._looks:
            logger.error("health_stands_still")
            return
        self._looks = looks
        _tell(sdnotify.watchdog)

    def _reload(self) -> None:
        _tell(sdnotify.reloading)
        try:
            new = config.load(self._file)
        except config.ConfigError as error:
            _refuse(error)
        else:
            self._take_up(new)
        _tell(sdnotify.ready, self._status())

    def _take_up(self, new: config.Config) -> None:
        changed = frozenset(config.changes(self._settings, new))
        log.set_level(new.log.level)
        if self._slurm is not None:
            self._slurm.renew()
        logger.info("reloaded", log_level=new.log.level)
        if waiting := sorted(changed - config.RELOADABLE):
            logger.warning("restart_needed", settings=waiting)

    def _addresses(self) -> dict[str, str]:
        settings = self._settings
        found = {"unix": settings.server.unix, "tcp": settings.server.tcp}
        return {kind: address for kind, address in found.items() if address}

    def _status(self) -> str:
        where = ", ".join(f"{kind}:{address}" for kind, address in self._addresses().items())
        return f"serving on {where}"


def _refuse(error: config.ConfigError) -> None:
    logger.error("reload_refused", faults=[str(fault) for fault in error.faults])


def _tell(message: Callable[..., None], *words: str) -> None:
    """Send systemd a message; that it is gone is no reason to end."""
    try:
        message(*words)
    except OSError as error:
        logger.warning("systemd_not_told", message=message.__name__, trouble=str(error))
