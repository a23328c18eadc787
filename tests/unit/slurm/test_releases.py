"""How options are written for each release of Slurm; read from their sources: one is installed.

20.11: sbatch.c, _fill_job_desc_from_opts. 22.05 to 26.05: slurm_opt.c, slurm_opt_create_job_desc.
"""

from dataclasses import replace
from typing import Any

import pytest
from unit.slurm.drafts import SITE, SPEC

from hpcagent.jobs.errors import InvalidRequest
from hpcagent.jobs.spec import Gres, MemoryUpdate, NodeCount
from hpcagent.slurm.description.derive import JOB_CPUS_SET, JOB_NTASKS_SET
from hpcagent.slurm.description.descriptor import describe
from hpcagent.slurm.options import OPTIONS

BOUND = "gres/gpu:per_task:2"
SLOW = MemoryUpdate(20, 61)
Release = tuple[int, int, int]
OLD, OLDER, MIDDLE, NEW, NEWEST = (
    (20, 11, 9), (22, 5, 8), (23, 2, 0), (24, 11, 5), (26, 5, 3)
)  # fmt: skip


def members(release: Release, **options: object) -> Any:  # noqa: ANN401 - members of any type
    return describe(replace(SPEC, options=options), replace(SITE, release=release)).members


@pytest.mark.parametrize(
    ("release", "prefix"),
    [(OLD, ""), ((21, 8, 0), "gres:"), (OLDER, "gres:"), (MIDDLE, "gres:"),
     ((23, 11, 0), "gres/"), (NEW, "gres/"), (NEWEST, "gres/")],
)  # fmt: skip
def test_a_resource_is_named_as_the_release_wants_it(release: Release, prefix: str) -> None:
    one = (Gres("gpu", "tesla", 1),)
    written = members(
        release, gpus=one, gpus_per_node=one, gres=(Gres("nic"),), cpus_per_gpu=2,
        mem_per_gpu_bytes=1 << 30,
    )  # fmt: skip
    assert written["tres_per_job"] == f"{prefix}gpu:tesla:1"
    assert written["tres_per_node"] == f"{prefix}gpu:tesla:1,{prefix}nic"
    assert written["cpus_per_tres"] == f"{prefix}gpu:2"
    assert written["mem_per_tres"] == f"{prefix}gpu:1024"
    sockets = members(release, gpus_per_socket=one, sockets_per_node=1)
    assert sockets["tres_per_socket"] == f"{prefix}gpu:tesla:1"


@pytest.mark.parametrize(
    ("release", "text"),
    [(OLD, "gpu:single:2"), (OLDER, "gpu:single:2"), (NEW, "gres/gpu:single:2")],
)
def test_a_binding_names_its_resource_without_prefix_before_23_11(
    release: Release, text: str
) -> None:
    assert members(release, gpu_bind="single:2")["tres_bind"] == text


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        (OLDER, {"num_tasks": 6, "min_cpus": 6, "bitflags": JOB_NTASKS_SET}),
        (MIDDLE, {"min_cpus": 6}),
        (NEWEST, {"min_cpus": 6}),
    ],
)
def test_tasks_of_each_node_are_a_wish_for_their_sum_before_23_02_only(
    release: Release, expected: dict[str, int]
) -> None:
    written = members(release, nodes=NodeCount(2), ntasks_per_node=3)
    names = ("num_tasks", "min_cpus", "bitflags")
    assert {name: written[name] for name in names if name in written} == expected


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        (OLD, {"tres_per_task": "gpu:tesla:2"}),
        (OLDER, {"tres_per_task": "gres:gpu:tesla:2"}),
        ((23, 11, 0), {"tres_per_task": "cpu:3,gres/gpu:tesla:2", "tres_bind": BOUND}),
        (NEW, {"tres_per_task": "cpu=3,gres/gpu:tesla=2", "tres_bind": BOUND}),
        (NEWEST, {"tres_per_task": "cpu=3,gres/gpu:tesla=2", "tres_bind": BOUND}),
    ],
)
def test_from_23_11_on_what_each_task_has_is_one_list_and_bound(
    release: Release, expected: dict[str, str]
) -> None:
    written = members(release, gpus_per_task=(Gres("gpu", "tesla", 2),), cpus_per_task=3, ntasks=1)
    names = ("tres_per_task", "tres_bind")
    assert {name: written[name] for name in names if name in written} == expected


def test_a_binding_that_is_given_stands() -> None:
    one = (Gres("gpu"),)
    bound = members(NEW, gpus_per_task=one, gpu_bind="closest", ntasks=1)
    assert bound["tres_bind"] == "gres/gpu:closest"
    other = members(NEW, tres_per_task="gres/nic=1", gpu_bind="closest")
    assert other["tres_bind"] == "gres/gpu:closest+gres/nic:per_task:1"


def test_processors_of_a_list_are_processors_of_each_task() -> None:
    written = members(NEW, tres_per_task="cpu=4,license/x=1", ntasks=2)
    assert (written["cpus_per_task"], written["min_cpus"]) == (4, 8)
    with pytest.raises(InvalidRequest, match="cpus_per_task is given"):
        members(NEW, tres_per_task="cpu=4", cpus_per_task=2)
    with pytest.raises(InvalidRequest, match="must be 1 to"):
        members(NEW, tres_per_task="cpu=0")


def test_before_21_08_tasks_of_each_gpu_are_bound_to_it() -> None:
    gpus = (Gres("gpu", "", 1),)
    assert members(OLD, ntasks_per_gpu=2, gpus=gpus)["tres_bind"] == "gpu:single:2"
    assert members(OLD, ntasks_per_gpu=2, gpus=gpus, gpu_bind="none")["tres_bind"] == "gpu:none"
    assert "tres_bind" not in members(OLDER, ntasks_per_gpu=2, gpus=gpus)


@pytest.mark.parametrize(("release", "nodes"), [(OLDER, None), (MIDDLE, None), ((23, 11, 0), 3)])
def test_nodes_follow_from_tasks_from_23_11_on(release: Release, nodes: int | None) -> None:
    assert members(release, ntasks=5, ntasks_per_node=2).get("min_nodes") == nodes


@pytest.mark.parametrize("release", [MIDDLE, NEW, NEWEST])
@pytest.mark.parametrize(
    ("sizes", "least", "most", "text"),
    [
        ("1,4-8", 1, 8, "1,4-8"),
        ("8,3,4,4,2-3", 2, 8, "2-4,8"),
        ("1-15:4", 1, 13, "1,5,9,13"),
        ("1-13:4", 1, 9, "1,5,9"),  # without its end, which is Slurm's own way
        ("16383", 16383, 16383, "16383"),
    ],
)
def test_numbers_of_nodes_are_written_out_with_their_bounds(
    release: Release, sizes: str, least: int, most: int, text: str
) -> None:
    written = members(release, nodes=NodeCount(sizes=sizes))
    bounds = (written["min_nodes"], written["max_nodes"])
    assert (*bounds, written["job_size_str"]) == (least, most, text)


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        (NodeCount(sizes="1,x"), "NODES_FORM"),
        (NodeCount(sizes="1,"), "NODES_FORM"),
        (NodeCount(sizes="1-9:2,12"), "NODES_FORM"),  # Slurm takes steps alone only
        (NodeCount(sizes="1-9:0"), "OUT_OF_RANGE"),
        (NodeCount(sizes="0,4"), "OUT_OF_RANGE"),
        (NodeCount(sizes="4-2"), "OUT_OF_RANGE"),
        (NodeCount(sizes="4-4:2"), "OUT_OF_RANGE"),
        (NodeCount(sizes="16384"), "OUT_OF_RANGE"),
        (NodeCount(sizes="1," * 512 + "1"), "TOO_LONG"),
        (NodeCount(2, sizes="4,8"), "CONFLICT"),
        (NodeCount(0, 2, sizes="4,8"), "CONFLICT"),
    ],
)
def test_other_numbers_of_nodes_are_refused(nodes: NodeCount, reason: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        members(NEW, nodes=nodes)
    (violation,) = refused.value.violations
    assert (violation.field, violation.reason) == ('options["slurm"].nodes', reason)


def test_a_release_without_numbers_of_nodes_refuses_them_by_name() -> None:
    with pytest.raises(InvalidRequest) as refused:
        members(OLDER, nodes=NodeCount(sizes="1,4"))
    (violation,) = refused.value.violations
    assert (violation.field, violation.reason) == ('options["slurm"].nodes', "SLURM_TOO_OLD")


@pytest.mark.parametrize(("release", "least"), [(OLDER, 2), (MIDDLE, 1), (NEWEST, 1)])
def test_a_longer_node_list_raises_the_number_of_nodes_before_23_02_only(
    release: Release, least: int
) -> None:
    written = members(release, nodes=NodeCount(1, 4), nodelist="a,b")
    assert (written["min_nodes"], written["max_nodes"]) == (least, 4)


def test_a_node_list_is_cut_short_before_23_02_only() -> None:
    assert members(OLDER, nodelist="a,b", ntasks=1)["req_nodes"] == "a"
    assert members(MIDDLE, nodelist="a,b", ntasks=1)["req_nodes"] == "a,b"


def test_20_11_is_not_told_what_was_given_but_has_the_bits_of_options() -> None:
    written = members(OLD, ntasks=2, cpus_per_task=2, spread_job=True)
    assert written["bitflags"] == 1 << 8
    assert members(OLDER, ntasks=2, cpus_per_task=2, spread_job=True)["bitflags"] == (
        1 << 8 | JOB_NTASKS_SET | JOB_CPUS_SET
    )


def test_options_of_the_newest_releases_are_written_as_they_want_them() -> None:
    written = members(
        NEWEST, licenses="matlab:1", resources="power:2", mem_update=SLOW, spread_segments=True,
        consolidate_segments=True, container="/b", container_type="oci",
    )  # fmt: skip
    assert written["licenses"] == "matlab:1,power:2"
    assert (written["mem_update_margin"], written["mem_update_delay"]) == (20, 2)
    assert written["bitflags"] == 1 << 43 | 1 << 44
    assert written["container_type"] == "oci"
    assert "SLURM_CONTAINER_TYPE=oci" in written["environment"]
    with pytest.raises(InvalidRequest, match="must be 1 to"):
        members(NEWEST, mem_update=MemoryUpdate(0, 61))


def test_every_bound_of_a_release_is_one_of_a_major_release() -> None:
    for option in OPTIONS:
        for bound in filter(None, (option.since, option.until)):
            assert bound[1] in {2, 5, 8, 11}, option.name
            assert (20, 11, 0) < bound <= (26, 5, 0), option.name


@pytest.mark.parametrize("word", ["MULTIPLE_TASKS_PER_SHARING", "ONE_TASK_PER_SHARING"])
def test_a_word_of_a_later_release_is_refused_by_name_and_release(word: str) -> None:
    with pytest.raises(InvalidRequest, match=r"came with Slurm 23\.11\.0; this one is 22\.05\.8"):
        members(OLDER, gres_flags=(word,))
    assert members(NEW, gres_flags=(word,))["bitflags"] in {1 << 38, 1 << 39}
