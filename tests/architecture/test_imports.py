"""Imports go down only, and each library is known to one part: the contracts in pyproject.toml."""

import subprocess
import sys
from pathlib import Path

import pytest
import tree

# Parts that need nothing but Python, so that they can be read, tested and reused on their own.
STANDARD_LIBRARY_ONLY = ("hpcagent/jobs/", "hpcagent/sandbox/", "_slurm/")

# Not yet among the contracts, which take only what exists: a library, and who may import it.
KNOWN_TO = {"kubernetes": "hpcagent/k8s/", "yaml": "hpcagent/k8s/"}


def test_the_import_contracts_hold() -> None:
    lint = Path(sys.executable).parent / "lint-imports"
    run = subprocess.run(
        [str(lint), "--no-cache"], cwd=tree.ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


def foreign(name: str, part: str) -> set[str]:
    """What a file of a part imports that is neither Python's nor the part's own."""
    itself = part.rstrip("/").replace("/", ".")
    return {
        module
        for module in tree.imports(name)
        if module.partition(".")[0] not in sys.stdlib_module_names
        and not f"{module}.".startswith(f"{itself}.")
    }


@pytest.mark.parametrize("part", STANDARD_LIBRARY_ONLY)
def test_a_part_that_needs_only_python_imports_only_python(part: str) -> None:
    sources = tree.written(".py", ".pyi", below=part)
    assert sources
    assert not {name: found for name in sources if (found := foreign(name, part))}
