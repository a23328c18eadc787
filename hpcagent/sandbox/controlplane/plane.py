"""A control plane and its nodes in a directory of their own."""

import contextlib
import shutil
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from hpcagent.sandbox import directories, leftovers, ports
from hpcagent.sandbox.controlplane import files
from hpcagent.sandbox.controlplane.build import Programs, find_programs
from hpcagent.sandbox.controlplane.daemons import Files, Ports, daemons
from hpcagent.sandbox.controlplane.files import Description
from hpcagent.sandbox.daemon import STOP_TIMEOUT, Daemon
from hpcagent.sandbox.errors import SandboxError
from hpcagent.sandbox.layout import Layout

START_TIMEOUT = 90.0
"""Seconds for each daemon. The API server takes five on an idle machine."""


class ControlPlane:
    """A handle on a private Kubernetes; any number of them, in any process, may exist."""

    def __init__(self, layout: Layout, description: Description, programs: Programs) -> None:
        self._layout = layout
        self._description = description
        self._daemons = daemons(layout, programs, description.ports, description.nodes)
        self.ready_in: float | None = None
        """Seconds that ``up`` took, if this handle comes from there."""

    @classmethod
    def up(cls, directory: Path | str | None = None, *, nodes: int = 2) -> Self:
        """Start one and wait until its nodes can be scheduled to.

        ``directory`` must be empty or not yet exist; without it, a new one is made. Raises
        MissingPackagesError, or another SandboxError after everything that was started has been
        taken down again. The first one on a machine builds Kubernetes, which takes minutes.
        """
        programs = find_programs()
        begin = time.monotonic()
        root, made = directories.prepare(None if directory is None else Path(directory))
        layout = Layout(root)
        try:
            plane = cls._start_in(layout, programs, nodes, made_directory=made)
        except BaseException:
            _clear(layout, made_directory=made)
            raise
        plane.ready_in = time.monotonic() - begin
        return plane

    @classmethod
    def _start_in(
        cls, layout: Layout, programs: Programs, nodes: int, *, made_directory: bool
    ) -> Self:
        layout.check()
        with ports.reserve(6, avoid=directories.taken_ports()) as numbers:
            description = Description(nodes, Ports(*numbers), made_directory)
            files.write_all(layout, description, programs)
            plane = cls(layout, description, programs)
            plane.start()
        return plane

    @classmethod
    def open(cls, directory: Path | str) -> Self:
        """A handle on one that some process started earlier. Raises NotASandboxError."""
        layout = Layout(Path(directory).absolute())
        return cls(layout, Description.read(layout), find_programs())

    @staticmethod
    def is_one(directory: Path) -> bool:
        """Whether a directory holds a control plane."""
        return (directory / files.DESCRIPTION).is_file()

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
        """Where everything of it is."""
        return self._layout.root

    @property
    def kubeconfig(self) -> Path:
        """Of an administrator."""
        return self.kubeconfig_of("admin")

    def kubeconfig_of(self, account: str) -> Path:
        """Of one of ``credentials.ACCOUNTS``."""
        return Files(self._layout).kubeconfig(account)

    @property
    def env(self) -> dict[str, str]:
        """What to add to the environment of clients: kubectl, hpcagent, a test."""
        return {"KUBECONFIG": str(self.kubeconfig)}

    @property
    def ports(self) -> Ports:
        """Where its daemons listen."""
        return self._description.ports

    @property
    def apiserver(self) -> Daemon:
        """The API server."""
        return self._daemons.apiserver

    @property
    def nodes(self) -> Daemon:
        """What plays the kubelets of all nodes."""
        return self._daemons.nodes

    @property
    def daemons(self) -> tuple[Daemon, ...]:
        """All of them, in the order in which they are started."""
        return self._daemons.all

    def start(self) -> None:
        """Start every daemon that does not run, and wait until each can be used."""
        for daemon in self.daemons:
            daemon.start(START_TIMEOUT)

    def down(self, *, keep: bool = False) -> None:
        """End every process of it, containers included, and remove its directory.

        ``keep`` leaves the files, to read the logs. Nothing happens if it is down already.
        Raises SandboxError if a process runs on.
        """
        _clear(self._layout, made_directory=self._description.made_directory, keep=keep)


def _clear(layout: Layout, *, made_directory: bool, keep: bool = False) -> None:
    """End all processes, however far the start came, and remove what was written."""
    survivors = leftovers.kill_all(layout, STOP_TIMEOUT)
    if survivors:
        pids = ", ".join(str(process.pid) for process in survivors)
        raise SandboxError(f"{layout.root}: processes {pids} run on after SIGKILL")
    if keep:
        return
    (layout.root / files.DESCRIPTION).unlink(missing_ok=True)
    for path in files.directories(layout):
        if path.exists():
            shutil.rmtree(path)
    if made_directory:
        with contextlib.suppress(FileNotFoundError):
            layout.root.rmdir()
