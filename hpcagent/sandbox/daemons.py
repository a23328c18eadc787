"""Which daemons a sandbox has, and how each is started."""

from collections.abc import Mapping
from dataclasses import dataclass

from hpcagent.sandbox import accounting, accounts, leftovers, ports, readiness
from hpcagent.sandbox.accounting import AccountingDaemons
from hpcagent.sandbox.configuration import Ports, node_names
from hpcagent.sandbox.daemon import Daemon, DaemonSpec
from hpcagent.sandbox.layout import Layout
from hpcagent.sandbox.packages import Programs, find_accounting_programs, search_path

_MUNGE_THREADS = 10
"""What Slurm's own error message advises for a munged that is kept busy (auth_munge.c)."""


def client_environment(layout: Layout, programs: Programs) -> dict[str, str]:
    """What a process needs in its environment to be a client of the sandbox."""
    return {
        "SLURM_CONF": str(layout.conf),
        **accounts.environment(layout, programs.nss_wrapper),
    }


@dataclass(frozen=True, slots=True)
class Daemons:
    """Handles on all daemons of one sandbox, whether they run or not."""

    munged: Daemon
    accounting: AccountingDaemons | None
    slurmctld: Daemon
    slurmd: tuple[Daemon, ...]

    @property
    def all(self) -> tuple[Daemon, ...]:
        """In the order in which they are started."""
        database = (self.accounting.mariadb, self.accounting.slurmdbd) if self.accounting else ()
        return (self.munged, *database, self.slurmctld, *self.slurmd)


def daemon_environment(layout: Layout, programs: Programs) -> dict[str, str]:
    """What every daemon of the sandbox has in its environment."""
    return {
        "PATH": search_path(),
        "LANG": "C.UTF-8",
        **client_environment(layout, programs),
        **leftovers.mark(layout),
    }


def daemons(layout: Layout, programs: Programs, numbers: Ports) -> Daemons:
    """The daemons of the sandbox in ``layout``."""
    environment = daemon_environment(layout, programs)
    database = None
    if numbers.slurmdbd is not None:
        found = find_accounting_programs()
        database = accounting.daemons(layout, found, numbers.slurmdbd, environment)
    return Daemons(
        accounting=database,
        munged=Daemon(_munged(layout, programs, environment)),
        slurmctld=Daemon(_slurmctld(layout, programs, numbers, environment)),
        slurmd=tuple(
            Daemon(_slurmd(layout, programs, name, port, environment))
            for name, port in zip(node_names(len(numbers.slurmd)), numbers.slurmd, strict=True)
        ),
    )


def _munged(layout: Layout, programs: Programs, environment: Mapping[str, str]) -> DaemonSpec:
    return DaemonSpec(
        name="munged",
        argv=(
            programs.munged,
            "--foreground",
            "--force",  # below an XDG_RUNTIME_DIR, which is closed to others, it would refuse
            f"--num-threads={_MUNGE_THREADS}",
            f"--key-file={layout.munge_key}",
            f"--socket={layout.munge_socket}",
            f"--pid-file={layout.run}/munged.pid",
            f"--log-file={layout.log}/munged.log",
            f"--seed-file={layout.state}/munged.seed",
        ),
        environment=environment,
        is_ready=lambda: readiness.accepts(layout.munge_socket),
        record=layout.run / "munged.json",
        output=layout.log / "munged.out",
    )


def _slurmctld(
    layout: Layout,
    programs: Programs,
    numbers: Ports,
    environment: Mapping[str, str],
) -> DaemonSpec:
    return DaemonSpec(
        name="slurmctld",
        argv=(programs.slurmctld, "-D", "-f", str(layout.conf)),
        environment=environment,
        is_ready=lambda: ports.is_listening(numbers.slurmctld),
        record=layout.run / "slurmctld.json",
        output=layout.log / "slurmctld.out",
    )


def _slurmd(
    layout: Layout,
    programs: Programs,
    node: str,
    port: int,
    environment: Mapping[str, str],
) -> DaemonSpec:
    return DaemonSpec(
        name=f"slurmd-{node}",
        argv=(programs.slurmd, "-D", "-N", node, "-f", str(layout.conf)),
        environment=environment,
        is_ready=lambda: ports.is_listening(port),
        record=layout.run / f"slurmd-{node}.json",
        output=layout.log / f"slurmd-{node}.out",
    )
