"""Lengths of time, as time_str2secs reads them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.slurm.grammar.tables import comes_back, refusal

from hpcagent.slurm.grammar.lengths import LENGTH, LIMIT

MINUTE, HOUR, DAY = 60, 3600, 86400


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90 * MINUTE),
        ("1:30", 90),
        ("01:30:00", 90 * MINUTE),
        ("0:0:1", 1),
        ("2-12", 2 * DAY + 12 * HOUR),
        ("1-2:3", DAY + 2 * HOUR + 3 * MINUTE),
        ("1-02:03:04", DAY + 2 * HOUR + 3 * MINUTE + 4),
        ("7-", 7 * DAY),
        ("100:00:00", 100 * HOUR),
        ("0:90:90", 90 * MINUTE + 90),
        ("0", math.inf),
        ("00:00", math.inf),
        ("0-0:0:0", math.inf),
        ("UNLIMITED", math.inf),
        ("infinite", math.inf),
        ("-1", math.inf),
    ],
)
def test_a_limit_is_read_in_every_form(text: str, seconds: float) -> None:
    assert LIMIT.read(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "x", "1h", "1.5", " 5", "5 ", ":5", "5:", "1::2", "1:2:3:4", "-", "-5", "1-2-3",
     "1-2:3:4:5", "1:2-3", "1-:2", "+5", "\u0661"],
)  # fmt: skip
def test_another_form_is_refused(text: str) -> None:
    assert refusal(LIMIT, text) == "TIME_FORM"


def test_a_length_may_be_zero_but_not_endless() -> None:
    assert LENGTH.read("0") == 0
    assert refusal(LENGTH, "UNLIMITED") == "TIME_FORM"


@given(st.integers(1, 10**9) | st.just(math.inf))
def test_a_written_limit_is_read_as_itself(seconds: float) -> None:
    assert comes_back(LIMIT, seconds)
