"""THE option table, held against the contract, sbatch and slurm.h."""

import re
import subprocess
from dataclasses import replace

import pytest
from native import header
from slurm.cases import TAKEN
from unit.slurm.drafts import SITE, SPEC

from hpcagent.config import Policy
from hpcagent.jobs.errors import InvalidRequest
from hpcagent.slurm.descriptor import describe
from hpcagent.slurm.options import (
    BASE_MEMBERS,
    BASE_MEMBERS_SINCE,
    BY_NAME,
    EXCLUDE_EACH_OTHER,
    OPTIONS,
    PRIVILEGES,
)
from hpcagent.v1 import job_options_pb2

FIELDS = job_options_pb2.JobOptions.DESCRIPTOR.fields_by_name
UNIT = "_bytes"
"""What the contract adds to sbatch's name where a number has a unit."""
NOT_SBATCHS = {"umask"}
"""sbatch takes its own."""


@pytest.fixture(scope="module")
def sbatch_options(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The long options of the installed sbatch; it wants a configuration even to say them."""
    conf = tmp_path_factory.mktemp("sbatch") / "slurm.conf"
    conf.write_text("ClusterName=x\nSlurmctldHost=x\nNodeName=n\nPartitionName=p Nodes=n\n")
    told = subprocess.run(
        ["sbatch", "--help"],
        env={"SLURM_CONF": str(conf), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(re.findall(r"--[a-z][a-z-]*", told.stdout))


def test_every_row_is_a_field_of_the_contract() -> None:
    assert BY_NAME.keys() - FIELDS.keys() == set()


def test_names_and_spellings_are_unique() -> None:
    assert len(BY_NAME) == len(OPTIONS) == len({option.sbatch for option in OPTIONS})


def test_a_row_is_named_as_sbatchs_option_is() -> None:
    for option in OPTIONS:
        if option.name not in NOT_SBATCHS:
            name = option.sbatch.removeprefix("--").replace("-", "_")
            assert option.name.removesuffix(UNIT) == name, option.name


def test_every_row_is_an_option_of_the_installed_sbatch(sbatch_options: set[str]) -> None:
    known = {option.sbatch for option in OPTIONS if option.name not in NOT_SBATCHS}
    assert known - sbatch_options == set()


@pytest.mark.parametrize("field", sorted(FIELDS.keys() - BY_NAME.keys()))
def test_a_field_without_a_row_is_refused_by_name(field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        describe(replace(SPEC, options={field: "anything"}), SITE)
    (violation,) = refused.value.violations
    assert violation.field == f'options["slurm"].{field}'
    assert violation.reason == "OPTION_NOT_SUPPORTED"


def test_every_row_has_values_to_be_tried_with() -> None:
    assert TAKEN.keys() == BY_NAME.keys()


@pytest.mark.parametrize("name", BY_NAME)
def test_every_row_changes_the_job(name: str) -> None:
    plain = describe(SPEC, SITE).members
    changed = [describe(replace(SPEC, options={name: value}), SITE) for value in TAKEN[name]]
    assert any(descriptor.members != plain for descriptor in changed)


@pytest.mark.parametrize("name", BY_NAME)
def test_every_member_that_a_row_writes_is_in_the_header(name: str) -> None:
    known = header.members("job_desc_msg_t").keys()
    for value in TAKEN[name]:
        written = describe(replace(SPEC, options={name: value}), SITE).members
        assert written.keys() - known == set()


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
    plain = describe(SPEC, SITE).members
    writers: dict[str, set[str]] = {}
    for name, values in TAKEN.items():
        for value in values:
            written = describe(replace(SPEC, options={name: value}), SITE).members
            for member in {m for m in written if written[m] != plain.get(m)} - DERIVED:
                writers.setdefault(member, set()).add(name)
    shared = {frozenset(names) for names in writers.values() if len(names) > 1}
    assert shared <= {frozenset(group) for group in EXCLUDE_EACH_OTHER}


DERIVED = {"environment", "bitflags", "min_cpus", "min_nodes", "max_nodes", "num_tasks"}
"""What `hpcagent.slurm.derive` makes of several options together."""


def test_every_privilege_is_an_option_that_the_configuration_can_allow() -> None:
    assert {privilege.option for privilege in PRIVILEGES} <= BY_NAME.keys()
    allowed = {f"allow_{privilege.name}" for privilege in PRIVILEGES}
    assert allowed == {name for name in Policy.__struct_fields__ if name.startswith("allow_")}
