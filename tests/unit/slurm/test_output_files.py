"""What the patterns of output files mean, in this release of Slurm and in others."""

from typing import Any

import pytest
from unit.slurm.records import record

from hpcagent.slurm.draft import Release
from hpcagent.slurm.output_files import fields

OLD, NAMED, NEW = (22, 5, 8), (24, 11, 0), (25, 11, 0)
"""Releases between which the rules changed."""
JOB: dict[str, Any] = {
    "batch_flag": 1,
    "batch_host": "cn1",
    "name": "relax",
    "work_dir": "/work/dir",
    "restart_cnt": 2,
}
TASK = {**JOB, "job_id": 125, "array_job_id": 123, "array_task_id": 17}


def resolved(pattern: str | None, release: Release = OLD, **members: object) -> str:
    found = record(**{**JOB, **members, "std_out": pattern})
    return str(fields(found, "jiangli", release)["resolved_std_out"])


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/a/plain.txt", "/a/plain.txt"),
        ("relative", "/work/dir/relative"),
        ("/%j", "/123"),
        ("/%J", "/123"),
        ("/%A", "/123"),
        ("/%a", "/4294967294"),
        ("/%x-%u-%N-%n-%t-%s", "/relax-jiangli-cn1-0-0-batch"),
        ("/%5j.%5n.%05t", "/00123.00000.00000"),
        ("/%5x%5u%5N%5s", "/relaxjianglicn1batch"),
        ("/%10j", "/0000000123"),
        ("/%99j", "/0000000123"),
        ("/%0j", "/123"),
        ("/%%j", "/%j"),
        ("/%%%j", "/%123"),
        ("/%%%%", "/%%"),
        ("/100%", "/100%"),
        ("/%q%j", "/%q123"),
        ("/%é", "/%é"),
        (r"/\%j", "/%j"),
        (r"/\\%j", r"/\%j"),
        (r"/a\b\\c-%j", r"/ab\c-%j"),
        (None, "/work/dir/slurm-123.out"),
    ],
)
def test_a_pattern_means_a_path(pattern: str | None, path: str) -> None:
    assert resolved(pattern) == path


@pytest.mark.parametrize(
    ("pattern", "old", "new"),
    [
        ("/%15z", "/5z", "/%15z"),
        ("/%15", "/5", "/%15"),
        ("/%15-%j", "/5-123", "/%15-123"),
        (r"/\\%j", r"/\%j", "/%j"),
        ("5", "/dev/null", "/work/dir/5"),
        ("0", "/work/dir/0", "/work/dir/0"),
        (r"a\b", "/work/dirab", "/work/dir/ab"),
        ("/%r", "/%r", "/2"),
        ("/%S", "/%S", ""),
    ],
)
def test_a_pattern_is_read_as_the_release_reads_it(pattern: str, old: str, new: str) -> None:
    assert (resolved(pattern, OLD), resolved(pattern, NEW)) == (old, new)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        (None, "/work/dir/slurm-123_17.out"),
        ("/%A_%a-%j", "/123_17-125"),
        ("/%4a.%6A.%6j", "/0017.000123.000125"),
        ("/%b", "/%b"),
    ],
)
def test_a_pattern_of_an_array_task(pattern: str | None, path: str) -> None:
    assert resolved(pattern, **TASK) == path


def test_the_last_digit_of_the_task_has_a_symbol_since_24_11() -> None:
    assert resolved("/%b-%3b", NAMED, **TASK) == "/7-007"


@pytest.mark.parametrize(("release", "path"), [(OLD, "/(null)"), (NAMED, "/sbatch")])
def test_a_job_that_was_given_no_name(release: Release, path: str) -> None:
    assert resolved("/%x", release, name="sbatch") == path


def test_the_errors_go_where_the_output_goes_unless_told() -> None:
    found = fields(record(**JOB, std_out="/o.%j"), "jiangli", OLD)
    assert (found["std_err"], found["resolved_std_err"]) == ("", "/o.123")
    found = fields(record(**JOB, std_err="/e.%j"), "jiangli", OLD)
    assert found["resolved_std_out"] == "/work/dir/slurm-123.out"
    assert (found["std_err"], found["resolved_std_err"]) == ("/e.%j", "/e.123")


def test_a_job_reads_nothing_unless_told() -> None:
    assert fields(record(**JOB), "jiangli", OLD)["resolved_std_in"] == "/dev/null"
    found = fields(record(**JOB, std_in="/in.%j"), "jiangli", OLD)
    assert (found["std_in"], found["resolved_std_in"]) == ("/in.%j", "/in.123")


@pytest.mark.parametrize("why", [{"batch_host": None}, {"batch_flag": 0}])
def test_without_a_batch_script_that_started_nothing_is_resolved(why: dict[str, Any]) -> None:
    found = fields(record(**{**JOB, "std_out": "/o.%j", **why}), "jiangli", OLD)
    assert found == {"std_out": "/o.%j", "std_err": "", "std_in": ""}


def test_what_is_not_known_is_not_guessed() -> None:
    found = fields(record(**JOB, std_out="/%u", std_err="/%j"), "", OLD)
    assert (found["resolved_std_out"], found["resolved_std_err"]) == ("", "/123")
