"""What a newcomer reads first is true, and nothing of the machine it was written on is in it."""

import re
import sys
import tomllib
from pathlib import Path

import pytest
import tree

TEXTS = [name for name in tree.committed() if not name.endswith((".binpb", ".png"))]
MAKE = re.compile(r"^ {4}(make [a-z][a-z-]*)", re.MULTILINE)
LATER = re.compile(r"\b(T[O]DO|F[I]XME|X[X]X)\b")
# The hosts that a file of ours may name: documentation and reserved names, never a registry.
HOSTS = {
    "127.0.0.1",
    "example.com",
    "google.aip.dev",
    "keepachangelog.com",
    "localhost",
    "semver.org",
    "slurm.schedmd.com",
    "www.gnu.org",
}
URL = re.compile(r"https?://([^\s/:\"'`)>\]]+)")


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", tree.text("Makefile"), re.MULTILINE))


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", ".ci/run"])
def test_every_command_that_a_text_tells_to_run_exists(name: str) -> None:
    told = {command.removeprefix("make ") for command in MAKE.findall(tree.text(name))}
    told |= set(re.findall(r"(?:`make |^step )([a-z-]+)", tree.text(name), re.MULTILINE))
    assert told
    assert told <= targets()


def test_the_readme_promises_the_two_commands() -> None:
    assert MAKE.findall(tree.text("README.md"))[:2] == ["make demo", "make test"]


def test_the_licence_is_the_one_declared() -> None:
    project = tomllib.loads(tree.text("pyproject.toml"))["project"]
    assert project["license"] == "GPL-2.0-or-later"
    licence = tree.text("LICENSE").split()
    assert licence[:6] == ["GNU", "GENERAL", "PUBLIC", "LICENSE", "Version", "2,"]


def test_nothing_is_left_for_later_in_a_comment() -> None:
    assert not [name for name in TEXTS if LATER.search(tree.text(name))]


def foreign_hosts(name: str) -> set[str]:
    hosts = {host.lower() for host in URL.findall(tree.text(name))} - HOSTS
    return {host for host in hosts if not host.endswith((".example", ".invalid", ".test"))}


def test_no_file_names_a_host_to_fetch_from() -> None:
    assert not {name: hosts for name in TEXTS if (hosts := foreign_hosts(name))}


def test_no_file_names_a_place_on_this_machine() -> None:
    places = {str(tree.ROOT), sys.base_prefix, sys.prefix} - {"/usr", "/usr/local"}
    assert not [name for name in TEXTS for place in places if f"{place}/" in tree.text(name)]


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_file_that_a_text_points_to_exists(name: str) -> None:
    pointed = re.findall(r"`([\w.-]+(?:/[\w.-]+)*/?)`", tree.text(name))
    paths = [path for path in pointed if "/" in path and not path.startswith(("build/", ".venv"))]
    assert paths
    assert not [path for path in paths if not (tree.ROOT / Path(path)).exists()]
