"""Children with `_slurm` in them, and what builds it."""

import importlib.util
from collections.abc import Iterator
from types import ModuleType

import pytest
import tree
from native.child import Child

from hpcagent.sandbox import Sandbox


@pytest.fixture(scope="session")
def offline() -> Iterator[Child]:
    """A child whose libslurm was never started: for all that makes no call."""
    with Child() as child:
        yield child


@pytest.fixture(scope="session")
def native(sandbox: Sandbox) -> Iterator[Child]:
    """A child, running as root, whose libslurm was started with the shared cluster's slurm.conf."""
    with Child(sandbox.env) as child:
        child.call("init", str(sandbox.conf))
        yield child


@pytest.fixture(scope="session")
def setup() -> ModuleType:
    """setup.py as a module, which builds nothing."""
    spec = importlib.util.spec_from_file_location("setup_py", tree.ROOT / "setup.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
