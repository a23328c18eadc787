"""Callers of the daemon; and sbatch and hpcagent side by side, on a cluster of their own."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from fix_daemon import Daemon
from slurm import spank
from slurm.caller import Caller, calling
from slurm.recorder import Recorder
from slurm.twins import Twins, both

from hpcagent.sandbox import Sandbox


@pytest.fixture(scope="session")
def recorder() -> Iterator[Recorder]:
    """It has to be where every user can load it, and pytest's directories are closed."""
    with tempfile.TemporaryDirectory(prefix="hpcagent-recorder-") as name:
        Path(name).chmod(0o755)
        yield Recorder.build(Path(name))


@pytest.fixture(scope="session")
def plugin() -> Iterator[Mapping[str, str]]:
    """What slurm.conf needs for a SPANK plugin in sbatch, where every user can load it, too."""
    with tempfile.TemporaryDirectory(prefix="hpcagent-spank-") as name:
        Path(name).chmod(0o755)
        yield spank.build(Path(name))


@pytest.fixture(scope="module")
def twins(sandbox: Sandbox, recorder: Recorder, plugin: Mapping[str, str]) -> Iterator[Twins]:
    """A cluster of the module's own (`sandbox` says why there is none); ids have four digits."""
    with Sandbox.up(conf={"FirstJobId": "7000", **plugin}) as own, both(own, recorder) as ways:
        yield ways


@pytest.fixture(scope="module")
def caller(daemon: Daemon) -> Iterator[Caller]:
    """A caller of the daemon that tests share; what it submits ends with the module."""
    daemon.wait_until_serving()
    with calling(daemon.stub) as ours:
        yield ours
