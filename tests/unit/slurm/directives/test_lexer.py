"""The lines of a script that are for sbatch, cut into words."""

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hpcagent.slurm.directives import lexer


def words(*lines: str) -> list[str]:
    """The words of a script with these lines behind its first."""
    script = lexer.read("\n".join(("#!/bin/sh", *lines)))
    assert script.faults == []
    (component,) = script.components
    return [word.text for word in component]


def faults(*lines: str) -> list[tuple[int, str]]:
    """The lines that are at fault, and why."""
    script = lexer.read("\n".join(("#!/bin/sh", *lines)))
    return [(fault.line, fault.reason) for fault in script.faults]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("#SBATCH --nodes=2", ["--nodes=2"]),
        ("#SBATCH -N 2 -n4", ["-N", "2", "-n4"]),
        ("#SBATCH\t-N\t2\t", ["-N", "2"]),
        ("#SBATCH--nodes=2", ["--nodes=2"]),
        ("#SBATCH", []),
        ("#SBATCH   ", []),
        ("#SBATCH # nothing", []),
        ("#SBATCH -N2 # two nodes", ["-N2"]),
        ("#SBATCH --comment=a#b -N2", ["--comment=a"]),
        ("#SBATCH --comment=a\\#b", ["--comment=a#b"]),
        ("#SBATCH --comment='a # b'", ["--comment=a # b"]),
        ('#SBATCH --comment="two words" -N2', ["--comment=two words", "-N2"]),
        ('#SBATCH "--comment=two words"', ["--comment=two words"]),
        ("#SBATCH --comment='it is \"so\"'", ['--comment=it is "so"']),
        ('#SBATCH --comment="it\'s"', ["--comment=it's"]),
        ('#SBATCH --comment="say \\"so\\""', ['--comment=say "so"']),
        ('#SBATCH --comment=\\"so\\"', ['--comment="so"']),
        ("#SBATCH --comment=a\\\\b", ["--comment=a\\b"]),
        ("#SBATCH --comment=a\\ b", ["--comment=a", "b"]),  # it does not keep a space
        ("#SBATCH -N2 \\", ["-N2"]),
        ('#SBATCH --comment=""', ["--comment="]),
        ("#SBATCH --comment=a'b c'd", ["--comment=ab cd"]),
        ("#SBATCH --comment=$HOME/`x`", ["--comment=$HOME/`x`"]),
        ("#SBATCH --comment=a\r", ["--comment=a"]),
        ("#SBATCH --comment=ü\u00a0ü", ["--comment=ü\u00a0ü"]),
        ("#SBATCH --comment=a:b", ["--comment=a:b"]),
    ],
)
def test_a_line_is_cut_as_sbatch_cuts_it(line: str, expected: list[str]) -> None:
    assert words(line) == expected


def test_a_word_may_stand_on_the_next_line() -> None:
    assert words("#SBATCH --comment", "# between", "", "#SBATCH text") == ["--comment", "text"]


@pytest.mark.parametrize("line", ["echo", ": '", "\u00a0", "-", "\\"])
def test_the_first_line_that_is_no_comment_ends_it(line: str) -> None:
    assert words("#SBATCH -N1", line, "#SBATCH -N2") == ["-N1"]


@pytest.mark.parametrize("line", ["", " \t\r", "# x", "  # x", " #SBATCH -N2", "#sbatch -N2", "##"])
def test_comments_and_blank_lines_do_not(line: str) -> None:
    assert words("#SBATCH -N1", line, "#SBATCH -n3") == ["-N1", "-n3"]


def test_a_line_behind_the_first_command_is_told_of() -> None:
    script = lexer.read("#!/bin/sh\n\nmodule load x\n#SBATCH -N2\n#SBATCH -n2\n")
    assert script.components == [[]]
    (warning,) = script.warnings
    assert (warning.line, warning.reason) == (4, "DIRECTIVE_BEHIND_COMMANDS")
    assert "line 3" in warning.said


def test_the_old_word_is_taken_with_a_warning() -> None:
    script = lexer.read("#!/bin/sh\n#SLURM -N2\n")
    assert [word.text for word in script.components[0]] == ["-N2"]
    assert [(one.line, one.reason) for one in script.warnings] == [(2, "DIRECTIVE_OLD_FORM")]


@pytest.mark.parametrize("word", ["hetjob", "packjob", "HetJob", "hetjob # next", "hetjob\t"])
def test_a_separator_begins_the_next_component(word: str) -> None:
    script = lexer.read(f"#!/bin/sh\n#SBATCH -N1\n#SBATCH {word}\n#SBATCH -N2\n#SBATCH hetjob\n")
    assert [[one.text for one in component] for component in script.components] == [
        ["-N1"], ["-N2"], []
    ]  # fmt: skip
    assert script.separators == [3, 5]
    assert script.faults == []


def test_a_word_that_only_begins_so_is_no_separator() -> None:
    assert words("#SBATCH hetjobs") == ["hetjobs"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("#SBATCH hetjob -N2", "DIRECTIVE_FORM"),  # sbatch does not read the rest
        ("#SBATCH --comment hetjob", "DIRECTIVE_FORM"),
        ('#SBATCH --comment "" -N2', "DIRECTIVE_FORM"),
        ('#SBATCH --comment ""', "DIRECTIVE_FORM"),
        ("#SBATCH :", "DIRECTIVE_FORM"),  # here it ends
        ("#SBATCH -N1 : -N2", "DIRECTIVE_FORM"),
        ('#SBATCH --comment="open', "DIRECTIVE_QUOTE"),
        ("#SBATCH --comment=it's", "DIRECTIVE_QUOTE"),
        ('#SBATCH --comment="a\\"', "DIRECTIVE_QUOTE"),
    ],
)
def test_where_sbatch_ends_or_drops_words_is_a_fault(line: str, reason: str) -> None:
    assert faults("#SBATCH -n1", line, "#SBATCH -t1") == [(3, reason)]


def test_every_fault_is_found() -> None:
    assert [line for line, _ in faults("#SBATCH '", "#SBATCH :", '#SBATCH "')] == [2, 3, 4]


def test_a_line_for_another_system_is_found() -> None:
    assert lexer.foreign("#!/bin/sh\n#SBATCH -N1\n#PBS -l nodes=2\n") == 3
    assert lexer.foreign("#!/bin/sh\necho\n#BSUB -n 2\n") == 3
    assert lexer.foreign("#!/bin/sh\n #PBS -l nodes=2\n") is None


def test_sbatch_looks_for_it_among_a_hundred_lines() -> None:
    assert lexer.foreign("#!/bin/sh\n" + "echo\n" * 100 + "#PBS -N x\n") == 102
    assert lexer.foreign("#!/bin/sh\n" + "echo\n" * 101 + "#PBS -N x\n") is None


# ---------------------------------------------------------------------- against sbatch itself

PIECES = (
    "-N", "1", "--comment", "=", "a b", '"', "'", "\\", " ", "#", " # x", "hetjob", "packjob", "\t",
    "--x", ":", '"a b"', "'c d'", '\\"', "\\ ", "-", "\u00e9",
)  # fmt: skip
behind = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)
directives = st.tuples(st.sampled_from(["#SBATCH", "#SBATCH ", "#SLURM "]), behind).map("".join)
lines = directives | st.sampled_from(["", " ", "# x", "  #SBATCH -N1", "echo"])


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with a configuration for sbatch."""
    made = tmp_path_factory.mktemp("sbatch")
    conf = "ClusterName=x\nSlurmctldHost=x\nNodeName=n\nPartitionName=p Nodes=n\n"
    (made / "slurm.conf").write_text(conf)
    return made


def sbatchs_words(directory: Path, text: str) -> list[str] | None:
    """The words of a script's first component, as the installed sbatch tells; None: it ended."""
    (directory / "script").write_text(text, encoding="utf-8")
    run = subprocess.run(
        ["sbatch", "-vvv", directory / "script"],
        # It reads its environment behind the script: so it ends there, and asks no slurmctld.
        env={"SLURM_CONF": str(directory / "slurm.conf"), "SBATCH_GRES_FLAGS": "x",
             "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=False,
    )  # fmt: skip
    told = run.stderr.decode(errors="replace")  # of a letter that it does not know it tells a byte
    found = re.findall(r'debug2: Found in script, argument "(.*)"\n', told)
    return None if "fatal" in told else found


@given(st.lists(lines, min_size=1, max_size=4))
@example(["#SBATCH-\u00e9"])
@settings(max_examples=150, deadline=None)
def test_any_line_is_cut_as_the_installed_sbatch_cuts_it(directory: Path, some: list[str]) -> None:
    text = "\n".join(["#!/bin/sh", *some, ""])
    script, theirs = lexer.read(text), sbatchs_words(directory, text)
    first = script.separators[0] if script.separators else len(text)
    if any(fault.line < first for fault in script.faults):
        return  # it ends, or drops words in silence
    assert theirs == [word.text for word in script.components[0]]


def test_a_long_script_is_read_no_further_than_it_must() -> None:
    script = lexer.read("#!/bin/sh\n#SBATCH -n2\n" + "echo\n" * 300_000 + "#SBATCH -n3\n")
    assert [word.text for word in script.components[0]] == ["-n2"]
    assert [warning.line for warning in script.warnings] == [300_003]
