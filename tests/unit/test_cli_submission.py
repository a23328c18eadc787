"""How the options of a command line become those of a script."""

from pathlib import Path
from typing import Any

import pytest

from hpcagent import cli
from hpcagent.cli import submission
from hpcagent.client import AgentFailure
from hpcagent.client.failures import Fault
from hpcagent.slurm.directives import lexer

SCRIPT = "#!/bin/sh\n#SBATCH --time=5\n# said\n\necho '#SBATCH --time=6'\n"


def parsed(*words: str) -> Any:  # noqa: ANN401 - argparse.Namespace
    parser = submission.SubmitParser(allow_abbrev=False)
    submission.add_options(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize(
    ("words", "given", "script"),
    [
        (("-t", "5", "run.sh"), [("--time", "5")], "run.sh"),
        (("--time=5", "-n2", "run.sh"), [("--time", "5"), ("--ntasks", "2")], "run.sh"),
        (("--exclusive", "run.sh"), [("--exclusive", submission.BARE)], "run.sh"),
        (("--exclusive=user", "run.sh"), [("--exclusive", "user")], "run.sh"),
        (("-H", "run.sh", "--exclusive"), [("--hold", None)], "run.sh"),
        (
            ("--part=debug", "--job", "x", "run.sh"),
            [("--partition", "debug"), ("--job-name", "x")],
            "run.sh",
        ),
        (("--exclusi", "run.sh"), [("--exclusive", submission.BARE)], "run.sh"),
        (("--gpus-per=1", "run.sh"), None, None),
        (("--comment", "-x", "run.sh"), None, None),
    ],
)
def test_options_are_read_as_sbatch_reads_them(
    words: tuple[str, ...], given: list[tuple[str, str | None]] | None, script: str | None
) -> None:
    if given is None:
        with pytest.raises(SystemExit):
            parsed(*words)
        return
    found = parsed(*words)
    assert (found.given, found.script) == (given, script)


def test_arguments_of_the_script_are_its_own() -> None:
    found = parsed("-H", "run.sh", "--exclusive", "-t", "5")
    assert found.argv == ["--exclusive", "-t", "5"]


def test_options_stand_behind_the_scripts_own_and_defaults_before_them() -> None:
    made = submission.with_directives(SCRIPT, [("--job-name", "x")], [("--hold", None)])
    assert made.text.splitlines() == [
        "#!/bin/sh",
        '#SBATCH --job-name="x"',
        "#SBATCH --time=5",
        "# said",
        "",
        "#SBATCH --hold",
        "echo '#SBATCH --time=6'",
    ]


@pytest.mark.parametrize(
    "text", ["plain", 'with "quotes"', "back\\slash", "# no comment", "it's", ""]
)
def test_a_value_is_read_as_it_was_given(text: str) -> None:
    made = submission.with_directives("#!/bin/sh\n", [], [("--comment", text)])
    (word,) = (word for component in lexer.read(made.text).components for word in component)
    assert word.text == f"--comment={text}"


def test_a_comment_goes_on_to_the_end_of_its_line() -> None:
    script = "#!/bin/sh\n# a\x0cb\u2028c\x85d\nexit 0"
    made = submission.with_directives(script, [], [("--hold", None)])
    assert made.text == "#!/bin/sh\n# a\x0cb\u2028c\x85d\n#SBATCH --hold\nexit 0"


@pytest.mark.parametrize("script", ["", "#!/bin/sh", "#!/bin/sh\n# last"])
def test_a_script_without_a_command_gets_options_on_lines_of_their_own(script: str) -> None:
    made = submission.with_directives(script, [("--job-name", "x")], [("--hold", None)])
    found = [line for line in made.text.splitlines() if line.startswith("#SBATCH")]
    assert found == ['#SBATCH --job-name="x"', "#SBATCH --hold"]


def test_every_component_of_a_script_gets_the_options() -> None:
    script = "#!/bin/sh\n#SBATCH -n2\n#SBATCH hetjob\n#SBATCH -n3\ntrue\n"
    given = [("--hold", None), ("--chdir", "/w")]
    made = submission.with_directives(script, [("--job-name", "x")], given)
    found = [[word.text for word in component] for component in lexer.read(made.text).components]
    assert found == [["--job-name=x", "-n2", "--hold", "--chdir=/w"], ["-n3", "--hold"]]


def test_an_indented_comment_does_not_keep_options_from_winning() -> None:
    script = "#!/bin/sh\n  # said\n#SBATCH -n4\ntrue\n"
    made = submission.with_directives(script, [], [("--ntasks", "2")])
    assert made.text == '#!/bin/sh\n  # said\n#SBATCH -n4\n#SBATCH --ntasks="2"\ntrue\n'


def test_a_script_without_an_interpreter_is_at_fault_for_that_alone() -> None:
    made = submission.with_directives("echo\n", [("--chdir", "/w")], [("--hold", None)])
    (component,) = lexer.read(made.text).components
    assert [word.text for word in component] == ["--chdir=/w", "--hold"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("line 2: --job-name is", "--job-name is"),
        ("line 3: --time is", "line 2: --time is"),
        ("line 6: --hold is", "--hold is"),
        ("commands begin on line 7, as", "commands begin on line 5, as"),
        ("line 70: is", "line 70: is"),
        ("has no lines", "has no lines"),
    ],
)
def test_lines_are_told_by_the_numbers_that_they_have_in_the_callers_script(
    said: str, told: str
) -> None:
    made = submission.with_directives(SCRIPT, [("--job-name", "x")], [("--hold", None)])
    assert made.told(said) == told


def test_a_fault_of_the_command_line_is_told_as_that() -> None:
    made = submission.with_directives(SCRIPT, [("--job-name", "x")], [("--time", "x")])
    faults = [
        Fault("script", "line 6: --time is 'x'", "TIME_FORM"),
        Fault("script", "line 3: --time is '5'", "TIME_FORM"),
        Fault("user", "is unknown", "USER_UNKNOWN"),
    ]
    told = made.retold(AgentFailure("INVALID_ARGUMENT", "", "", tuple(faults)))
    assert list(told.lines()) == [
        "command line: --time is 'x' [TIME_FORM]",
        "script: line 2: --time is '5' [TIME_FORM]",
        "user: is unknown [USER_UNKNOWN]",
    ]


def test_an_unknown_option_is_told_with_the_usage_of_its_verb(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["job", "submit", "--colour=red"])
    said = capsys.readouterr().err
    assert "usage: hpcagent job submit" in said
    assert "--colour=red" in said


def test_every_option_of_sbatch_is_listed_as_getopt_takes_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["job", "submit", "--help"])
    said = capsys.readouterr().out
    for one in submission.TAKEN:
        assert (f"--{one.long}" in said) == (not one.idle), one.long
    assert "-t, --time=TIME" in said
    assert "--exclusive[=EXCLUSIVE]" in said
    assert "-H, --hold " in said


def test_a_value_of_several_lines_is_refused() -> None:
    with pytest.raises(SystemExit):
        submission.with_directives("#!/bin/sh\n", [], [("--comment", "a\nb")])


def test_a_script_and_a_command_are_not_taken_together(tmp_path: Path) -> None:
    script = tmp_path / "s.sh"
    script.write_text("#!/bin/sh\n")
    with pytest.raises(SystemExit):
        submission.request(parsed("--wrap=true", str(script)))


def test_the_characters_of_a_script_are_sent_as_they_are(tmp_path: Path) -> None:
    """Its line ends, too: the agent converts those of DOS, and says so."""
    script = tmp_path / "s.sh"
    script.write_bytes(b"#!/bin/sh\r\nprintf 'a\rb'\r\n")
    text = submission.request(parsed(str(script)))[0]["script"]
    assert text.endswith("printf 'a\rb'\r\n")
