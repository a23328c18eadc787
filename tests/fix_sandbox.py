"""A real Slurm for tests: one that they share, or one of their own to break."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hpcagent.sandbox import MissingPackagesError, Sandbox


def _up_or_skip(*, accounting: bool = False) -> Sandbox:
    if os.getuid() != 0:
        pytest.skip("must be root to run jobs of several users")
    try:
        return Sandbox.up(accounting=accounting)
    except MissingPackagesError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A cluster for tests that leave its daemons alone; each xdist worker has its own."""
    with _up_or_skip() as shared:
        yield shared


@pytest.fixture
def private_sandbox() -> Iterator[Sandbox]:
    """A cluster for one test, which may stop, freeze and kill what it likes."""
    with _up_or_skip() as private:
        yield private


@pytest.fixture(scope="session")
def accounting_sandbox() -> Iterator[Sandbox]:
    """A cluster with slurmdbd and limits (`hpcagent.sandbox.tenants`), to be left alone."""
    with _up_or_skip(accounting=True) as shared:
        yield shared


@pytest.fixture
def private_accounting_sandbox() -> Iterator[Sandbox]:
    """The same for one test, which may stop, freeze and kill what it likes."""
    with _up_or_skip(accounting=True) as private:
        yield private


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A directory for sandboxes: the sockets below would be too deep in pytest's own."""
    path = Path(tempfile.mkdtemp(prefix="test-"))
    yield path
    shutil.rmtree(path)
