"""A private Slurm: munged, slurmctld and some slurmd in a directory of their own."""

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from hpcagent.sandbox import accounts, directories, leftovers, ports, readiness
from hpcagent.sandbox.accounting import Accounting, AccountingDaemons
from hpcagent.sandbox.configuration import Ports, Settings, node_names
from hpcagent.sandbox.daemon import START_TIMEOUT, STOP_TIMEOUT, Daemon
from hpcagent.sandbox.daemons import client_environment, daemon_environment, daemons
from hpcagent.sandbox.errors import DaemonError, SandboxError
from hpcagent.sandbox.files import Description, write_all
from hpcagent.sandbox.layout import Layout
from hpcagent.sandbox.packages import Programs, find_accounting_programs, find_programs

_POLL_INTERVAL = 0.01
"""Seconds between two looks at the nodes' states."""


class Sandbox:
    """A handle on a sandbox; any number of them, in any process, may exist."""

    def __init__(self, layout: Layout, description: Description, programs: Programs) -> None:
        self._layout = layout
        self._description = description
        self._programs = programs
        self._daemons = daemons(layout, programs, description.ports)
        self.ready_in: float | None = None
        """Seconds that ``up`` took, if this handle comes from there."""

    @classmethod
    def up(
        cls,
        directory: Path | str | None = None,
        *,
        nodes: int = 2,
        job_submit_lua: str | None = None,
        names_in_jobs: bool = False,
        conf: Mapping[str, str] | None = None,
        accounting: bool = False,
    ) -> Self:
        """Start a sandbox and wait until all its nodes are idle.

        ``directory`` must be empty or not yet exist; without it, a new one is made. The rest is
        explained in ``Settings``. Raises MissingPackagesError, or another SandboxError with the
        reason after everything that was started has been taken down again.
        """
        settings = Settings(nodes, job_submit_lua, names_in_jobs, conf or {}, accounting)
        begin = time.monotonic()
        programs = find_programs()
        if accounting:
            find_accounting_programs()
        root, made = directories.prepare(None if directory is None else Path(directory))
        layout = Layout(root)
        try:
            sandbox = cls._start_in(layout, settings, programs, made_directory=made)
        except BaseException:
            _clear(layout, made_directory=made)
            raise
        sandbox.ready_in = time.monotonic() - begin
        return sandbox

    @classmethod
    def _start_in(
        cls, layout: Layout, settings: Settings, programs: Programs, *, made_directory: bool
    ) -> Self:
        layout.check()
        daemons_with_ports = 1 + settings.accounting + settings.nodes
        with ports.reserve(daemons_with_ports, avoid=directories.taken_ports()) as free:
            slurmctld, *others = free
            slurmdbd = others.pop() if settings.accounting else None
            numbers = Ports(slurmctld, tuple(others), slurmdbd)
            description = Description(settings, numbers, made_directory)
            write_all(layout, description, programs.nss_wrapper)
            sandbox = cls(layout, description, programs)
            sandbox.make_database()
            sandbox.start()
        return sandbox

    @classmethod
    def open(cls, directory: Path | str) -> Self:
        """A handle on a sandbox that some process started earlier.

        It is always named: one that is merely found may be somebody else's, in the middle of a
        test. Raises NotASandboxError.
        """
        layout = Layout(Path(directory).absolute())
        return cls(layout, Description.read(layout), find_programs())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.down()

    @property
    def directory(self) -> Path:
        """Where everything of this sandbox is."""
        return self._layout.root

    @property
    def conf(self) -> Path:
        """Its slurm.conf."""
        return self._layout.conf

    @property
    def munge_socket(self) -> Path:
        """Where its munged listens."""
        return self._layout.munge_socket

    @property
    def env(self) -> dict[str, str]:
        """What to add to the environment of clients: Slurm's commands, hpcagent, a test."""
        return client_environment(self._layout, self._programs)

    @property
    def users(self) -> tuple[accounts.User, ...]:
        """Its users, with homes in the sandbox; root and the calling user exist besides."""
        return accounts.people(self._layout)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of its nodes."""
        return node_names(self._description.settings.nodes)

    @property
    def munged(self) -> Daemon:
        """Who vouches for the identity of each caller."""
        return self._daemons.munged

    @property
    def slurmctld(self) -> Daemon:
        """The controller."""
        return self._daemons.slurmctld

    @property
    def mariadb(self) -> Daemon:
        """What keeps the accounts. Raises SandboxError if there is no accounting."""
        return self._accounting.mariadb

    @property
    def slurmdbd(self) -> Daemon:
        """Who keeps the accounts. Raises SandboxError if there is no accounting."""
        return self._accounting.slurmdbd

    @property
    def _accounting(self) -> AccountingDaemons:
        if self._daemons.accounting is None:
            raise SandboxError(f"{self.directory} has no accounting")
        return self._daemons.accounting

    @property
    def slurmd(self) -> tuple[Daemon, ...]:
        """One for each node, in the order of ``nodes``."""
        return self._daemons.slurmd

    @property
    def daemons(self) -> tuple[Daemon, ...]:
        """All of them, in the order in which they are started."""
        return self._daemons.all

    def start(self) -> None:
        """Start every daemon that does not run, and wait until all nodes can be used."""
        for daemon in self.daemons:
            daemon.start()
        self.wait_until_idle()

    def make_database(self) -> None:
        """Put the accounting database in place and start its daemons, if there is accounting."""
        found = self._daemons.accounting
        if found is None:
            return
        self.munged.start()
        environment = daemon_environment(self._layout, self._programs)
        database = Accounting(self._layout, find_accounting_programs(), found, environment)
        database.start(self._description.settings.cluster)

    def node_states(self, timeout: float = START_TIMEOUT) -> dict[str, str]:
        """Each node's state in sinfo's words; empty while slurmctld does not answer."""
        return readiness.node_states(self._programs.sinfo, self.env, timeout)

    def wait_until_idle(self, timeout: float = START_TIMEOUT) -> None:
        """Wait until all nodes are registered and idle; raises DaemonError if that takes longer."""
        deadline = time.monotonic() + timeout
        wanted = dict.fromkeys(self.nodes, "idle")
        while (states := self.node_states(timeout)) != wanted:
            if time.monotonic() > deadline:
                tails = "\n".join(f"{daemon.name}:\n{daemon.tail()}" for daemon in self.daemons)
                raise DaemonError(f"nodes are {states} after {timeout} s\n{tails}")
            for daemon in self.daemons:
                if daemon.pid is None:
                    raise DaemonError(f"{daemon.name} ended by itself:\n{daemon.tail()}")
            time.sleep(_POLL_INTERVAL)

    def down(self, *, keep: bool = False) -> None:
        """End every process of this sandbox, jobs included, and remove its directory.

        ``keep`` leaves the files, to read the logs. Nothing happens if it is down already.
        Raises SandboxError if a process runs on.
        """
        _clear(self._layout, made_directory=self._description.made_directory, keep=keep)


def _clear(layout: Layout, *, made_directory: bool, keep: bool = False) -> None:
    """End all processes of a sandbox, however far it came, and remove what it wrote."""
    survivors = leftovers.kill_all(layout, STOP_TIMEOUT)
    if survivors:
        pids = ", ".join(str(process.pid) for process in survivors)
        raise SandboxError(f"{layout.root}: processes {pids} run on after SIGKILL")
    if keep:
        return
    layout.description.unlink(missing_ok=True)
    for path in (*layout.directories, layout.database):
        if path.exists():
            shutil.rmtree(path)
    if made_directory and layout.root.exists():
        layout.root.rmdir()
