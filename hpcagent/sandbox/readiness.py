"""How one sees that a daemon of a sandbox can be used."""

import os
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path


def accepts(path: Path) -> bool:
    """Whether somebody accepts connections on this AF_UNIX socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as client:
        try:
            client.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except BlockingIOError:  # its queue is full: somebody is there
            return True
        return True


def node_states(sinfo: str, environment: Mapping[str, str], timeout: float) -> dict[str, str]:
    """The state of each node in Slurm's words, asked of slurmctld; empty while it does not answer.

    The states are sinfo(1)'s; a ``*`` at the end means that the node has not yet registered.
    """
    try:
        answer = subprocess.run(
            [sinfo, "--noheader", "--Node", "--format=%N %T"],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=True,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return {}
    return dict(line.split() for line in answer.stdout.splitlines())
