"""A scheduler that only watches knows how every job ended, whatever happens to jobs and daemon.

Jobs complete, fail, are killed, run out of memory and time, are cancelled before and after their
start, requeued, preempted, and lose their node. One daemon runs through, another is restarted in
the middle, and its watch goes on by token. In the end both watchers must have told what Slurm's own
accounting says: none missing, none wrong, none invented, in an order that jobs can take.
"""

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from fix_daemon import Daemon, running
from slurm.caller import calling
from slurm.fates import FINAL, NODES, Crowd, Hand, memory_plugin, possible
from slurm.watcher import Watcher, watching
from slurm_commands import command, wait_until

from hpcagent.sandbox import Sandbox
from hpcagent.sandbox.layout import Layout

SHORT, LONG = 144, 1008
QUICK = {"slurm": {"watch_interval": 0.2}}


@pytest.fixture
def stage(sandbox: Sandbox, short_path: Path) -> Iterator[Sandbox]:
    """A cluster with accounting and without limits, that forgets no job.

    A requeued job starts again after 6 s and not after 121: slurmctld waits until the job's first
    credential has expired (22.05 job_mgr.c, _set_job_requeue_time and cred_expire).
    """
    short_path.chmod(0o755)  # jobs of all users ask munged there
    socket = Layout(short_path / "many").munge_socket
    conf = memory_plugin(short_path, sandbox) | {
        "AccountingStorageEnforce": "associations,qos",
        "AuthInfo": f"socket={socket},cred_expire=5",
        "MinJobAge": "3600",
        "SlurmdTimeout": "15",
    }
    with Sandbox.up(short_path / "many", nodes=NODES, conf=conf, accounting=True) as own:
        yield own


@pytest.fixture
def through(stage: Sandbox) -> Iterator[Daemon]:
    """The daemon that runs through, and takes the submissions."""
    with running(stage, QUICK) as daemon:
        daemon.wait_until_serving()
        yield daemon


def test_who_only_watches_knows_how_every_job_ended(
    stage: Sandbox, through: Daemon, soak: bool
) -> None:
    with tempfile.TemporaryDirectory() as state:
        kept = {**QUICK, "state": {"directory": state}}
        with calling(through.stub) as caller, watching(through.stub) as whole:
            with running(stage, kept) as first:
                first.wait_until_serving()
                with watching(first.stub) as before:
                    before.wait_until_complete()
                    crowd = Crowd(Hand(stage, caller), whole, LONG if soak else SHORT)
                    crowd.push_out()
                    crowd.until(len(crowd) // 2)
                    first.stop()
            crowd.lose_a_node()
            crowd.until(len(crowd) * 3 // 4)
            with running(stage, kept) as second:
                second.wait_until_serving()
                with watching(second.stub, resume_token=before.token) as after:
                    crowd.until(len(crowd))
                    record = accounted(stage, crowd)
                    for watcher in (whole, after):
                        watcher.wait_for(lambda w=watcher: settled(w, record))  # type: ignore[misc]
            caller.made.clear()
    resumed = joined(before, after)
    print(
        f"\n{len(record)} records: {dict(Counter(record.values()))}; "
        f"{len(whole.events)} events to the watcher that ran through, "
        f"{len(before.events)} and {len(after.events)} to the one that was resumed"
    )
    for states in (whole.states, resumed):
        last = {job: order[-1] for job, order in states.items() if job not in crowd.arrays}
        assert last == record
        assert {job: order for job, order in states.items() if not possible(order)} == {}
    assert record.keys() == crowd.expected
    assert set(record.values()) == FINAL


def accounted(sandbox: Sandbox, crowd: Crowd) -> dict[str, str]:
    """What slurmdbd has of every job, once it has the end of each that it has."""
    argv = ("sacct", "--allusers", "--allocations", "--noheader", "--parsable2",
            f"--jobs={','.join(sorted(crowd.jobs))}", "--format=JobID,State")  # fmt: skip

    def read() -> dict[str, str]:
        lines = command(sandbox, *argv).stdout.splitlines()
        return {job: word.split()[0] for job, _, word in (line.partition("|") for line in lines)}

    wait_until(lambda: set(read().values()) <= FINAL, "all jobs have ended in accounting")
    return read()


def settled(watcher: Watcher, record: dict[str, str]) -> bool:
    return all(watcher.states.get(job, [state])[-1] == state for job, state in record.items())


def joined(before: Watcher, after: Watcher) -> dict[str, list[str]]:
    """What the watcher that was resumed has heard in all."""
    return {
        job: before.states.get(job, []) + after.states.get(job, [])
        for job in before.states.keys() | after.states.keys()
    }
