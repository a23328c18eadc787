"""Sizes that follow from GPUs, case by case (22.05: gres.c, gres_job_state_validate)."""

from dataclasses import replace
from typing import Any

import pytest
from unit.slurm.drafts import SITE, SPEC

from hpcagent.jobs.errors import InvalidRequest
from hpcagent.jobs.spec import Gres, NodeCount
from hpcagent.slurm.description.descriptor import describe

ONE, TWO, FOUR = ((Gres("gpu", "", count),) for count in (1, 2, 4))
TESLA = (Gres("gpu", "tesla", 2),)


def described(options: dict[str, object], release: tuple[int, int, int] = SITE.release) -> Any:  # noqa: ANN401 - members of any type
    return describe(replace(SPEC, options=options), replace(SITE, release=release)).members


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"gpus": TWO, "ntasks_per_gpu": 3}, {"num_tasks": 6}),
        ({"gpus": TWO, "ntasks_per_gpu": 3, "ntasks": 2}, {"num_tasks": 6}),
        ({"gpus": FOUR, "gpus_per_node": TWO}, {"min_nodes": 2, "max_nodes": 2}),
        ({"gpus": FOUR, "gpus_per_task": TWO}, {"num_tasks": 2}),
        ({"gpus_per_task": ONE, "nodes": NodeCount(2)}, {"num_tasks": 2}),
        ({"gpus_per_node": TESLA, "ntasks_per_gpu": 1, "nodes": NodeCount(2)}, {"num_tasks": 4}),
        (
            {"gpus_per_node": FOUR, "gpus_per_task": TWO, "ntasks": 4},
            {"ntasks_per_node": 2, "num_tasks": 4},
        ),
        ({"gpus_per_task": TWO, "cpus_per_gpu": 3, "ntasks": 1}, {"cpus_per_task": 6}),
        ({"gpus": TWO, "nodes": NodeCount(1, 4)}, {"min_nodes": 1, "max_nodes": 2}),
        ({"ntasks": 1, "ntasks_per_gpu": 2}, {"num_tasks": 1}),
        ({"ntasks": 4, "ntasks_per_gpu": 2, "nodes": NodeCount(1, 4)}, {"max_nodes": 2}),
    ],
)
def test_sizes_follow_from_gpus(options: dict[str, object], expected: dict[str, int]) -> None:
    members = described(options)
    assert {name: members[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"ntasks_per_gpu": 1}, "ntasks_per_gpu"),
        ({"gpus_per_socket": ONE}, "gpus_per_socket"),
        ({"gpus_per_socket": TWO, "gpus": ONE, "sockets_per_node": 1}, "gpus_per_socket"),
        ({"gpus_per_task": ONE}, "gpus_per_task"),
        ({"gpus_per_task": TWO, "gpus": FOUR, "ntasks": 3}, "gpus_per_task"),
        ({"gpus_per_task": FOUR, "gpus": ONE}, "gpus_per_task"),
        ({"gpus": ONE, "nodes": NodeCount(2)}, "gpus"),
        ({"gpus": FOUR, "gpus_per_node": TWO, "nodes": NodeCount(3)}, "gpus"),
        ({"gpus_per_node": FOUR, "gpus_per_socket": TWO, "sockets_per_node": 1}, "gpus_per_socket"),
        ({"mem_per_gpu_bytes": 1 << 30}, "mem_per_gpu_bytes"),
        ({"gpus": (Gres("gpu", "", 1 << 40),), "ntasks_per_gpu": 1}, "gpus"),
    ],
)
def test_sizes_that_contradict_each_other_are_refused_at_their_option(
    options: dict[str, object], option: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        described(options)
    (violation,) = refused.value.violations
    assert violation.field == f'options["slurm"].{option}'
    assert violation.reason == "GRES_CONTRADICTION"


def test_before_21_08_slurmctld_alone_derives_sizes() -> None:
    assert "num_tasks" not in described({"gpus": TWO, "ntasks_per_gpu": 3}, (20, 11, 9))


def test_where_other_clusters_may_take_the_job_nothing_is_derived() -> None:
    members = described({"gpus": TWO, "ntasks_per_gpu": 3, "clusters": ("a", "b")})
    assert "num_tasks" not in members
