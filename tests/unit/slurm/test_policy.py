"""What slurmctld would refuse a user but not the agent."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from unit.slurm.drafts import SPEC

from hpcagent.config import Policy
from hpcagent.jobs.errors import Forbidden
from hpcagent.slurm import policy

ROOT_ONLY = frozenset({"rootonly", "admin"})
STRICT = Policy()


def refused(
    options: Mapping[str, object],
    partition: str = "",
    *,
    default: str = "power",
    rules: Policy = STRICT,
) -> list[tuple[str, str]]:
    spec = replace(SPEC, options=options, partition=partition)
    try:
        policy.check(spec, rules, ROOT_ONLY, default)
    except Forbidden as error:
        return [(fault.field, fault.reason) for fault in error.violations]
    return []


def of(option: str) -> str:
    return f'options["slurm"].{option}'


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, []),
        ({"priority": 1}, [(of("priority"), "PRIORITY_NOT_ALLOWED")]),
        ({"nice": -1}, [(of("nice"), "NEGATIVE_NICE_NOT_ALLOWED")]),
        ({"nice": 0}, []),
        ({"nice": 100}, []),
        ({"reboot": True}, [(of("reboot"), "REBOOT_NOT_ALLOWED")]),
        ({"reboot": False}, []),
        ({"hold": True}, []),
    ],
)
def test_a_users_privileges_are_not_the_agents(
    options: Mapping[str, object], expected: list[tuple[str, str]]
) -> None:
    assert refused(options) == expected


@pytest.mark.parametrize(
    ("options", "rules"),
    [
        ({"priority": 1}, Policy(allow_priority=True)),
        ({"nice": -1}, Policy(allow_negative_nice=True)),
        ({"reboot": True}, Policy(allow_reboot=True)),
    ],
)
def test_what_the_configuration_allows_is_allowed(
    options: Mapping[str, object], rules: Policy
) -> None:
    assert refused(options, rules=rules) == []


ROOT_ONLY_PARTITION = ("partition", "ROOT_ONLY_PARTITION")


@pytest.mark.parametrize(
    ("partition", "default", "times"),
    [
        ("", "power", 0),
        ("", "rootonly", 1),
        ("", "", 0),
        ("power", "rootonly", 0),
        ("rootonly", "power", 1),
        ("power,rootonly", "power", 1),
        ("rootonly,admin", "power", 2),
        (",rootonly,", "power", 1),
        ("ROOTONLY", "power", 0),
    ],
)
def test_a_root_only_partition_is_roots_wherever_it_stands(
    partition: str, default: str, times: int
) -> None:
    """Names are as slurmctld compares them: by case (partition_mgr.c, list_find_part)."""
    assert refused({}, partition, default=default) == [ROOT_ONLY_PARTITION] * times


def test_a_partition_that_the_configuration_opens_is_open() -> None:
    rules = Policy(root_only_partitions=frozenset({"admin"}))
    assert refused({}, "admin", rules=rules) == []
    assert refused({}, "admin,rootonly", rules=rules) == [ROOT_ONLY_PARTITION]


def test_everything_that_is_not_allowed_is_told_at_once() -> None:
    found = refused({"priority": 1, "nice": -1, "reboot": True}, "rootonly")
    assert [reason for _, reason in found] == [
        "PRIORITY_NOT_ALLOWED",
        "NEGATIVE_NICE_NOT_ALLOWED",
        "REBOOT_NOT_ALLOWED",
        "ROOT_ONLY_PARTITION",
    ]


def test_the_first_reason_is_the_errors() -> None:
    with pytest.raises(Forbidden) as error:
        policy.check(replace(SPEC, partition="rootonly"), STRICT, ROOT_ONLY, "power")
    assert error.value.reason == "ROOT_ONLY_PARTITION"
    assert "rootonly" in error.value.message
