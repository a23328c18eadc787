"""Accounting for a sandbox: a private MariaDB and slurmdbd, with accounts, users and QOS in it.

To make a database takes seconds, to copy one does not. So the first sandbox with accounting makes
one, and leaves a copy of it in the user's cache, from which the others start. MariaDB listens on a
socket in a directory that is closed to others, and asks nobody for a password; it has no network.
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hpcagent.sandbox import accounts, ports, readiness, tenants
from hpcagent.sandbox.daemon import Daemon, DaemonSpec
from hpcagent.sandbox.errors import DaemonError, SandboxError
from hpcagent.sandbox.layout import Layout
from hpcagent.sandbox.packages import AccountingPrograms
from hpcagent.sandbox.ports import LOOPBACK

_DATABASE = "slurm_acct_db"
_FORMAT = 1
"""Of a copy in the cache; to be raised when what is in it is made differently."""

_INSTALL_TIMEOUT = 120.0
"""Seconds; takes five on an idle machine."""

_SMALL = (
    "--innodb-log-file-size=4M",
    "--innodb-buffer-pool-size=32M",
    "--innodb-temp-data-file-path=ibtmp1:1M:autoextend",
)
"""A few thousand jobs are the most that it will hold."""
_CARELESS = ("--innodb-flush-method=nosync", "--innodb-flush-log-at-trx-commit=0")
"""It does not outlive the machine, so that nothing has to reach the disk."""


@dataclass(frozen=True, slots=True)
class AccountingDaemons:
    """Handles on the daemons of a sandbox's accounting."""

    mariadb: Daemon
    slurmdbd: Daemon


def daemons(
    layout: Layout, programs: AccountingPrograms, port: int, environment: Mapping[str, str]
) -> AccountingDaemons:
    """The daemons of the accounting in ``layout``; slurmdbd listens on ``port``."""
    return AccountingDaemons(
        mariadb=Daemon(_mariadb(layout, programs, environment)),
        slurmdbd=Daemon(_slurmdbd(layout, programs, port, environment)),
    )


def _mariadb(
    layout: Layout, programs: AccountingPrograms, environment: Mapping[str, str]
) -> DaemonSpec:
    return DaemonSpec(
        name="mariadb",
        argv=(
            programs.mariadbd,
            "--no-defaults",
            f"--user={accounts.caller().name}",
            f"--datadir={layout.database}",
            f"--socket={layout.database_socket}",
            f"--pid-file={layout.run}/mariadb.pid",
            "--skip-networking",
            "--skip-grant-tables",
            "--innodb-lock-wait-timeout=900",  # as slurmdbd wants it
            *_SMALL,
            *_CARELESS,
        ),
        environment=environment,
        is_ready=lambda: readiness.accepts(layout.database_socket),
        record=layout.run / "mariadb.json",
        output=layout.log / "mariadb.out",
    )


def _slurmdbd(
    layout: Layout, programs: AccountingPrograms, port: int, environment: Mapping[str, str]
) -> DaemonSpec:
    return DaemonSpec(
        name="slurmdbd",
        argv=(programs.slurmdbd, "-D"),
        # Where libmariadb looks for the server: slurmdbd.conf has no word for a socket.
        environment={**environment, "MYSQL_UNIX_PORT": str(layout.database_socket)},
        is_ready=lambda: ports.is_listening(port),
        record=layout.run / "slurmdbd.json",
        output=layout.log / "slurmdbd.out",
    )


def slurmdbd_conf(layout: Layout, port: int, slurm_user: str) -> str:
    """The text of slurmdbd.conf, which Slurm looks for beside slurm.conf."""
    conf = {
        "AuthType": "auth/munge",
        "AuthInfo": f"socket={layout.munge_socket}",
        "CommunicationParameters": "NoInAddrAny",
        "DbdHost": "localhost",
        "DbdAddr": LOOPBACK,
        "DbdPort": str(port),
        "DebugLevel": "info",
        "LogFile": f"{layout.log}/slurmdbd.log",
        "PidFile": f"{layout.run}/slurmdbd.pid",
        "SlurmUser": slurm_user,
        "StorageHost": "localhost",
        "StorageLoc": _DATABASE,
        "StorageType": "accounting_storage/mysql",
        "StorageUser": slurm_user,
    }
    return "".join(f"{key}={value}\n" for key, value in conf.items())


def slurm_conf(layout: Layout, port: int) -> dict[str, str]:
    """What slurm.conf has beside, so that slurmctld keeps accounts and limits are real."""
    return {
        "AccountingStorageType": "accounting_storage/slurmdbd",
        "AccountingStorageHost": LOOPBACK,
        "AccountingStoragePort": str(port),
        "AccountingStoragePass": str(layout.munge_socket),  # AuthInfo is for slurmctld only
        "AccountingStorageEnforce": "associations,limits,qos",
        "AccountingStorageTRES": "gres/gpu,license/matlab",
        "AccountingStoreFlags": "job_comment",
        "JobAcctGatherType": "jobacct_gather/linux",
        "JobAcctGatherFrequency": "1",
        "PriorityType": "priority/multifactor",
        "PriorityWeightQOS": "10000",
        "PriorityWeightFairshare": "1000",
        "PreemptType": "preempt/qos",
        "PreemptMode": "REQUEUE",
    }


class Accounting:
    """The database of one sandbox, from nothing to running."""

    def __init__(
        self,
        layout: Layout,
        programs: AccountingPrograms,
        found: AccountingDaemons,
        environment: Mapping[str, str],
    ) -> None:
        self._layout = layout
        self._programs = programs
        self._daemons = found
        self._environment = environment

    def start(self, cluster: str) -> None:
        """Put the database in place and start both daemons; munged runs already."""
        template = _template(self._programs, cluster)
        if not self._start_from(template):
            self._build(cluster)
            _keep(self._layout.database, template)
            self._daemons.mariadb.start()
        self._daemons.slurmdbd.start()

    def _start_from(self, template: Path) -> bool:
        """Start MariaDB from the copy in the cache; one that is of no use is removed."""
        try:
            shutil.copytree(template, self._layout.database)
            self._daemons.mariadb.start()
        except FileNotFoundError:
            shutil.rmtree(self._layout.database, ignore_errors=True)
            return False
        except DaemonError:
            shutil.rmtree(template)
            shutil.rmtree(self._layout.database)
            return False
        return True

    def _build(self, cluster: str) -> None:
        """Make a database, let slurmdbd and sacctmgr fill it, and shut it down again."""
        self._run(
            self._programs.mariadb_install_db,
            "--no-defaults",
            f"--user={accounts.caller().name}",
            f"--datadir={self._layout.database}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            _SMALL[0],
        )
        self._layout.database.chmod(0o700)
        self._daemons.mariadb.start()
        self._daemons.slurmdbd.start()
        for command in tenants.commands(cluster):
            self._run(self._programs.sacctmgr, "--immediate", "--quiet", *command)
        self._daemons.slurmdbd.stop()
        self._daemons.mariadb.stop()

    def _run(self, *argv: str) -> None:
        done = subprocess.run(
            argv,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=_INSTALL_TIMEOUT,
        )
        if done.returncode:
            said = f"{done.stdout}{done.stderr}".strip()
            raise SandboxError(f"{' '.join(argv)}: {said or done.returncode}")


def _template(programs: AccountingPrograms, cluster: str) -> Path:
    """Where the copy is for these programs and these accounts."""
    facts = [_FORMAT, os.getuid(), _SMALL, list(tenants.commands(cluster))]
    for program in (programs.mariadbd, programs.slurmdbd):
        stat = Path(program).stat()
        facts += [program, stat.st_size, stat.st_mtime_ns]
    digest = hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache, "hpcagent", f"accounting-{digest}")


def _keep(database: Path, template: Path) -> None:
    """Copy a database into the cache, in one step; whoever does the same meanwhile wins or loses.

    That there is no room for it is no reason not to use the database itself.
    """
    part = template.with_suffix(f".{os.getpid()}")
    with contextlib.suppress(OSError):
        template.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(database, part)
        part.rename(template)
    shutil.rmtree(part, ignore_errors=True)
