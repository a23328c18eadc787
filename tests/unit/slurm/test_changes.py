"""What of a job can be changed, and how it is written."""

from typing import Any

import pytest

from hpcagent.jobs.errors import InvalidRequest
from hpcagent.jobs.model import Job, JobId, JobState
from hpcagent.jobs.orders import Change
from hpcagent.jobs.spec import Gres, NodeCount
from hpcagent.slurm.control.changes import CHANGEABLE, CLEARED, MEANS_ANOTHER_THING, members
from hpcagent.slurm.description.members import FIELDS
from hpcagent.slurm.draft import Release
from hpcagent.slurm.options import BY_NAME, OPTIONS

V20_11, V22_05, V24_11 = (20, 11, 9), (22, 5, 8), (24, 11, 5)
JOB = Job(
    job_id=JobId(1),
    state=JobState.PENDING,
    backend_state="PENDING",
    as_of_time=0,
    work_dir="/work",
    ntasks=2,
    cpus=6,
)


def changed(release: Release = V22_05, /, **options: Any) -> dict[str, object]:  # noqa: ANN401 - of any kind
    return dict(members(Change(JobId(1), options=options), JOB, release))


def reasons(release: Release = V22_05, /, **options: Any) -> dict[str, str]:  # noqa: ANN401 - of any kind
    with pytest.raises(InvalidRequest) as refused:
        changed(release, **options)
    return {fault.field: fault.reason for fault in refused.value.violations}


def test_every_member_that_can_be_changed_belongs_to_an_option_or_a_field() -> None:
    filled = {member for option in OPTIONS for member in option.fill.members} | FIELDS.keys()
    assert CHANGEABLE.keys() - filled == {"min_cpus"}


def test_what_is_excepted_or_cleared_is_an_option_and_about_its_own_members() -> None:
    assert MEANS_ANOTHER_THING.keys() <= BY_NAME.keys()
    assert not MEANS_ANOTHER_THING.keys() & CLEARED.keys()
    for name, written in CLEARED.items():
        assert written.keys() <= set(BY_NAME[name].fill.members)
        assert written.keys() <= CHANGEABLE.keys()


@pytest.mark.parametrize(
    "name", ["umask", "open_mode", "no_kill", "overcommit", "signal", "spread_job", "bbf", "array"]
)
def test_an_option_that_slurmctld_would_pass_over_is_refused(name: str) -> None:
    assert reasons(**{name: None}) == {f"job.options.{name}": "NOT_CHANGEABLE"}


@pytest.mark.parametrize("name", sorted(CLEARED.keys()))
def test_an_option_that_is_cleared_is_written_so(name: str) -> None:
    assert changed(V24_11, **{name: None}) == dict(CLEARED[name])


@pytest.mark.parametrize("name", ["time", "account", "ntasks", "requeue", "mem_bytes"])
def test_an_option_that_a_job_always_has_cannot_be_cleared(name: str) -> None:
    assert reasons(**{name: None}) == {f"job.options.{name}": "REQUIRED"}


def test_what_came_with_a_release_is_refused_before_it() -> None:
    for name, value in (("error", "e"), ("extra", "x")):
        assert reasons(V22_05, **{name: value}) == {f"job.options.{name}": "SLURM_TOO_OLD"}
        assert changed(V24_11, **{name: value})
    assert reasons(V20_11, prefer="fast") == {"job.options.prefer": "SLURM_TOO_OLD"}


def test_a_file_is_relative_to_the_jobs_own_directory() -> None:
    assert changed(output="out") == {"std_out": "/work/out"}


def test_sizes_are_written_as_given_and_the_processors_with_them() -> None:
    assert changed(nodes=NodeCount(2, 4)) == {"min_nodes": 2, "max_nodes": 4}
    assert changed(ntasks=4) == {"num_tasks": 4, "min_cpus": 12}
    assert changed(cpus_per_task=1) == {"cpus_per_task": 1, "min_cpus": 2}
    assert changed(ntasks_per_node=2, mincpus=3) == {"ntasks_per_node": 2, "pn_min_cpus": 3}


def test_gpus_and_other_resources_of_a_node_are_written_together() -> None:
    gpus, disks = (Gres("", count=1),), (Gres("disk", count=2),)
    assert changed(gpus_per_node=gpus, gres=disks) == {
        "tres_per_node": "gres:gpu:1,gres:disk:2",
    }


def test_options_that_exclude_each_other_do_so_here_too() -> None:
    assert reasons(mem_bytes=1, mem_per_cpu_bytes=1) == {"job.options.mem_bytes": "CONFLICT"}


def test_name_and_partition_are_checked_as_texts() -> None:
    change = Change(JobId(1), name="n" * 1025, partition="a\0b")
    with pytest.raises(InvalidRequest) as refused:
        members(change, JOB, V22_05)
    faults = {fault.field: fault.reason for fault in refused.value.violations}
    assert faults == {"job.name": "TOO_LONG", "job.partition": "NUL_CHARACTER"}


@pytest.mark.parametrize("name", sorted(BY_NAME.keys() - CLEARED.keys()))
def test_any_other_option_is_refused_by_its_name_when_it_is_cleared(name: str) -> None:
    assert reasons(V24_11, **{name: None}).keys() == {f"job.options.{name}"}
