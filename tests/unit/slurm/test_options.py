"""THE option table, held against the contract, sbatch and slurm.h."""

import itertools
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import tree
from native import header
from slurm.cases import BESIDE, LATER, TAKEN
from unit.slurm.drafts import SITE, SPEC

from hpcagent.config import Policy
from hpcagent.jobs.errors import InvalidRequest
from hpcagent.slurm.description.descriptor import Descriptor, describe
from hpcagent.slurm.description.members import (
    BASE_MEMBERS,
    BASE_MEMBERS_SINCE,
    DERIVED,
    SKIPPED,
)
from hpcagent.slurm.description.members import FIELDS as FIELDS_OF_REQUEST
from hpcagent.slurm.draft import Value
from hpcagent.slurm.options import (
    BY_NAME,
    EXCLUDE_EACH_OTHER,
    OPTIONS,
    PRIVILEGES,
)
from hpcagent.v1 import job_options_pb2, slurm_agent_pb2

FIELDS = job_options_pb2.JobOptions.DESCRIPTOR.fields_by_name
UNIT = "_bytes"
"""What the contract adds to sbatch's name where a number has a unit."""
NOT_SBATCHS = {"umask", "spank_job_env"}
"""sbatch takes its own; and what plugins set in it."""


@pytest.fixture(scope="module")
def conf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sbatch wants a configuration even to tell its options."""
    conf = tmp_path_factory.mktemp("sbatch") / "slurm.conf"
    conf.write_text("ClusterName=x\nSlurmctldHost=x\nNodeName=n\nPartitionName=p Nodes=n\n")
    return conf


def said(conf: Path, option: str) -> str:
    """What the installed sbatch says to an option without a value."""
    return subprocess.run(
        ["sbatch", option],
        env={"SLURM_CONF": str(conf), "PATH": "/usr/bin:/bin"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    ).stderr


def test_every_row_is_a_field_of_the_contract() -> None:
    assert BY_NAME.keys() - FIELDS.keys() == set()


def test_names_and_spellings_are_unique() -> None:
    assert len(BY_NAME) == len(OPTIONS) == len({option.sbatch for option in OPTIONS})


def test_a_row_is_named_as_sbatchs_option_is() -> None:
    for option in OPTIONS:
        if option.name not in NOT_SBATCHS:
            name = option.sbatch.removeprefix("--").replace("-", "_").replace("=", "_")
            assert option.name.removesuffix(UNIT) == name, option.name


def test_every_row_is_an_option_of_the_installed_sbatch(conf: Path) -> None:
    """Its --help does not tell of all of them."""
    assert "unrecognized option" in said(conf, "--walltime")
    for option in OPTIONS:
        if option.name in NOT_SBATCHS or (option.since or SITE.release) > SITE.release:
            continue
        for spelling in filter(None, (option.sbatch, option.short)):
            answer = said(conf, spelling)
            assert "unrecognized option" not in answer, spelling
            assert "invalid option" not in answer, spelling


def test_every_field_of_the_contract_is_a_row() -> None:
    assert FIELDS.keys() - BY_NAME.keys() == set()


def test_an_option_without_a_row_is_refused_by_name() -> None:
    with pytest.raises(InvalidRequest) as refused:
        describe(replace(SPEC, options={"walltime": "anything"}), SITE)
    (violation,) = refused.value.violations
    assert violation.field == 'options["slurm"].walltime'
    assert violation.reason == "OPTION_NOT_SUPPORTED"


@pytest.mark.parametrize("name", LATER)
def test_an_option_of_a_later_slurm_is_refused_by_name_and_release(name: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        describe(replace(SPEC, options={name: LATER[name][0]}), SITE)
    (violation,) = refused.value.violations
    assert violation.field == f'options["slurm"].{name}'
    assert violation.reason == "SLURM_TOO_OLD"
    assert "this one is 22.05.8" in violation.description


def test_an_option_that_is_gone_is_refused_by_name_and_release() -> None:
    with pytest.raises(InvalidRequest) as refused:
        describe(replace(SPEC, options={"power": "level"}), replace(SITE, release=(24, 5, 0)))
    (violation,) = refused.value.violations
    assert violation.field == 'options["slurm"].power'
    assert violation.reason == "SLURM_TOO_NEW"
    assert "is gone since Slurm 24.05.0" in violation.description


VALUES = {**TAKEN, **LATER}
CLUSTERS = {"clusters": [("here", "there"), ("all",)]}
"""sbatch needs slurmdbd for it, so it is tried here only."""
EVERY_VALUE = VALUES | CLUSTERS


def described(name: str, value: object) -> Descriptor:
    """A job with that value, on a Slurm that has the option."""
    release = max(SITE.release, BY_NAME[name].since or SITE.release)
    spec = replace(SPEC, options={**BESIDE.get(name, {}), name: value})
    return describe(spec, replace(SITE, release=release, cluster="here"))


def written(name: str, value: object) -> dict[str, Value]:
    """The members that an option changes."""
    release = max(SITE.release, BY_NAME[name].since or SITE.release)
    beside = replace(SPEC, options=BESIDE.get(name, {}))
    plain = describe(beside, replace(SITE, release=release)).members
    members = described(name, value).members
    return {member: members[member] for member in members if members[member] != plain.get(member)}


def test_every_row_has_values_to_be_tried_with() -> None:
    assert EVERY_VALUE.keys() == BY_NAME.keys()
    assert all(SITE.release < (BY_NAME[name].since or SITE.release) for name in LATER)


@pytest.mark.parametrize("name", BY_NAME)
def test_every_row_changes_the_job(name: str) -> None:
    assert any(written(name, value) for value in EVERY_VALUE[name])


@pytest.mark.parametrize("name", BY_NAME)
def test_a_row_writes_the_members_and_variables_that_it_says(name: str) -> None:
    told = [f"{variable}=" for variable in BY_NAME[name].fill.variables]
    members: set[str] = set()
    for value in EVERY_VALUE[name]:
        changed = written(name, value)
        environment = cast("list[str]", changed.pop("environment", []))
        if told:
            assert (
                not [
                    entry
                    for entry in told
                    if environment and not any(one.startswith(entry) for one in environment)
                ]
                or name in OFTEN_SILENT
            )
        members |= changed.keys()
    assert members - SIZES == set(BY_NAME[name].fill.members) - SIZES - {"environment"}


OFTEN_SILENT = {"hint", "distribution", "extra_node_info", "mem_bind", "get_user_env"}
"""Options of which some values only set their variables."""
SIZES = {"bitflags", "min_cpus", "min_nodes", "max_nodes", "num_tasks", "pn_min_cpus"}
"""What `hpcagent.slurm.description.derive` makes of several options together."""


def test_every_member_of_the_installed_header_is_accounted_for() -> None:
    rows = {member for option in OPTIONS for member in option.fill.members}
    known = {*rows, *FIELDS_OF_REQUEST, *DERIVED, *SKIPPED}
    assert header.members("job_desc_msg_t").keys() - known == set()


def test_a_member_is_accounted_for_once() -> None:
    rows = {member for option in OPTIONS for member in option.fill.members}
    filled = rows | FIELDS_OF_REQUEST.keys() | DERIVED.keys()
    assert filled & SKIPPED.keys() == set()
    assert all(SKIPPED.values())
    fields = slurm_agent_pb2.SubmitJobRequest.DESCRIPTOR.fields_by_name
    assert {*FIELDS_OF_REQUEST.values()} <= {*fields}


def test_a_member_that_the_installed_slurm_lacks_is_of_an_option_that_it_lacks() -> None:
    known = header.members("job_desc_msg_t").keys()
    for option in OPTIONS:
        if not option.since or option.since <= SITE.release:
            assert set(option.fill.members) - known == set(), option.name


def test_the_members_beside_the_options_are_in_the_header() -> None:
    known = header.members("job_desc_msg_t").keys()
    assert {*BASE_MEMBERS} - known == set()
    since = {release: {*members} for release, members in BASE_MEMBERS_SINCE.items()}
    assert all(
        members - known == set() for since, members in since.items() if since <= SITE.release
    )


def test_a_later_release_gets_its_members_too() -> None:
    later = describe(SPEC, replace(SITE, release=(24, 11, 5))).members
    assert later["oom_kill_step"] is later["resv_port_cnt"] is None
    between = describe(SPEC, replace(SITE, release=(24, 5, 0))).members
    assert "oom_kill_step" not in between
    assert "resv_port_cnt" in between


def test_options_that_exclude_each_other_exist() -> None:
    assert {name for group in EXCLUDE_EACH_OTHER for name in group} <= BY_NAME.keys()
    assert all(len(group) > 1 for group in EXCLUDE_EACH_OTHER)


def test_two_options_that_fill_one_member_exclude_each_other() -> None:
    """Else the one that comes last would win, and the other be dropped silently."""
    writers: dict[str, set[str]] = {}
    for option in OPTIONS:
        for member in set(option.fill.members) - SIZES - TOGETHER:
            writers.setdefault(member, set()).add(option.name)
    for names in writers.values():
        for pair in itertools.combinations(sorted(names), 2):
            assert any(set(pair) <= {*group} for group in (*EXCLUDE_EACH_OTHER, *CHECKED)), pair


TOGETHER = {"environment", "script", "tres_per_node", "licenses"}
"""Members to which several options add their part."""
CHECKED = [
    {"requeue", "requeue_expedite"},
]
"""Pairs that `hpcagent.slurm.description.conflicts` judges by their values."""


def test_the_reference_is_what_the_table_says() -> None:
    run = subprocess.run(
        [sys.executable, "tools/options-docs", "check"],
        cwd=tree.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_privilege_is_an_option_that_the_configuration_can_allow() -> None:
    assert {privilege.option for privilege in PRIVILEGES} <= BY_NAME.keys()
    allowed = {f"allow_{privilege.name}" for privilege in PRIVILEGES}
    assert allowed == {name for name in Policy.__struct_fields__ if name.startswith("allow_")}
