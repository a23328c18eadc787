"""A cluster at hand that one may break: a private Slurm in a directory of its own.

Tests, the demo, and whoever writes a scheduler against hpcagent need a Slurm whose slurmctld they
may kill and whose queue they may fill. A sandbox is one: Debian's real daemons on free loopback
ports, ready in well under a second, several at once, with users that exist nowhere else, and
without a trace in the machine's accounts or in a Slurm that is installed.
"""

from hpcagent.sandbox.cluster import Sandbox
from hpcagent.sandbox.configuration import Settings
from hpcagent.sandbox.daemon import Daemon
from hpcagent.sandbox.errors import (
    DaemonError,
    MissingPackagesError,
    NotASandboxError,
    SandboxError,
)

__all__ = [
    "Daemon",
    "DaemonError",
    "MissingPackagesError",
    "NotASandboxError",
    "Sandbox",
    "SandboxError",
    "Settings",
]
