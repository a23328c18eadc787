"""The files of this repository, for the tests that judge them."""

import ast
import os
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GENERATED = "hpcagent/v1/"
SCRIPTS = ("tools/config-docs", "tools/options-docs", "tools/proto")
"""Python without a suffix."""


@cache
def committed() -> tuple[str, ...]:
    """Every file that git knows or would add, relative to the root."""
    # safe.directory: CI may run as another user than the one who cloned.
    git = ["git", "-c", f"safe.directory={ROOT}"]
    listed = subprocess.run(
        [*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
    ).stdout
    return tuple(sorted(name for name in listed.split("\0") if name and (ROOT / name).is_file()))


def written(*suffixes: str, below: str = "") -> list[str]:
    """The files with one of these suffixes that people wrote, so without the generated package."""
    return [
        name
        for name in committed()
        if name.endswith(suffixes) and name.startswith(below) and not name.startswith(GENERATED)
    ]


def text(name: str) -> str:
    """The content of a file of ours."""
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def syntax(name: str) -> ast.Module:
    """The syntax tree of a Python file of ours."""
    return ast.parse(text(name), filename=name)


def imports(name: str) -> set[str]:
    """The absolute names of all modules that a Python file imports, wherever it does."""
    found: set[str] = set()
    for node in ast.walk(syntax(name)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found
