"""Slurm's TRES strings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcagent.jobs.model import Tres
from hpcagent.slurm.tres import parse

MIB, GIB = 1 << 20, 1 << 30


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("", ()),
        ("cpu=4", (Tres("cpu", "", 4),)),
        (
            "cpu=4,mem=8000M,node=1,billing=4,gres/gpu=2,gres/gpu:a100=2",
            (
                Tres("cpu", "", 4),
                Tres("mem", "", 8000 * MIB),
                Tres("node", "", 1),
                Tres("billing", "", 4),
                Tres("gres", "gpu", 2),
                Tres("gres", "gpu:a100", 2),
            ),
        ),
        ("mem=2.50G", (Tres("mem", "", 2560 * MIB),)),
        ("mem=1T", (Tres("mem", "", 1024 * GIB),)),
        ("mem=1P", (Tres("mem", "", 1024**2 * GIB),)),
        ("mem=500", (Tres("mem", "", 500 * MIB),)),
        ("mem=0", (Tres("mem", "", 0),)),
        ("bb/datawarp=100G", (Tres("bb", "datawarp", 100 * GIB),)),
        ("license/matlab=2", (Tres("license", "matlab", 2),)),
        ("ic/ofed=2K", (Tres("ic", "ofed", 2048),)),
        ("fs/disk=512,fs/lustre=1K", (Tres("fs", "disk", 512), Tres("fs", "lustre", 1024))),
        ("billing=18446744073709551613", (Tres("billing", "", 2**64 - 3),)),
        ("cpu=4,mem", (Tres("cpu", "", 4),)),
        ("cpu=,node=1", (Tres("node", "", 1),)),
        ("mem=?,node=1", (Tres("node", "", 1),)),
        ("mem=1?,node=1", (Tres("node", "", 1),)),
        ("cpu=4x4,node=1", (Tres("node", "", 1),)),
    ],
)
def test_a_tres_string_is_read(text: str, parsed: tuple[Tres, ...]) -> None:
    assert parse(text) == parsed


@given(text=st.text(alphabet="cpumem/gres:=,.0123456789KMGTP?-"))
def test_any_string_is_read_as_far_as_it_can_be(text: str) -> None:
    assert all(tres.count >= 0 for tres in parse(text))
