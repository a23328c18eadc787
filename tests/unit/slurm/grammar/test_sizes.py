"""Amounts of memory and disk, as str_to_mbytes reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.slurm.grammar.tables import comes_back, refusal

from hpcagent.slurm.grammar.sizes import SIZE

KIB, MIB, GIB, TIB = 1 << 10, 1 << 20, 1 << 30, 1 << 40


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4000", 4000 * MIB),
        ("0", 0),
        ("512K", 512 * KIB),
        ("512k", 512 * KIB),
        ("512KB", 512 * KIB),
        ("4M", 4 * MIB),
        ("4mb", 4 * MIB),
        ("16G", 16 * GIB),
        ("16GB", 16 * GIB),
        ("2T", 2 * TIB),
        ("+1", MIB),
    ],
)
def test_a_size_may_have_a_unit(text: str, size: int) -> None:
    assert SIZE.read(text) == size


@pytest.mark.parametrize("text", ["", "G", "4P", "4 G", "4Gi", "4GiB", "1.5G", "-1", "4B", "4BB"])
def test_another_form_is_refused(text: str) -> None:
    assert refusal(SIZE, text) == "SIZE_FORM"


@given(st.integers(0, 1 << 40).map(lambda kibibytes: kibibytes * KIB))
def test_a_written_size_is_read_as_itself(size: int) -> None:
    assert comes_back(SIZE, size)
