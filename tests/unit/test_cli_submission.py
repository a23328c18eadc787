"""How the options of a command line become those of a script."""

from pathlib import Path
from typing import Any

import pytest

from hpcagent.cli import submission
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
    assert made.splitlines() == [
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
    (word,) = (word for component in lexer.read(made).components for word in component)
    assert word.text == f"--comment={text}"


def test_a_value_of_several_lines_is_refused() -> None:
    with pytest.raises(SystemExit):
        submission.with_directives("#!/bin/sh\n", [], [("--comment", "a\nb")])


def test_a_script_and_a_command_are_not_taken_together(tmp_path: Path) -> None:
    script = tmp_path / "s.sh"
    script.write_text("#!/bin/sh\n")
    with pytest.raises(SystemExit):
        submission.request(parsed("--wrap=true", str(script)))
