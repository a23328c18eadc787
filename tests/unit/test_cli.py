"""The command line tells an administrator what there is, and costs nothing to ask."""

import json
import re
import subprocess
import sys
from importlib.metadata import version

import pytest
from tree import ROOT

from hpcagent import cli
from hpcagent.cli import calling, cluster, job

SUBCOMMANDS = ("serve", "check", "sandbox", "job", "cluster")


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What is printed before the command line ends the program."""
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "--version") == f"hpcagent {version('hpcagent')}\n"


def test_help_names_every_subcommand_and_every_exit_status(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = said(capsys, "--help")
    for subcommand in SUBCOMMANDS:
        assert f"\n  {subcommand} " in text or f"\n    {subcommand} " in text
    assert "78 the configuration is refused" in " ".join(text.split())


@pytest.mark.parametrize("subcommand", SUBCOMMANDS)
def test_each_subcommand_explains_itself(
    capsys: pytest.CaptureFixture[str], subcommand: str
) -> None:
    assert f"usage: hpcagent {subcommand}" in said(capsys, subcommand, "--help")


def test_the_page_of_the_command_line_has_what_its_help_has() -> None:
    page = (ROOT / "docs" / "command-line.md").read_text()
    statuses = re.findall(r"^ +([0-9]+)  ", calling.EXIT_STATUS, re.MULTILINE)
    assert statuses == re.findall(r"^\| ([0-9]+) \|", page, re.MULTILINE)
    for word in (
        *job.CONTROLS,
        *cluster.PARTS,
        *re.findall(r"HPCAGENT_[A-Z]+", calling.EXIT_STATUS),
    ):
        assert word in page


@pytest.mark.parametrize("subcommand", ["serve", "check"])
def test_the_settings_have_a_usual_place(
    capsys: pytest.CaptureFixture[str], subcommand: str
) -> None:
    assert "/etc/hpcagent/hpcagent.toml" in said(capsys, subcommand, "--help")


def test_without_a_subcommand_the_usage_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([])
    assert ended.value.code == 2
    assert "usage: hpcagent" in capsys.readouterr().err


def test_asking_for_help_loads_neither_grpc_nor_libslurm() -> None:
    program = "import hpcagent.cli, json, sys; print(json.dumps(sorted(sys.modules)))"
    asked = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=True)
    assert not {"grpc", "google.protobuf", "msgspec", "_slurm"} & set(json.loads(asked.stdout))
