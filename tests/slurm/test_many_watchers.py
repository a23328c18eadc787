"""Hundreds of watchers: each is told everything, and slurmctld does not notice how many."""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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
        f"\nREQUEST_JOB_INFO a second: {alone:.2f} with 1 watcher, {together:.2f} with {WATCHERS}; "
        f"threads {idle['Threads']} and {busy['Threads']}; "
        f"resident {idle['VmRSS'] // 1024} MiB and {busy['VmRSS'] // 1024} MiB"
    )
    assert together <= alone * 1.2
    assert busy["Threads"] - idle["Threads"] <= WATCHERS + 20
    assert busy["VmRSS"] - idle["VmRSS"] < WATCHERS * 512  # in KiB


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


def rate(daemon: Daemon, calls: Sequence[Any]) -> float:
    """Let jobs come, which every one of these must hear of; how often slurmctld is asked then."""
    before, began = asked(daemon.sandbox), time.monotonic()
    for _ in range(ROUNDS):
        job = submit(daemon.sandbox, "exit 0", "--hold")
        until = time.monotonic() + PATIENCE
        for call in calls:
            while not is_about(next(call), job):
                assert time.monotonic() < until
    return (asked(daemon.sandbox) - before) / (time.monotonic() - began)


def is_about(event: Any, job: int) -> bool:  # noqa: ANN401 - a JobEvent
    return bool(event.HasField("changed") and event.changed.job_id.job_id == job)


def asked(sandbox: Sandbox) -> int:
    """How often slurmctld has been asked for its jobs, by anybody."""
    told = command(sandbox, "sdiag").stdout
    found = re.search(r"REQUEST_JOB_INFO +\(.*?\) +count:(\d+)", told)
    return int(found[1]) if found else 0


def footprint(daemon: Daemon) -> dict[str, int]:
    """Threads of the daemon's process, and its memory in KiB."""
    status = Path(f"/proc/{daemon.pid}/status").read_text()
    lines = dict(re.findall(r"(Threads|VmRSS):\s+(\d+)", status))
    return {name: int(value) for name, value in lines.items()}
