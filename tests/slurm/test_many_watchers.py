"""Hundreds of watchers: each is told everything, and slurmctld does not notice how many."""

import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fix_daemon import Daemon, running
from slurm_commands import command, submit

from hpcagent.sandbox import Sandbox
from hpcagent.v1.job_requests_pb2 import JobFilter, WatchJobsRequest

WATCHERS = 500
ROUNDS = 10
PATIENCE = 120.0


@pytest.fixture
def daemon(private_sandbox: Sandbox) -> Iterator[Daemon]:
    with running(private_sandbox, {"slurm": {"watch_interval": 0.25}}) as own:
        yield own


def test_500_watchers_cost_slurmctld_no_more_than_one(daemon: Daemon) -> None:
    """Two thirds watch everything, as schedulers do, the others one name each."""
    filters = [JobFilter(names=[f"name-{n}"]) if n % 3 == 0 else None for n in range(WATCHERS)]
    idle = footprint(daemon)
    with watches(daemon, [None]) as only:
        alone = rate(daemon, only)
    with watches(daemon, filters) as all_of_them:
        together = rate(
            daemon, [call for call, w in zip(all_of_them, filters, strict=True) if not w]
        )
        busy = footprint(daemon)
    print(
        f"\nRPCs a second, and REQUEST_JOB_INFO of them: {alone} with 1 watcher, "
        f"{together} with {WATCHERS}; "
        f"threads {idle['Threads']} and {busy['Threads']}; "
        f"resident {idle['VmRSS'] // 1024} MiB and {busy['VmRSS'] // 1024} MiB"
    )
    assert together.all <= alone.all * 1.2
    assert together.job_info <= alone.job_info * 1.2
    assert busy["Threads"] - idle["Threads"] <= WATCHERS + 20
    assert busy["VmRSS"] - idle["VmRSS"] < WATCHERS * 512  # in KiB


class Rate(NamedTuple):
    """How often slurmctld is asked in a second, by anybody."""

    all: float
    job_info: float

    def __str__(self) -> str:
        return f"{self.all:.2f} and {self.job_info:.2f}"


@contextmanager
def watches(daemon: Daemon, filters: Sequence[JobFilter | None]) -> Iterator[list[Any]]:
    """Begin a watch for each filter, and read its snapshot."""
    calls = [daemon.stub.WatchJobs(WatchJobsRequest(filter=one)) for one in filters]
    for call in calls:
        while not next(call).HasField("snapshot_end"):
            pass
    yield calls
    for call in calls:
        call.cancel()


def rate(daemon: Daemon, calls: Sequence[Any]) -> Rate:
    """Let jobs come, which every one of these must hear of; how often slurmctld is asked then."""
    before, began = asked(daemon.sandbox), time.monotonic()
    for _ in range(ROUNDS):
        job = submit(daemon.sandbox, "exit 0", "--hold")
        until = time.monotonic() + PATIENCE
        for call in calls:
            while not is_about(next(call), job):
                assert time.monotonic() < until
    seconds, after = time.monotonic() - began, asked(daemon.sandbox)
    return Rate(
        (sum(after.values()) - sum(before.values())) / seconds,
        (after["REQUEST_JOB_INFO"] - before["REQUEST_JOB_INFO"]) / seconds,
    )


def is_about(event: Any, job: int) -> bool:  # noqa: ANN401 - a JobEvent
    return bool(event.HasField("changed") and event.changed.job_id.job_id == job)


def asked(sandbox: Sandbox) -> Counter[str]:
    """How often slurmctld has been sent which message, by anybody."""
    told = command(sandbox, "sdiag").stdout
    by_type, _, _ = told.partition("Remote Procedure Call statistics by user")
    found = re.findall(r"^\s*(\w+) +\( *\d+\) +count:(\d+)", by_type, re.MULTILINE)
    return Counter({name: int(count) for name, count in found})


def footprint(daemon: Daemon) -> dict[str, int]:
    """Threads of the daemon's process, and its memory in KiB."""
    status = Path(f"/proc/{daemon.pid}/status").read_text()
    lines = dict(re.findall(r"(Threads|VmRSS):\s+(\d+)", status))
    return {name: int(value) for name, value in lines.items()}
