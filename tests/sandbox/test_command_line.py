"""``hpcagent sandbox``: what a person types, and what a script reads."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hpcagent.sandbox import Sandbox

HPCAGENT = """
import argparse, sys
from hpcagent.cli import sandbox
parser = argparse.ArgumentParser(prog="hpcagent")
sandbox.add_parser(parser.add_subparsers(required=True))
args = parser.parse_args()
sys.exit(args.run(args))
"""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def hpcagent() -> Run:
    """Runs ``hpcagent ARGUMENTS``."""

    def run(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-c", HPCAGENT, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def directory(short_path: Path) -> Iterator[Path]:
    """Where a test may start a sandbox; it is down afterwards, whatever the test did."""
    path = short_path / "s"
    yield path
    if path.exists():
        Sandbox.open(path).down()


def test_up_outlives_the_command_and_says_how_to_go_on(hpcagent: Run, directory: Path) -> None:
    up = hpcagent("sandbox", "up", directory, "--nodes=3", "--conf", "MessageTimeout=4")
    assert up.returncode == 0, up.stderr
    first, use, end = up.stdout.splitlines()
    assert re.fullmatch(rf"{directory}: ready in \d+\.\d\d s", first)
    assert f'eval "$(hpcagent sandbox env {directory})"' in use
    assert f"hpcagent sandbox down {directory}" in end
    sandbox = Sandbox.open(directory)
    assert sandbox.node_states() == dict.fromkeys(("node1", "node2", "node3"), "idle")
    assert "MessageTimeout=4" in sandbox.conf.read_text().splitlines()


def test_down_ends_it_and_removes_its_files(hpcagent: Run, directory: Path) -> None:
    sandbox = Sandbox.up(directory, nodes=1)
    down = hpcagent("sandbox", "down", directory)
    assert (down.returncode, down.stdout, down.stderr) == (0, "", "")
    assert [daemon.state for daemon in sandbox.daemons] == ["stopped"] * 3
    assert not directory.exists()


def test_down_never_guesses_which_sandbox_is_meant(hpcagent: Run, sandbox: Sandbox) -> None:
    assert hpcagent("sandbox", "down").returncode == 2
    assert {daemon.state for daemon in sandbox.daemons} == {"running"}


def test_status_has_a_line_for_each_daemon(hpcagent: Run, private_sandbox: Sandbox) -> None:
    status = hpcagent("sandbox", "status", private_sandbox.directory)
    pids = [str(daemon.pid) for daemon in private_sandbox.daemons]
    names = ["munged", "slurmctld", "slurmd-node1", "slurmd-node2"]
    assert [line.split() for line in status.stdout.splitlines()] == [
        [name, "running", pid] for name, pid in zip(names, pids, strict=True)
    ]
    assert status.returncode == 0


def test_status_tells_by_its_exit_code_that_a_daemon_is_down(
    hpcagent: Run, private_sandbox: Sandbox
) -> None:
    private_sandbox.munged.stop(signal.SIGKILL)
    private_sandbox.slurmctld.suspend()
    status = hpcagent("sandbox", "status", private_sandbox.directory, "--json")
    assert status.returncode == 3
    states = json.loads(status.stdout)
    assert states["munged"] == {"pid": None, "state": "stopped"}
    assert states["slurmctld"]["state"] == "suspended"


def test_a_shell_that_reads_env_is_a_client(hpcagent: Run, sandbox: Sandbox) -> None:
    env = hpcagent("sandbox", "env", sandbox.directory).stdout
    assert [line.split("=")[0] for line in env.splitlines()] == [f"export {n}" for n in sandbox.env]
    script = f"{env}exec sinfo --noheader --format=%N"  # whatever the nodes do meanwhile
    shell = subprocess.run(["sh", "-e"], input=script, capture_output=True, text=True, check=True)
    assert shell.stdout.split() == ["node[1-2]"]


def test_env_as_json_is_the_api_s_env(hpcagent: Run, sandbox: Sandbox) -> None:
    assert json.loads(hpcagent("sandbox", "env", sandbox.directory, "--json").stdout) == sandbox.env


@pytest.mark.parametrize("verb", ["down", "status", "env"])
def test_what_is_no_sandbox_is_refused_by_name(hpcagent: Run, verb: str, tmp_path: Path) -> None:
    refused = hpcagent("sandbox", verb, tmp_path)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"hpcagent sandbox: {tmp_path} is not a sandbox")


@pytest.mark.parametrize(
    "arguments", [("--nodes=0",), ("--nodes=two",), ("--conf=novalue",), ("--history",)]
)
def test_a_bad_argument_is_refused(hpcagent: Run, arguments: tuple[str], directory: Path) -> None:
    assert hpcagent("sandbox", "up", directory, *arguments).returncode == 2
    assert not directory.exists()


def test_missing_packages_are_named_with_one_command() -> None:
    program = """
from hpcagent.sandbox import MissingPackagesError, Sandbox, packages
packages.search_path = lambda: "/nonexistent"
packages._LIBRARY_DIRECTORIES = ()
try:
    Sandbox.up()
except MissingPackagesError as missing:
    print(missing)
"""
    root = str(Path(__file__).parents[2])
    said = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said.endswith(
        "apt-get install --no-install-recommends "
        "libnss-wrapper munge slurm-client slurm-wlm-basic-plugins slurmctld slurmd\n"
    )
