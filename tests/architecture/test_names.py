"""A file is named for what is in it, and begins by saying why it exists."""

from pathlib import PurePath

import tree

SAYS_NOTHING = {"common", "core", "helper", "helpers", "manager", "misc", "util", "utils"}
MODULES = [
    *tree.written(".py", ".pyx", below="hpcagent/"),
    *tree.written(".py", ".pyx", below="_slurm/"),
]


def words(name: str) -> set[str]:
    """The words that a path is made of."""
    return {
        word for part in PurePath(name).parts for word in part.replace(".", "_").lower().split("_")
    }


def test_every_name_says_what_is_in_it() -> None:
    assert not [name for name in tree.committed() if words(name) & SAYS_NOTHING]


def first_statement(name: str) -> str:
    """The first line of a file that is neither empty nor a comment."""
    lines = tree.text(name).splitlines()
    return next((line for line in lines if line.strip() and not line.startswith("#")), "")


def test_every_module_says_why_it_exists() -> None:
    assert not [name for name in MODULES if not first_statement(name).startswith('"""')]
