"""How answers are laid out for a person."""

from typing import Any

import pytest

from hpcagent.cli import tables


@pytest.mark.parametrize(
    ("duration", "shown"),
    [("", ""), ("0s", "00:00:00"), ("59.5s", "00:00:59"), ("93784s", "1-02:03:04")],
)
def test_a_length_of_time_is_shown_as_slurm_does(duration: str, shown: str) -> None:
    assert tables.clock(duration) == shown


def test_columns_are_as_wide_as_they_need_to_be() -> None:
    columns = (("A", tables.field("a")), ("B", tables.field("b.c")))
    rows: list[dict[str, Any]] = [{"a": "long", "b": {"c": 1}}, {"a": "", "b": None}]
    assert tables.table(columns, rows) == ["A     B", "long  1", "-     -"]


def test_a_table_of_nothing_has_its_head() -> None:
    assert tables.table((("A", tables.field("a")),), []) == ["A"]


def test_no_limit_is_not_unset() -> None:
    shown = tables.limit("max_time")
    assert [shown({"max_time": {"unlimited": {}}}), shown({})] == ["infinite", ""]


def test_memory_and_resources_are_shown_in_slurms_units() -> None:
    row = {"tres": [{"type": "mem", "name": "", "count": str(2000 << 20)},
                    {"type": "gres", "name": "gpu:a100", "count": "2"}],
           "gres": [{"name": "gpu", "type": "a100", "count": "2"}]}  # fmt: skip
    assert tables.amounts("tres")(row) == "mem=2000M,gres/gpu:a100=2"
    assert tables.gres("gres")(row) == "gpu:a100:2"


def test_details_leave_out_what_is_empty_but_not_what_is_zero_or_false() -> None:
    answer = {"name": "x", "empty": "", "none": [], "id": {"job_id": 7}, "steps": [{"id": "batch"}],
              "code": 0, "responding": False}  # fmt: skip
    assert tables.details(answer) == [
        "name: x", "id:", "  job_id: 7", "steps:", "  id: batch", "code: 0", "responding: False",
    ]  # fmt: skip


def test_what_a_terminal_would_obey_is_not_shown() -> None:
    name = "\x1b[2J\x9b31m\u202ename\ttab\nline"
    (_, line) = tables.table((("NAME", tables.field("name")),), [{"name": name}])
    assert line == "?[2J?31m?name tab line"
    assert tables.details({"name": name}) == ["name: ?[2J?31m?name tab line"]


def test_columns_stand_below_each_other_whatever_the_script() -> None:
    columns = (("NAME", tables.field("a")), ("B", tables.field("b")))
    rows: list[dict[str, Any]] = [
        {"a": "名前", "b": 1},
        {"a": "e\u0301e\u0301", "b": 2},
        {"a": "äöü"},
    ]
    assert tables.table(columns, rows) == ["NAME  B", "名前  1", "e\u0301e\u0301    2", "äöü   -"]


@pytest.mark.parametrize(
    ("line", "columns", "shown"),
    [("plain", 80, "plain"), ("plain", 3, "pla"), ("名前", 3, "名"), ("", 3, ""), ("a", 0, "")],
)
def test_a_line_is_cut_where_the_terminal_ends(line: str, columns: int, shown: str) -> None:
    assert tables.cut(line, columns) == shown
