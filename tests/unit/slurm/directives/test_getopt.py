"""Words into options, as getopt_long sees them."""

import pytest
from unit.slurm.drafts import RELEASE

from hpcagent.slurm.directives.getopt import Getopt
from hpcagent.slurm.directives.lexer import Word
from hpcagent.slurm.directives.spellings import SPELLINGS


def read(
    *words: str, release: tuple[int, int, int] = RELEASE
) -> tuple[list[tuple[str, str | None]], list[str]]:
    """The options with their texts, and the reasons of the faults."""
    getopt = Getopt([Word(word, 2) for word in words], SPELLINGS, release)
    given = [(option.spelling.target, option.text) for option in getopt.options()]
    return given, [fault.reason for fault in getopt.faults]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--nodes=2"], [("nodes", "2")]),
        (["--nodes", "2"], [("nodes", "2")]),
        (["-N2"], [("nodes", "2")]),
        (["-N", "2"], [("nodes", "2")]),
        (["-N=2"], [("nodes", "=2")]),  # sbatch refuses the value
        (["--nodes", "-n"], [("nodes", "-n")]),
        (["--comment="], [("comment", "")]),
        (["--comment=a=b"], [("comment", "a=b")]),
        (["--hold"], [("hold", None)]),
        (["-H"], [("hold", None)]),
        (["-HOs"], [("hold", None), ("overcommit", None), ("oversubscribe", None)]),
        (["-HN2"], [("hold", None), ("nodes", "2")]),
        (["-HN", "2"], [("hold", None), ("nodes", "2")]),
        (["-k"], [("no_kill", None)]),
        (["-koff"], [("no_kill", "off")]),
        (["--no-kill=off"], [("no_kill", "off")]),
        (["--exclusive"], [("exclusive", None)]),
        (["--exclusive=user"], [("exclusive", "user")]),
        (["--nice"], [("nice", None)]),
        (["--tasks-per-node=2"], [("ntasks_per_node", "2")]),
        (["--cluster=c1"], [("clusters", "c1")]),
        (["--part=debug"], [("partition", "debug")]),
        (["--job=x"], [("name", "x")]),
        (["--cpus-per-t", "2"], [("cpus_per_task", "2")]),
        (["--mem=1"], [("mem_bytes", "1")]),
        (["-N1", "--"], [("nodes", "1")]),
        ([], []),
    ],
)
def test_an_option_is_read_in_every_form(
    words: list[str], expected: list[tuple[str, str | None]]
) -> None:
    assert read(*words) == (expected, [])


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--bogus"], "UNKNOWN_OPTION"),
        (["--bogus=1"], "UNKNOWN_OPTION"),
        (["--nodesx=1"], "UNKNOWN_OPTION"),
        (["-z"], "UNKNOWN_OPTION"),
        (["-Hz"], "UNKNOWN_OPTION"),
        (["--gpus-per=1"], "OPTION_AMBIGUOUS"),
        (["--mem-p=1"], "OPTION_AMBIGUOUS"),
        (["--="], "OPTION_AMBIGUOUS"),
        (["--hold=yes"], "OPTION_TAKES_NO_VALUE"),
        (["--comment"], "OPTION_NEEDS_VALUE"),
        (["-N"], "OPTION_NEEDS_VALUE"),
        (["stray"], "DIRECTIVE_FORM"),
        (["-"], "DIRECTIVE_FORM"),
        (["--", "-N2"], "DIRECTIVE_FORM"),
        (["--segment=4"], "SLURM_TOO_OLD"),
    ],
)
def test_what_sbatch_does_not_know_is_a_fault(words: list[str], reason: str) -> None:
    assert read(*words)[1] == [reason]


def test_the_reading_goes_on_behind_a_fault() -> None:
    given, reasons = read("--bogus", "1", "-N2", "stray", "--hold=x", "--", "-n3")
    assert given == [("nodes", "2"), ("ntasks", "3")]
    assert reasons == [
        "UNKNOWN_OPTION", "DIRECTIVE_FORM", "OPTION_TAKES_NO_VALUE", "DIRECTIVE_FORM"
    ]  # fmt: skip


def test_what_nearly_any_option_begins_with_is_told_in_few_words() -> None:
    getopt = Getopt([Word("--=1", 2)], SPELLINGS, RELEASE)
    assert list(getopt.options()) == []
    (fault,) = getopt.faults
    assert fault.said.startswith("has --, which can mean --comment, --account")
    assert len(fault.said) < 250


def test_an_abbreviation_counts_only_options_of_the_installed_release() -> None:
    assert read("--ext=2:1")[0] == [("extra_node_info", "2:1")]
    assert read("--ext=2:1", release=(23, 2, 0))[1] == ["OPTION_AMBIGUOUS"]
    assert read("--extra=x", release=(23, 2, 0))[0] == [("extra", "x")]


def test_an_option_that_is_gone_is_named_with_its_release() -> None:
    getopt = Getopt([Word("--power=level", 7)], SPELLINGS, (24, 5, 0))
    assert list(getopt.options()) == []
    (fault,) = getopt.faults
    assert (fault.line, fault.reason) == (7, "SLURM_TOO_NEW")
    assert "24.05.0" in fault.said
