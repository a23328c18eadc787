"""Writing the files of a new sandbox: accounts, munge key and configuration."""

import json
import os
import secrets
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from hpcagent.sandbox import accounting, accounts, configuration
from hpcagent.sandbox.configuration import Ports, Settings
from hpcagent.sandbox.errors import NotASandboxError
from hpcagent.sandbox.layout import Layout
from hpcagent.sandbox.ports import LOOPBACK

_FORMAT = 1
_MUNGE_KEY_BYTES = 128


@dataclass(frozen=True, slots=True)
class Description:
    """What another process must know of a sandbox to use it or to take it down."""

    settings: Settings
    ports: Ports
    made_directory: bool
    """Whether the directory itself is to be removed in the end."""

    def write(self, layout: Layout) -> None:
        """Write it, readable for everybody: others avoid the ports named in it."""
        text = json.dumps({"format": _FORMAT, **asdict(self)}, indent=1)
        _write(layout.description, text, 0o644)

    @classmethod
    def read(cls, layout: Layout) -> Self:
        """Read it.

        Raises NotASandboxError if there is none that this hpcagent understands, or if it is another
        user's: one who takes a sandbox down removes files and ends processes that it names.
        """
        try:
            values = json.loads(layout.description.read_text(encoding="utf-8"))
            owners = {path.lstat().st_uid for path in (layout.root, layout.description)}
        except (OSError, ValueError) as cause:
            raise NotASandboxError(f"{layout.root} is not a sandbox: {cause}") from cause
        if values.get("format") != _FORMAT:
            raise NotASandboxError(f"{layout.root} was made by another release of hpcagent")
        if owners != {os.getuid()}:
            raise NotASandboxError(f"{layout.root} is the sandbox of another user")
        return cls(
            Settings(**values["settings"]),
            Ports(**values["ports"] | {"slurmd": tuple(values["ports"]["slurmd"])}),
            made_directory=values["made_directory"],
        )


def write_all(layout: Layout, description: Description, nss_wrapper: str) -> None:
    """Write everything a sandbox consists of, its description last."""
    for directory in layout.directories:
        directory.mkdir(mode=0o755)
        directory.chmod(0o755)  # whatever the umask is: jobs of other users read their script here
    layout.state.chmod(0o700)
    _write_accounts(layout)
    _write(layout.munge_key, secrets.token_bytes(_MUNGE_KEY_BYTES), 0o400)
    hosts = f"{LOOPBACK} {socket.gethostname()} localhost\n"
    _write(layout.hosts, hosts, 0o644)
    _write_configuration(layout, description, nss_wrapper)
    description.write(layout)


def _write_accounts(layout: Layout) -> None:
    users = accounts.all_users(layout)
    _write(layout.passwd, "".join(f"{user.passwd_line()}\n" for user in users), 0o644)
    for user in users:
        login = "".join(f"{name}={value}\n" for name, value in user.login_environment().items())
        _write(layout.login_environments / user.name, login, 0o644)
    groups = accounts.all_groups()
    _write(layout.group, "".join(f"{group.group_line()}\n" for group in groups), 0o644)
    if os.getuid() == 0:
        for user in accounts.people(layout):
            Path(user.home).mkdir(mode=0o700)
            os.chown(user.home, user.uid, user.gid)


def _write_configuration(layout: Layout, description: Description, nss_wrapper: str) -> None:
    settings, port = description.settings, description.ports.slurmdbd
    user = accounts.caller().name
    if port is not None:
        _write(layout.slurmdbd_conf, accounting.slurmdbd_conf(layout, port, user), 0o600)
    conf = configuration.slurm_conf(settings, layout, description.ports, user)
    _write(layout.conf, conf, 0o644)
    _write(layout.gres_conf, configuration.gres_conf(), 0o644)
    if settings.job_submit_lua is not None:
        _write(layout.job_submit_lua, settings.job_submit_lua, 0o644)
    if settings.names_in_jobs:
        prolog = configuration.task_prolog(accounts.environment(layout, nss_wrapper))
        _write(layout.task_prolog, prolog, 0o755)


def _write(path: Path, content: str | bytes, mode: int) -> None:
    """Make a file that nobody else can read before it is whole."""
    raw = content.encode() if isinstance(content, str) else content
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(raw)
    path.chmod(mode)
