"""How much a process grows by doing something very often."""

import ctypes
import gc
import resource
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import _slurm

MALLINFO2 = (
    *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
    *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
)


class Mallinfo2(ctypes.Structure):
    """What mallinfo2(3) tells; the names are its own."""

    _fields_ = [(name, ctypes.c_size_t) for name in MALLINFO2]


libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Mallinfo2


@dataclass(frozen=True)
class Growth:
    """Bytes by which a process grew: as the kernel sees it, and in what malloc(3) has given out."""

    resident: int
    allocated: int


def _resident() -> int:
    """This process's memory in bytes (proc_pid_statm(5), the second field)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def _allocated() -> int:
    """What malloc(3) has given out and not got back, to the byte."""
    info = libc.mallinfo2()
    in_use: int = info.uordblks + info.hblkhd
    return in_use


def growth(action: Callable[[], object], count: int) -> Growth:
    """What is gained over so many times, after a tenth of it has filled caches and pools."""
    for _ in range(count // 10):
        action()
    gc.collect()
    resident, allocated = _resident(), _allocated()
    for _ in range(count):
        action()
    gc.collect()
    return Growth(_resident() - resident, _allocated() - allocated)


def _refused(members: dict[str, Any]) -> None:
    try:
        _slurm.describe(members)
    except _slurm.MemberError:
        return
    raise RuntimeError("it was not refused")


def by_conversions(count: int, members: dict[str, Any]) -> Growth:
    """Growth by filling a job_desc_msg_t and reading it back."""
    return growth(lambda: _slurm.describe(members), count)


def by_refused_conversions(count: int, members: dict[str, Any]) -> Growth:
    """Growth by conversions that fail at their last member."""
    return growth(lambda: _refused({**members, "no such member": 1}), count)


def by_pages(count: int) -> Growth:
    """Growth by loading all jobs."""
    return growth(_slurm.load_jobs, count)


def by_inventories(count: int) -> Growth:
    """Growth by loading all that a cluster is made of."""

    def load() -> None:
        _slurm.load_nodes(flags=_slurm.SHOW_ALL | _slurm.SHOW_DETAIL)
        _slurm.load_reservations()
        _slurm.load_licenses()
        _slurm.get_statistics()
        _slurm.load_assoc_mgr()

    return growth(load, count)


def by_submissions(count: int, members: dict[str, Any]) -> Growth:
    """Growth by submissions that are accepted."""
    return growth(lambda: _slurm.submit_batch_job(members), count)


def by_het_submissions(count: int, members: dict[str, Any]) -> Growth:
    """Growth by submissions of jobs of two components."""
    return growth(lambda: _slurm.submit_batch_het_job([members, members]), count)


def by_estimates(count: int, members: dict[str, Any]) -> Growth:
    """Growth by asking when a job would start."""
    return growth(lambda: _slurm.job_will_run2(members), count)


def by_answers_by_task(count: int, members: dict[str, Any]) -> Growth:
    """Growth by changes of an array, which are answered task by task."""
    return growth(lambda: _slurm.update_job2(members), count)


def by_refused_submissions(count: int, members: dict[str, Any]) -> Growth:
    """Growth by submissions that slurmctld refuses."""

    def submit() -> None:
        try:
            _slurm.submit_batch_job(members)
        except _slurm.SlurmError:
            return
        raise RuntimeError("it was not refused")

    return growth(submit, count)
