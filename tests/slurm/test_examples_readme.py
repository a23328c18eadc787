"""What examples/README.md tells to type works as it stands."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator

import pytest
import tree
from fix_daemon import Daemon
from slurm_commands import DEADLINE, command

from hpcagent.sandbox import Sandbox

README = tree.text("examples/README.md")
GRPCURL = [line for line in re.findall(r"^grpcurl .*$", README, re.MULTILINE) if "K8s" not in line]
[PYTHON] = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
REFUSED = '"script": "hostname"'


def start(*argv: str, stdin: str = "", agent: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        argv,
        cwd=tree.ROOT,
        env={**os.environ, "AGENT": agent},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def type_in(line: str, agent: str) -> "subprocess.CompletedProcess[str]":
    """Do what a shell would do with one of the grpcurl lines."""
    words = shlex.split(line.replace("$AGENT", agent))
    files = [word.removeprefix("<") for word in words if word.startswith("<")]
    argv = [word for word in words if not word.startswith("<")]
    return start(*argv, stdin="".join(map(tree.text, files)), agent=agent)


@pytest.fixture
def agent(daemon: Daemon, sandbox: Sandbox) -> Iterator[str]:
    """The socket of the README's agent; no job is left on it."""
    yield str(daemon.socket)
    command(sandbox, "scancel", "--user=nscc-gz_jiangli")


def test_every_grpcurl_command_does_what_is_said(grpcurl: str, agent: str) -> None:
    job = ""
    for line in GRPCURL:
        done = type_in(line.replace('"1"', f'"{job}"').replace("grpcurl", grpcurl, 1), agent)
        assert done.returncode == (67 if REFUSED in line else 0), f"{line}\n{done.stderr}"
        job = next(iter(re.findall(r'"id": "(\d+)"', done.stdout)), job)
    assert job


def test_a_refusal_is_printed_with_its_details(grpcurl: str, agent: str) -> None:
    [line] = [line for line in GRPCURL if REFUSED in line]
    printed = type_in(line.replace("grpcurl", grpcurl, 1), agent).stderr
    for words in ("Code: InvalidArgument", "ErrorInfo", '"INVALID_REQUEST"', "BadRequest"):
        assert words in printed
    assert re.findall(r'"field": "(\w+)"', printed) == ["work_dir", "script"]


def test_the_python_program_submits_and_asks(agent: str) -> None:
    done = start(sys.executable, "-c", PYTHON, agent=agent)
    assert done.returncode == 0, done.stderr
    assert "user_id: 1870" in done.stdout
