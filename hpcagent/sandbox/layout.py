"""Where everything of a sandbox is, below the one directory that it owns.

Paths of AF_UNIX sockets are limited to 107 bytes (unix(7)), so the names are short, and a
directory that would make them too long is refused before anything is started.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from hpcagent.sandbox.errors import SandboxError

_LONGEST_SOCKET = "spool/node999/node999_4294967295.4294967295"
"""What slurmstepd listens on: SlurmdSpoolDir/NODE_JOB.STEP (Slurm's stepd_api.c)."""
_SUN_PATH = 107
_PLAIN_PATH = r"[A-Za-z0-9/._+-]+"
"""Blanks, commas, quotes, # and % mean something in slurm.conf, in passwd(5) a colon does."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The files and directories of one sandbox."""

    root: Path

    def check(self) -> None:
        """Raise SandboxError if sockets could not be made below, or slurm.conf not name it."""
        if not re.fullmatch(_PLAIN_PATH, str(self.root)):
            raise SandboxError(f"{self.root} has other characters than letters, digits and /._+-")
        excess = len(os.fsencode(self.root / _LONGEST_SOCKET)) - _SUN_PATH
        if excess > 0:
            raise SandboxError(f"{self.root}: {excess} bytes too long for the sockets below it")

    @property
    def description(self) -> Path:
        """What ``Sandbox.open`` reads, written once all else is in place."""
        return self.root / "sandbox.json"

    @property
    def etc(self) -> Path:
        """All that is configured."""
        return self.root / "etc"

    @property
    def conf(self) -> Path:
        """slurm.conf; Slurm looks for gres.conf and job_submit.lua beside it."""
        return self.etc / "slurm.conf"

    @property
    def slurmdbd_conf(self) -> Path:
        """slurmdbd.conf, if there is accounting."""
        return self.etc / "slurmdbd.conf"

    @property
    def gres_conf(self) -> Path:
        """gres.conf."""
        return self.etc / "gres.conf"

    @property
    def job_submit_lua(self) -> Path:
        """The script of Slurm's job_submit/lua plugin, if there is one."""
        return self.etc / "job_submit.lua"

    @property
    def task_prolog(self) -> Path:
        """What Slurm runs before each task, if jobs are to know the sandbox's users."""
        return self.etc / "task_prolog"

    @property
    def passwd(self) -> Path:
        """Its users, in the format of the machine's own."""
        return self.etc / "passwd"

    @property
    def group(self) -> Path:
        """Its groups, in the format of the machine's own."""
        return self.etc / "group"

    @property
    def hosts(self) -> Path:
        """Where this machine's name has a loopback address."""
        return self.etc / "hosts"

    @property
    def munge_key(self) -> Path:
        """The key of this sandbox's munged, known to no other."""
        return self.etc / "munge.key"

    @property
    def munge_socket(self) -> Path:
        """Where munged listens."""
        return self.run / "munge.socket"

    @property
    def run(self) -> Path:
        """Sockets, pid files, and a record of each daemon's process."""
        return self.root / "run"

    @property
    def state(self) -> Path:
        """The StateSaveLocation of slurmctld, and munged's seed."""
        return self.root / "state"

    @property
    def login_environments(self) -> Path:
        """Above a file for each user, where slurmd looks for them (Slurm's env.c)."""
        return self.state / "env_cache"

    @property
    def database(self) -> Path:
        """All of MariaDB's, if there is accounting; closed to others."""
        return self.root / "db"

    @property
    def database_socket(self) -> Path:
        """Where MariaDB listens."""
        return self.database / "socket"

    @property
    def spool(self) -> Path:
        """Above each node's SlurmdSpoolDir."""
        return self.root / "spool"

    @property
    def log(self) -> Path:
        """What the daemons say."""
        return self.root / "log"

    @property
    def home(self) -> Path:
        """Above the home directories of the sandbox's users."""
        return self.root / "home"

    @property
    def directories(self) -> tuple[Path, ...]:
        """All the directories to make; with ``description``, all that ``down`` removes."""
        return (
            self.etc,
            self.run,
            self.state,
            self.login_environments,
            self.spool,
            self.log,
            self.home,
        )
