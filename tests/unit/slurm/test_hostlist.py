"""Hostlists: what they name, and that none of them costs more than it is worth."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcagent.slurm.hostlist import MAX_LENGTH, MAX_NODES, compress, expand

QUICK = 2.0
"""Seconds for the worst of lists on a busy machine; without limits they take minutes."""


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("cn1", ["cn1"]),
        ("login", ["login"]),
        ("cn2,cn1", ["cn1", "cn2"]),
        ("cn1,cn1,cn[1-1]", ["cn1"]),
        ("cn[1-3]", ["cn1", "cn2", "cn3"]),
        ("cn[08-11]", ["cn08", "cn09", "cn10", "cn11"]),
        ("cn[1,3-4,07],gpu7", ["cn1", "cn3", "cn4", "cn07", "gpu7"]),
        ("r[1-2]n[1-2]", ["r1n1", "r1n2", "r2n1", "r2n2"]),
        ("cn[1-2]-ib", ["cn1-ib", "cn2-ib"]),
        ("cn10,cn9,cn100", ["cn9", "cn10", "cn100"]),
        ("r10n1,r9n1,r9n10", ["r9n1", "r9n10", "r10n1"]),
        ("[1-2]", ["1", "2"]),
    ],
)
def test_a_hostlist_names_its_nodes_once_in_order(expression: str, names: list[str]) -> None:
    assert sorted(expand(expression)) == sorted(names)
    if "07" not in expression:
        assert list(expand(expression)) == names


@pytest.mark.parametrize(
    "expression",
    ["", ",", "a,", ",a", "a,,b", "a b", "a\n", "cn[", "cn]", "cn[]", "cn[1", "cn1]", "cn[1-]",
     "cn[-1]", "cn[3-1]", "cn[a-b]", "cn[1 - 2]", "cn[1,]", "cn[[1]]", "cn[1-2-3]",
     "cn[1234567890]", "cn[0-99999]", "cn[0-9][0-99999]", "a[0-65535],b"],
)  # fmt: skip
def test_what_is_no_hostlist_is_refused_in_the_users_words(expression: str) -> None:
    with pytest.raises(ValueError, match=r"names more|not of the form|is no number|the range"):
        expand(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "n" + "[0-65535]" * 7000,
        "n[" + ",".join(["0-65535"] * 8000) + "]",
        ",".join(["n[0-65535]"] * 6000),
        "n" + "[1]" * 20000,
        "9" * MAX_LENGTH + "x",
        "9" * MAX_LENGTH,
        "[" * MAX_LENGTH,
        "n[" + "1," * 30000 + "1]",
        "1a" * (MAX_LENGTH // 2),
    ],
    ids=["product", "brackets", "items", "single", "digits", "number", "open", "commas", "natural"],
)
def test_no_hostlist_costs_more_than_it_is_worth(expression: str) -> None:
    begin = time.process_time()
    try:
        names = expand(expression)
    except ValueError:
        names = ()
    compress(names)
    assert time.process_time() - begin < QUICK


def test_as_many_nodes_as_slurm_takes_can_be_named() -> None:
    assert len(expand(f"n[0-{MAX_NODES - 1}]")) == MAX_NODES


names = st.from_regex(r"[a-z]{1,3}(-[a-z])?[0-9]{0,3}(x[0-9]{1,2})?", fullmatch=True)


@given(given_names=st.lists(names, min_size=1, max_size=30))
def test_what_is_compressed_names_the_same_nodes(given_names: list[str]) -> None:
    expanded = expand(",".join(given_names))
    assert set(expanded) == set(given_names)
    assert expand(compress(expanded)) == expanded


@given(text=st.text(alphabet="ab019[],- \n\u0663", max_size=40))
def test_any_text_is_a_hostlist_or_refused(text: str) -> None:
    try:
        expanded = expand(text)
    except ValueError:
        return
    assert len(set(expanded)) == len(expanded) > 0
    assert expand(compress(expanded)) == expanded
