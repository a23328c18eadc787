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


def test_details_leave_out_what_is_not_set() -> None:
    answer = {"name": "x", "empty": "", "id": {"job_id": 7}, "steps": [{"id": "batch"}], "zero": 0}
    assert tables.details(answer) == ["name: x", "id:", "  job_id: 7", "steps:", "  id: batch"]
