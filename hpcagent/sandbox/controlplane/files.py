"""Writing the files of a new control plane, and reading what another process must know of it."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from hpcagent.sandbox.controlplane import certificates, credentials
from hpcagent.sandbox.controlplane.build import Programs
from hpcagent.sandbox.controlplane.daemons import Files, Ports, https
from hpcagent.sandbox.errors import NotASandboxError
from hpcagent.sandbox.layout import Layout

DESCRIPTION = "controlplane.json"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Description:
    """What another process must know of a control plane to use it or to take it down."""

    nodes: int
    ports: Ports
    made_directory: bool
    """Whether the directory itself is to be removed in the end."""

    def write(self, layout: Layout) -> None:
        """Write it, readable for everybody: others avoid the ports named in it."""
        path = layout.root / DESCRIPTION
        path.write_text(json.dumps({"format": _FORMAT, **asdict(self)}, indent=1))

    @classmethod
    def read(cls, layout: Layout) -> Self:
        """Read it. Raises NotASandboxError, also for another user's."""
        path = layout.root / DESCRIPTION
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            owners = {path.lstat().st_uid for path in (layout.root, path)}
        except (OSError, ValueError) as cause:
            raise NotASandboxError(f"{layout.root} is no control plane: {cause}") from cause
        if values.pop("format") != _FORMAT:
            raise NotASandboxError(f"{layout.root} was made by another release of hpcagent")
        if owners != {os.getuid()}:
            raise NotASandboxError(f"{layout.root} is the sandbox of another user")
        return cls(**values | {"ports": Ports(**values["ports"])})


def directories(layout: Layout) -> Iterator[Path]:
    """All the directories to make; with the description, all that ``down`` removes."""
    yield from (layout.etc, layout.run, layout.state, layout.spool, layout.log)


def write_all(layout: Layout, description: Description, programs: Programs) -> None:
    """Write everything a control plane consists of, its description last."""
    for directory in directories(layout):
        directory.mkdir(mode=0o700)
    certificates.write(programs.openssl, layout.etc)
    tokens = credentials.new_tokens()
    _write_secret(layout.etc / "tokens.csv", credentials.token_file(tokens))
    server = https(description.ports.apiserver)
    for account in credentials.ACCOUNTS:
        text = credentials.kubeconfig(account, tokens[account.name], server, layout.etc / "ca.crt")
        _write_secret(Files(layout).kubeconfig(account.name), text)
    description.write(layout)


def _write_secret(path: Path, text: str) -> None:
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(text, encoding="ascii")
