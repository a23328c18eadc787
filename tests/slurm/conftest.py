"""sbatch and hpcagent side by side, on a cluster that nobody else uses."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from slurm.recorder import Recorder
from slurm.twins import Twins, both

from hpcagent.sandbox import Sandbox


@pytest.fixture(scope="session")
def recorder() -> Iterator[Recorder]:
    """It has to be where every user can load it, and pytest's directories are closed."""
    with tempfile.TemporaryDirectory(prefix="hpcagent-recorder-") as name:
        Path(name).chmod(0o755)
        yield Recorder.build(Path(name))


@pytest.fixture(scope="module")
def twins(sandbox: Sandbox, recorder: Recorder) -> Iterator[Twins]:
    """A cluster of the module's own (`sandbox` says why there is none); ids have four digits."""
    with Sandbox.up(conf={"FirstJobId": "7000"}) as own, both(own, recorder) as ways:
        yield ways
