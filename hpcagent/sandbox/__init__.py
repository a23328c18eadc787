"""A cluster at hand that one may break: a private Slurm, or Kubernetes, in its own directory.

Tests, the demo, and whoever writes a scheduler against hpcagent need a Slurm whose slurmctld they
may kill and whose queue they may fill. A sandbox is one: Debian's real daemons on free loopback
ports, ready in well under a second, several at once, with users that exist nowhere else, and
without a trace in the machine's accounts or in a Slurm that is installed. A ``ControlPlane`` is
the same with Kubernetes in the place of Slurm.
"""

from pathlib import Path

from hpcagent.sandbox.cluster import Sandbox
from hpcagent.sandbox.configuration import Settings
from hpcagent.sandbox.controlplane import ControlPlane
from hpcagent.sandbox.daemon import Daemon
from hpcagent.sandbox.errors import (
    DaemonError,
    MissingPackagesError,
    NotASandboxError,
    SandboxError,
)

__all__ = [
    "ControlPlane",
    "Daemon",
    "DaemonError",
    "MissingPackagesError",
    "NotASandboxError",
    "Sandbox",
    "SandboxError",
    "Settings",
    "open_any",
]


def open_any(directory: Path | str) -> Sandbox | ControlPlane:
    """A handle on a sandbox of either kind. Raises NotASandboxError."""
    kind = ControlPlane if ControlPlane.is_one(Path(directory)) else Sandbox
    return kind.open(directory)
