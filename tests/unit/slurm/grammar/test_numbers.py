"""Counts, node counts, the nice value and the priority."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.slurm.grammar.tables import comes_back, refusal

from hpcagent.jobs.spec import NodeCount
from hpcagent.slurm.grammar import numbers
from hpcagent.slurm.grammar.forms import Instead


@pytest.mark.parametrize(("text", "count"), [("4", 4), (" 4", 4), ("+4", 4), ("007", 7)])
def test_a_count_is_what_strtol_reads(text: str, count: int) -> None:
    assert numbers.COUNT.read(text) == count


@pytest.mark.parametrize("text", ["", "x", "4x", "4 ", "1k", "0x10", "1.0", "٤"])
def test_what_is_no_number_is_no_count(text: str) -> None:
    assert refusal(numbers.COUNT, text) == "NUMBER_FORM"


@pytest.mark.parametrize("text", ["0", "-1", "2147483648", "99999999999999999999"])
def test_a_count_is_in_range(text: str) -> None:
    assert refusal(numbers.COUNT, text) == "OUT_OF_RANGE"


def test_some_counts_may_be_zero() -> None:
    assert numbers.COUNT_OR_NONE.read("0") == 0
    assert refusal(numbers.COUNT_OR_NONE, "-1") == "OUT_OF_RANGE"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("4", NodeCount(4)),
        ("4 ", NodeCount(4)),
        ("2-4", NodeCount(2, 4)),
        ("2-2", NodeCount(2, 2)),
        ("-4", NodeCount(1, 4)),
        ("1k", NodeCount(1024)),
        ("1K-2k", NodeCount(1024, 2048)),
        ("1m", NodeCount(1 << 20)),
        ("1km", NodeCount(1 << 30)),
        ("2,4", NodeCount(sizes="2,4")),
        ("1-15:4", NodeCount(sizes="1-15:4")),
    ],
)
def test_nodes_are_a_number_or_a_range(text: str, count: NodeCount) -> None:
    assert numbers.NODES.read(text) == count


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "NODES_FORM"),
        ("x", "NODES_FORM"),
        ("2-", "NODES_FORM"),
        ("-", "NODES_FORM"),
        ("2-4-6", "NODES_FORM"),
        ("2,x", "NODES_FORM"),
        (",2", "NODES_FORM"),
        ("1mk", "NODES_FORM"),
        ("4-2", "OUT_OF_RANGE"),
        ("0", "OUT_OF_RANGE"),
        ("2-0", "OUT_OF_RANGE"),
        ("9999m", "OUT_OF_RANGE"),
    ],
)
def test_other_nodes_are_refused(text: str, reason: str) -> None:
    assert refusal(numbers.NODES, text) == reason


counts = st.integers(1, numbers.INT_MAX)


@given(counts, st.none() | st.integers(1, 100))
def test_written_nodes_are_read_as_themselves(least: int, more: int | None) -> None:
    most = None if more is None else min(least + more, numbers.INT_MAX)
    count = NodeCount(least, None if most == least else most)
    assert comes_back(numbers.NODES, count)
    assert comes_back(numbers.NODES, NodeCount(sizes=f"{least},7"))


@pytest.mark.parametrize(("text", "nice"), [("5", 5), ("-5", -5), ("0", 0)])
def test_a_nice_value_has_a_sign(text: str, nice: int) -> None:
    assert numbers.NICE.read(text) == nice


def test_a_bare_nice_is_a_hundred() -> None:
    assert numbers.NICE.bare == 100


@pytest.mark.parametrize("text", ["high", "5x", "1e3"])
def test_a_nice_value_that_sbatch_takes_for_another_is_refused(text: str) -> None:
    assert refusal(numbers.NICE, text) == "NUMBER_FORM"


def test_a_priority_may_be_the_top() -> None:
    assert numbers.PRIORITY.read("TOP") == numbers.PRIORITY.read("top") == 4294967293
    assert numbers.PRIORITY.read("17") == 17


def test_a_priority_of_zero_is_a_hold() -> None:
    assert numbers.PRIORITY.read("0") == Instead("hold", value=True)


@pytest.mark.parametrize("text", ["-1", "4294967294"])
def test_a_priority_is_in_range(text: str) -> None:
    assert refusal(numbers.PRIORITY, text) == "OUT_OF_RANGE"


def test_a_bit_is_zero_or_one() -> None:
    assert [numbers.BIT.read(text) for text in "01"] == [False, True]
    assert refusal(numbers.BIT, "2") == "OUT_OF_RANGE"
    assert numbers.BIT_OR_BARE.bare is True
