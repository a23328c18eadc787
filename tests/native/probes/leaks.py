"""How much a process grows by doing something very often."""

import gc
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import _slurm


def resident() -> int:
    """This process's memory in bytes (proc_pid_statm(5), the second field)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def growth(action: Callable[[], object], count: int) -> int:
    """The bytes gained over so many times, after a tenth of it has filled caches and pools."""
    for _ in range(count // 10):
        action()
    gc.collect()
    before = resident()
    for _ in range(count):
        action()
    gc.collect()
    return resident() - before


def _refused(members: dict[str, Any]) -> None:
    try:
        _slurm.describe(members)
    except _slurm.MemberError:
        return
    raise RuntimeError("it was not refused")


def by_conversions(count: int, members: dict[str, Any]) -> int:
    """Growth by filling a job_desc_msg_t and reading it back."""
    return growth(lambda: _slurm.describe(members), count)


def by_refused_conversions(count: int, members: dict[str, Any]) -> int:
    """Growth by conversions that fail at their last member."""
    return growth(lambda: _refused({**members, "no such member": 1}), count)


def by_pages(count: int) -> int:
    """Growth by loading all jobs."""
    return growth(_slurm.load_jobs, count)


def by_submissions(count: int, members: dict[str, Any]) -> int:
    """Growth by submissions that are accepted or, without a script, refused."""

    def submit_both() -> None:
        _slurm.submit_batch_job(members)
        try:
            _slurm.submit_batch_job({**members, "script": None})
        except _slurm.SlurmError:
            return
        raise RuntimeError("it was not refused")

    return growth(submit_both, count)
