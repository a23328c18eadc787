"""The table of spellings, held against the installed sbatch."""

import re
import subprocess
from pathlib import Path

import pytest
from unit.slurm.drafts import RELEASE

from hpcagent.slurm.directives.spellings import GRAMMARS, IN_REQUEST, SPELLINGS, Spelling
from hpcagent.slurm.grammar.forms import Argument
from hpcagent.slurm.options import BY_NAME

LONG = re.compile(r"--([a-z][a-z0-9-]*)")
SHORT = re.compile(r"(?:^|[\s\[])-([A-Za-z])(?=[,\s])", re.MULTILINE)
NOT_THERE = {"r"}
"""sbatch --usage names ``-r n``, which it does not take."""
NONE, REQUIRED = Argument.NONE, Argument.REQUIRED


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with a configuration: sbatch wants it even to say what it is."""
    made = tmp_path_factory.mktemp("sbatch")
    conf = "ClusterName=x\nSlurmctldHost=x\nNodeName=n\nPartitionName=p Nodes=n\n"
    (made / "slurm.conf").write_text(conf)
    return made


@pytest.fixture(scope="module")
def told(directory: Path) -> str:
    """What the installed sbatch says of itself."""
    return "".join(
        subprocess.run(
            ["sbatch", option],
            env={"SLURM_CONF": str(directory / "slurm.conf"), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for option in ("--help", "--usage")
    )


def test_every_long_option_of_the_installed_sbatch_has_a_spelling(told: str) -> None:
    theirs = set(LONG.findall(told))
    assert len(theirs) > 80
    assert theirs - {spelling.long for spelling in SPELLINGS} == set()


def test_every_short_option_of_the_installed_sbatch_has_a_spelling(told: str) -> None:
    theirs = set(SHORT.findall(told)) - NOT_THERE
    assert len(theirs) > 30
    assert theirs - {spelling.short for spelling in SPELLINGS} == set()


def complaint(directory: Path, directive: str) -> str:
    """What the installed sbatch has against a line of a script; empty if it knows the option."""
    script = directory / "script"
    script.write_text(f"#!/bin/sh\n#SBATCH {directive}\n")
    run = subprocess.run(
        ["sbatch", script],
        # It reads its environment behind the script: so it ends there, and asks no slurmctld.
        env={"SLURM_CONF": str(directory / "slurm.conf"), "SBATCH_GRES_FLAGS": "x",
             "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert run.returncode
    found = re.search(r"unrecognized option|requires an argument|allow an argument", run.stderr)
    return found[0] if found else ""


@pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda spelling: spelling.long)
def test_an_option_takes_a_text_where_the_installed_sbatch_does(
    directory: Path, spelling: Spelling
) -> None:
    bare = complaint(directory, f"--{spelling.long}")
    with_text = complaint(directory, f"--{spelling.long}=")
    if not spelling.is_in(RELEASE) or spelling.long in OF_OTHER_PROGRAMS:
        known = "requires an argument" if spelling.long in ABBREVIATES else "unrecognized option"
        assert bare == known
    else:
        needs, allows = spelling.argument is REQUIRED, spelling.argument is not NONE
        if (spelling.long, spelling.argument) in LATER:
            allows = False
        assert bare == ("requires an argument" if needs else "")
        assert with_text == ("" if allows else "allow an argument")


LATER = {("requeue", Argument.OPTIONAL)}
"""Whose text came with a later release; where it is too old, the value is refused by name."""
ABBREVIATES = {"extra"}
"""What an older sbatch takes for --extra-node-info; here it is refused as too new."""
OF_OTHER_PROGRAMS = {"x11"}
"""Named only to be refused with a reason."""


def test_a_spelling_maps_or_says_why_not() -> None:
    for spelling in SPELLINGS:
        reasons = bool(spelling.refused) + bool(spelling.idle)
        mapped = spelling.target in {*BY_NAME, *IN_REQUEST, "ignore_pbs"}
        assert reasons == 1 or (mapped and not reasons), spelling.long


def test_spellings_are_unique() -> None:
    longs = [spelling.long for spelling in SPELLINGS]
    shorts = [spelling.short for spelling in SPELLINGS if spelling.short]
    assert len(longs) == len(set(longs))
    assert len(shorts) == len(set(shorts))
    assert all(len(short) == 1 for short in shorts)


def test_every_option_that_sbatch_has_can_be_spelt() -> None:
    spelt = {spelling.target for spelling in SPELLINGS}
    assert BY_NAME.keys() - spelt == {"umask", "spank_job_env", "requeue_expedite"}


def test_every_option_can_be_written() -> None:
    assert GRAMMARS.keys() >= {*BY_NAME, *IN_REQUEST}
