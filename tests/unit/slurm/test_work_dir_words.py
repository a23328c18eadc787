"""Why a working directory was not made, as its caller is told."""

import errno
import os

import pytest

from hpcagent.jobs.errors import AgentError, Kind
from hpcagent.jobs.spec import WorkDirRequest
from hpcagent.slurm.client import FileError
from hpcagent.slurm.work_dir import _refusal, check


@pytest.mark.parametrize("mode", [-1, 0o10000, 2**32 - 1])
def test_a_mode_is_bits_of_a_mode(mode: int) -> None:
    (violation,) = check(WorkDirRequest(mode))
    assert (violation.field, violation.reason) == ("create_work_dir.mode", "OUT_OF_RANGE")


@pytest.mark.parametrize("wanted", [None, WorkDirRequest(0), WorkDirRequest(0o7777)])
def test_every_mode_that_there_is_is_taken(wanted: WorkDirRequest | None) -> None:
    assert check(wanted) == []


@pytest.mark.parametrize(
    ("number", "kind", "reason"),
    [
        (errno.ELOOP, Kind.INVALID_ARGUMENT, "WORK_DIR_SYMLINK"),
        (errno.ENOTDIR, Kind.INVALID_ARGUMENT, "WORK_DIR_NOT_A_DIRECTORY"),
        (errno.ENOENT, Kind.INVALID_ARGUMENT, "WORK_DIR_PARENT_MISSING"),
        (errno.ENAMETOOLONG, Kind.INVALID_ARGUMENT, "WORK_DIR_NAME_TOO_LONG"),
        (errno.EACCES, Kind.PERMISSION_DENIED, "WORK_DIR_NOT_ALLOWED"),
        (errno.EPERM, Kind.PERMISSION_DENIED, "WORK_DIR_NOT_ALLOWED"),
        (errno.ENOSPC, Kind.FAILED_PRECONDITION, "WORK_DIR_NOT_MADE"),
        (errno.EDQUOT, Kind.FAILED_PRECONDITION, "WORK_DIR_NOT_MADE"),
        (errno.EROFS, Kind.FAILED_PRECONDITION, "WORK_DIR_NOT_MADE"),
    ],
)
def test_the_systems_reason_becomes_one_for_the_caller(
    number: int, kind: Kind, reason: str
) -> None:
    error = _refusal(FileError(number, os.strerror(number), "/home/u/run"))
    assert isinstance(error, AgentError)
    assert (error.kind, error.reason if kind is not Kind.INVALID_ARGUMENT else reason) == (
        kind,
        reason,
    )
    (violation,) = error.violations
    assert (violation.field, violation.reason) == ("work_dir", reason)
    assert "/home/u/run" in violation.description
