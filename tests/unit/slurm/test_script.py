"""What sbatch checks of a script, and slurmctld does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.slurm.drafts import draft, reasons

from hpcagent.slurm import script

LIMIT = 1000


def checked(text: str, directives: str = "IGNORE") -> tuple[str, list[str], list[str]]:
    """Check a script; what Slurm gets, the reasons why it does not, and the warnings."""
    noted = draft()
    result = script.check(text, directives, LIMIT, noted)
    assert {field for field, _ in reasons(noted)} <= {"script"}
    return result, [why for _, why in reasons(noted)], [warning.name for warning in noted.warnings]


@pytest.mark.parametrize("text", ["#!/bin/sh\n", "#!/bin/sh", "#! /usr/bin/env python3\npass\n"])
def test_a_script_is_passed_on_as_it_is(text: str) -> None:
    assert checked(text) == (text, [], [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["SCRIPT_EMPTY"]),
        (" \n\t\r\n", ["SCRIPT_EMPTY"]),
        ("echo hello\n", ["SCRIPT_NO_INTERPRETER"]),
        ("\n#!/bin/sh\n", ["SCRIPT_NO_INTERPRETER"]),
        (" #!/bin/sh\n", ["SCRIPT_NO_INTERPRETER"]),
        ("#", ["SCRIPT_NO_INTERPRETER"]),
        ("\ufeff#!/bin/sh\n", ["SCRIPT_NO_INTERPRETER"]),
        ("#!/bin/sh\nprintf '\0'\n", ["NUL_CHARACTER"]),
        ("\0", ["SCRIPT_NO_INTERPRETER", "NUL_CHARACTER"]),
        ("echo\0" + "x" * LIMIT, ["SCRIPT_NO_INTERPRETER", "NUL_CHARACTER", "SCRIPT_TOO_LONG"]),
    ],
)
def test_what_is_no_script_is_refused_with_every_fault(text: str, expected: list[str]) -> None:
    assert checked(text)[1] == expected


def test_a_byte_order_mark_is_named() -> None:
    noted = draft()
    script.check("\ufeff#!/bin/sh\n", "IGNORE", LIMIT, noted)
    assert "byte order mark" in noted.faults[0].description


def test_dos_line_ends_are_converted_with_a_warning() -> None:
    assert checked("#!/bin/sh\r\necho\r\n") == (
        "#!/bin/sh\necho\n",
        [],
        ["SCRIPT_CRLF_CONVERTED"],
    )


def test_a_lone_carriage_return_is_part_of_its_line() -> None:
    assert checked("#!/bin/sh\necho a\rb\n") == ("#!/bin/sh\necho a\rb\n", [], [])


@pytest.mark.parametrize("character", ["x", "ü", "€", "🂡"])
def test_the_limit_counts_bytes(character: str) -> None:
    width = len(character.encode())
    room = (LIMIT - len("#!/bin/sh\n")) // width
    fits = "#!/bin/sh\n" + character * room
    fits += "." * (LIMIT - len(fits.encode()))
    assert checked(fits)[1] == []
    assert checked(fits + ".")[1] == ["SCRIPT_TOO_LONG"]


def test_the_limit_counts_what_slurm_gets() -> None:
    fits = "#!/bin/sh\r\n" + "x" * (LIMIT - len("#!/bin/sh\n"))
    assert checked(fits)[1] == []


DIRECTIVES = {
    "first": "#!/bin/sh\n#SBATCH -N 2\n",
    "after comments": "#!/bin/sh\n# a\n\n  # b\n\t\n#SBATCH --exclusive\n",
    "after DOS lines": "#!/bin/sh\r\n\r\n#SBATCH -N 2\r\n",
    "without space": "#!/bin/sh\n#SBATCH-N2\n",
    "old word": "#!/bin/sh\n#SLURM -N 2\n",
}


@pytest.mark.parametrize("text", DIRECTIVES.values(), ids=DIRECTIVES)
def test_a_directive_can_be_refused_by_its_line(text: str) -> None:
    noted = draft()
    script.check(text, "REJECT", LIMIT, noted)
    (fault,) = noted.faults
    line = next(n for n, line in enumerate(text.split("\n"), 1) if line.startswith("#S"))
    assert fault.reason == "SCRIPT_HAS_DIRECTIVES"
    assert f"line {line} " in fault.description


@pytest.mark.parametrize("text", DIRECTIVES.values(), ids=DIRECTIVES)
@pytest.mark.parametrize("directives", ["HONOUR", "IGNORE"])
def test_directives_are_a_part_of_the_script(text: str, directives: str) -> None:
    assert checked(text, directives)[1] == []


@pytest.mark.parametrize(
    "text",
    [
        "#!/bin/sh\necho\n#SBATCH -N 2\n",
        "#!/bin/sh\n #SBATCH -N 2\n",
        "#!/bin/sh\n##SBATCH -N 2\n",
        "#!/bin/sh\n# SBATCH -N 2\n",
        "#!/bin/sh\n#sbatch -N 2\n",
        "#!/bin/sh\necho '\n#SBATCH -N 2'\n",
        "#!/bin/sh\n\u00a0\n#SBATCH -N 2\n",
    ],
)
def test_what_sbatch_takes_for_a_comment_is_one(text: str) -> None:
    assert checked(text, "REJECT")[1] == []


@given(text=st.text(), directives=st.sampled_from(["HONOUR", "IGNORE", "REJECT"]))
def test_what_is_accepted_is_what_sbatch_would_accept(text: str, directives: str) -> None:
    result, faults, _ = checked("#!" + text, directives)
    if not faults:
        assert result == "#!" + text.replace("\r\n", "\n")
        assert "\0" not in result
        assert len(result.encode()) <= LIMIT
