"""sbatch's arithmetic, case by case (22.05: sbatch/opt.c, _opt_verify; common/slurm_opt.c)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from unit.slurm.drafts import SITE, SPEC

from hpcagent.jobs.errors import InvalidRequest
from hpcagent.jobs.spec import NodeCount
from hpcagent.slurm.description.derive import JOB_CPUS_SET, JOB_NTASKS_SET
from hpcagent.slurm.description.descriptor import Descriptor, describe

SIZES = (
    "min_nodes", "max_nodes", "num_tasks", "min_cpus", "cpus_per_task", "pn_min_cpus",
    "ntasks_per_node", "bitflags", "req_nodes",
)  # fmt: skip
VARIABLES = (
    "SLURM_NTASKS", "SLURM_NPROCS", "SLURM_CPUS_PER_TASK", "SLURM_NTASKS_PER_NODE"
)  # fmt: skip


def described(options: dict[str, object], nodes: int = 0) -> Descriptor:
    return describe(replace(SPEC, nodes=nodes, options=options), SITE)


def sizes(descriptor: Descriptor) -> dict[str, Any]:
    return {name: descriptor.members[name] for name in SIZES if name in descriptor.members}


def tasks(number: int) -> dict[str, int]:
    return {"num_tasks": number, "min_cpus": number, "bitflags": JOB_NTASKS_SET}


def cpus(number: int) -> dict[str, int]:
    return {"cpus_per_task": number, "pn_min_cpus": number}


FIXED_2 = {"min_nodes": 2, "max_nodes": 2}
CASES: dict[str, tuple[dict[str, object], Mapping[str, object]]] = {
    "nothing": ({}, {"min_cpus": 1}),
    "-n4": ({"ntasks": 4}, tasks(4)),
    "-N2": ({"nodes": NodeCount(2)}, {**FIXED_2, "min_cpus": 2}),
    "-N2-4": ({"nodes": NodeCount(2, 4)}, {"min_nodes": 2, "max_nodes": 4, "min_cpus": 1}),
    "-N2-2": ({"nodes": NodeCount(2, 2)}, {**FIXED_2, "min_cpus": 2}),
    "-N2 -n4": ({"nodes": NodeCount(2), "ntasks": 4}, {**FIXED_2, **tasks(4)}),
    "-N4 -n2": ({"nodes": NodeCount(4), "ntasks": 2}, {**FIXED_2, **tasks(2)}),
    "-N2-8 -n4": (
        {"nodes": NodeCount(2, 8), "ntasks": 4},
        {"min_nodes": 2, "max_nodes": 4, **tasks(4)},
    ),
    "-N2-8 -n1": (
        {"nodes": NodeCount(2, 8), "ntasks": 1},
        {"min_nodes": 1, "max_nodes": 1, **tasks(1)},
    ),
    "--ntasks-per-node=3": ({"ntasks_per_node": 3}, {"ntasks_per_node": 3, **tasks(3)}),
    "-N2 --ntasks-per-node=3": (
        {"nodes": NodeCount(2), "ntasks_per_node": 3},
        {**FIXED_2, "ntasks_per_node": 3, **tasks(6)},
    ),
    "-N2-4 --ntasks-per-node=3": (
        {"nodes": NodeCount(2, 4), "ntasks_per_node": 3},
        {"min_nodes": 2, "max_nodes": 4, "ntasks_per_node": 3, "min_cpus": 1},
    ),
    "-n5 --ntasks-per-node=2": (
        {"ntasks": 5, "ntasks_per_node": 2},
        {"ntasks_per_node": 2, **tasks(5)},
    ),
    "-c3": ({"cpus_per_task": 3}, {**cpus(3), "min_cpus": 3, "bitflags": JOB_CPUS_SET}),
    "-N2 -c3": (
        {"nodes": NodeCount(2), "cpus_per_task": 3},
        {**FIXED_2, **cpus(3), "min_cpus": 6, "bitflags": JOB_CPUS_SET},
    ),
    "-n4 -c2": (
        {"ntasks": 4, "cpus_per_task": 2},
        {**cpus(2), "num_tasks": 4, "min_cpus": 8, "bitflags": JOB_CPUS_SET | JOB_NTASKS_SET},
    ),
    "-w a,b": ({"nodelist": "a,b"}, {"min_nodes": 2, "min_cpus": 2, "req_nodes": "a,b"}),
    "-w a,a": ({"nodelist": "a,a"}, {"min_nodes": 1, "min_cpus": 1, "req_nodes": "a"}),
    "-w a,b -n1": (
        {"nodelist": "a,b", "ntasks": 1},
        {"min_nodes": 1, "max_nodes": 1, **tasks(1), "req_nodes": "a"},
    ),
    "-w n[1-3] -n2": ({"nodelist": "n[1-3]", "ntasks": 2},
                      {**FIXED_2, **tasks(2), "req_nodes": "n[1-2]"}),
    "-w a,b -n5": ({"nodelist": "a,b", "ntasks": 5},
                   {"min_nodes": 2, **tasks(5), "req_nodes": "a,b"}),
    "-N4 -w a,b": ({"nodes": NodeCount(4), "nodelist": "a,b"},
                   {"min_nodes": 4, "max_nodes": 4, "min_cpus": 4, "req_nodes": "a,b"}),
    "-N1-2 -w a,b": ({"nodes": NodeCount(1, 2), "nodelist": "a,b"},
                     {**FIXED_2, "min_cpus": 2, "req_nodes": "a,b"}),
    "-w a,b --ntasks-per-node=2": (
        {"nodelist": "a,b", "ntasks_per_node": 2},
        {"min_nodes": 2, "ntasks_per_node": 2, **tasks(4), "req_nodes": "a,b"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("options", "expected"), CASES.values(), ids=CASES)
def test_sizes_are_derived_as_sbatch_does(
    options: dict[str, object], expected: Mapping[str, object]
) -> None:
    assert sizes(described(options)) == expected


@pytest.mark.parametrize(("options", "expected"), CASES.values(), ids=CASES)
def test_the_job_is_told_what_was_asked_for(
    options: dict[str, object], expected: Mapping[str, object]
) -> None:
    entries = described(options).members["environment"]
    assert isinstance(entries, list)
    told = dict(entry.split("=", 1) for entry in entries if entry.split("=")[0] in VARIABLES)
    given = {
        "SLURM_NTASKS": expected.get("num_tasks"),
        "SLURM_NPROCS": expected.get("num_tasks"),
        "SLURM_CPUS_PER_TASK": expected.get("cpus_per_task"),
        "SLURM_NTASKS_PER_NODE": expected.get("ntasks_per_node"),
    }
    assert told == {name: str(value) for name, value in given.items() if value is not None}


def test_the_requests_own_nodes_are_a_fixed_number() -> None:
    assert sizes(described({}, nodes=2)) == {**FIXED_2, "min_cpus": 2}


@pytest.mark.parametrize("name", ["-N4 -n2", "-N2-8 -n1", "-w a,b -n1"])
def test_fewer_nodes_than_asked_for_are_warned_of(name: str) -> None:
    options, _ = CASES[name]
    assert [warning.name for warning in described(options).warnings] == ["NODES_REDUCED_TO_NTASKS"]


def test_more_listed_nodes_than_may_be_are_refused() -> None:
    with pytest.raises(InvalidRequest) as refused:
        described({"nodelist": "a,b"}, nodes=1)
    assert [violation.reason for violation in refused.value.violations] == ["TOO_MANY_NODES"]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"nodes": NodeCount(65533), "ntasks_per_node": 65533}, "ntasks_per_node"),
        ({"ntasks": 2**31 - 1, "cpus_per_task": 3}, "cpus_per_task"),
        ({"nodes": NodeCount(2**32 - 3), "cpus_per_task": 2}, "cpus_per_task"),
    ],
)
def test_a_product_that_does_not_fit_is_refused(options: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        described(options)
    assert [(violation.field, violation.reason) for violation in refused.value.violations] == [
        (f'options["slurm"].{field}', "OUT_OF_RANGE")
    ]


def test_slurm_before_21_08_is_not_told_what_was_given() -> None:
    older = describe(replace(SPEC, options={"ntasks": 2}), replace(SITE, release=(20, 11, 9)))
    assert "bitflags" not in older.members
