"""Generic resources and GPUs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.slurm.grammar.tables import comes_back, refusal

from hpcagent.jobs.spec import Gres
from hpcagent.slurm.grammar.forms import NOT_GIVEN
from hpcagent.slurm.grammar.resources import GPUS, GRES


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("gpu", [Gres("gpu")]),
        ("gpu:2", [Gres("gpu", "", 2)]),
        ("gpu:tesla", [Gres("gpu", "tesla")]),
        ("gpu:tesla:2", [Gres("gpu", "tesla", 2)]),
        ("gpu:4090:2", [Gres("gpu", "4090", 2)]),
        ("gpu:2,fpga", [Gres("gpu", "", 2), Gres("fpga")]),
        ("gres:gpu:2,gres/fpga:1", [Gres("gpu", "", 2), Gres("fpga", "", 1)]),
        ("bandwidth:1k", [Gres("bandwidth", "", 1024)]),
        ("bandwidth:lustre:4G", [Gres("bandwidth", "lustre", 4 << 30)]),
        ("gpu:a100_80g", [Gres("gpu", "a100_80g")]),
    ],
)
def test_resources_have_a_type_and_a_count(text: str, items: list[Gres]) -> None:
    assert GRES.read(text) == tuple(items)


@pytest.mark.parametrize(
    "text", ["gpu:", ":2", "gpu::2", "gpu:a:b:2", "gpu:2x", "gpu,", "none", "help", "gpu:tesla:x"]
)
def test_other_resources_are_refused(text: str) -> None:
    assert refusal(GRES, text) == "GRES_FORM"


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("2", [Gres("gpu", "", 2)]),
        ("tesla:2", [Gres("gpu", "tesla", 2)]),
        ("volta:3,kepler:1", [Gres("gpu", "volta", 3), Gres("gpu", "kepler", 1)]),
        ("tesla", [Gres("gpu", "tesla")]),
    ],
)
def test_gpus_are_counted_by_type(text: str, items: list[Gres]) -> None:
    assert GPUS.read(text) == tuple(items)


def test_an_empty_text_asks_for_none() -> None:
    assert GPUS.read("") is NOT_GIVEN


types = st.sampled_from(["", "tesla", "a100"])
some = st.builds(Gres, st.sampled_from(["gpu", "fpga"]), types, st.integers(1, 99))


@given(st.lists(some, min_size=1, max_size=3).map(tuple))
def test_written_resources_are_read_as_themselves(items: tuple[Gres, ...]) -> None:
    assert comes_back(GRES, items)
    gpus = tuple(Gres("gpu", item.type, item.count) for item in items)
    assert comes_back(GPUS, gpus)
