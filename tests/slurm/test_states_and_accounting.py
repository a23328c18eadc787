"""What a scheduler that only watches has seen in the end is what Slurm's own accounting says."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fix_daemon import Daemon, running
from slurm.caller import Caller, fresh
from slurm_commands import command, wait_until

from hpcagent.sandbox import Sandbox
from hpcagent.v1 import job_pb2
from hpcagent.v1.job_pb2 import (
    JOB_STATE_COMPLETED,
    JOB_STATE_DEADLINE,
    JOB_STATE_FLAG_COMPLETING,
    JOB_STATE_PENDING,
    JOB_STATE_PREEMPTED,
    JOB_STATE_RUNNING,
)
from hpcagent.v1.job_requests_pb2 import JobFilter, RequeueJobRequest, WatchJobsRequest

OF_EACH = 8
ALICE = {"user": "alice", "user_id": None, "group": None, "group_id": None}
OPEN = {JOB_STATE_PENDING, JOB_STATE_RUNNING}


@dataclass
class Watcher:
    """Keeps the states of every job in the order in which it was told of them."""

    daemon: Daemon
    name: str
    seen: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    ended: set[str] = field(default_factory=set)
    _news: threading.Condition = field(default_factory=threading.Condition)

    def follow(self) -> None:
        """Watch until the daemon ends the stream."""
        asked = WatchJobsRequest(filter=JobFilter(names=[self.name]))
        for event in self.daemon.stub.WatchJobs(asked, timeout=300):
            if event.WhichOneof("event") not in {"snapshot", "changed"}:
                continue
            job = getattr(event, str(event.WhichOneof("event")))
            with self._news:
                self._take(job)
                self._news.notify_all()
            if self.name + "-end" == job.comment and job.job_id.id in self.ended:
                return

    def _take(self, job: job_pb2.Job) -> None:
        word = job_pb2.JobState.Name(job.state).removeprefix("JOB_STATE_")
        if self.seen[job.job_id.id][-1:] != [word]:
            self.seen[job.job_id.id].append(word)
        if job.state in OPEN or JOB_STATE_FLAG_COMPLETING in job.state_flags:
            self.ended.discard(job.job_id.id)
        else:
            self.ended.add(job.job_id.id)

    def wait_for(self, jobs: set[str]) -> None:
        """Wait until all of these have ended."""
        with self._news:
            assert self._news.wait_for(lambda: jobs <= self.ended, 120), jobs - self.ended


@pytest.fixture(scope="module")
def watched(accounting_sandbox: Sandbox) -> Iterator[tuple[Caller, Watcher]]:
    """Somebody who watches all jobs of a name, on a cluster with accounting of the module's own."""
    with Sandbox.up(accounting=True) as own, running(own) as daemon:
        daemon.wait_until_serving()
        watcher = Watcher(daemon, fresh("seen"))
        thread = threading.Thread(target=watcher.follow)
        thread.start()
        caller = Caller(daemon.stub)
        yield caller, watcher
        last = caller.run("exit 0", {**ALICE, "name": watcher.name}, comment=f"{watcher.name}-end")
        watcher.wait_for({last.id})
        thread.join(20)


def in_accounting(sandbox: Sandbox, jobs: set[str]) -> dict[str, str]:
    """The last state of each in sacct's words."""
    argv = ("sacct", "--allusers", "--allocations", "--noheader", "--parsable2",
            f"--jobs={','.join(sorted(jobs))}", "--format=JobID,State")  # fmt: skip
    lines = command(sandbox, *argv).stdout.splitlines()
    return {one: state.split()[0] for one, _, state in (line.partition("|") for line in lines)}


def missed(sandbox: Sandbox, caller: Caller, mine: dict[str, Any]) -> tuple[str, str]:
    """A job that had a node for itself until it was cancelled, and one that waited too long."""
    alone = caller.run("exec sleep 600", mine, nodelist="node1", exclusive="EXCLUSIVE_JOB")
    caller.wait(alone, JOB_STATE_RUNNING)
    late = caller.run("exit 0", mine, nodelist="node1", time={"value": "60s"})
    command(sandbox, "scontrol", "update", f"JobId={late.id}", "Deadline=now+2")
    caller.wait(late, JOB_STATE_DEADLINE)
    caller.cancel(alone)
    return alone.id, late.id


def preempted(caller: Caller, mine: dict[str, Any]) -> str:
    """A job that made room for one of a QOS that may take its node."""
    low = caller.run("exec sleep 600", mine, nodelist="node1", qos="low", requeue=False)
    caller.wait(low, JOB_STATE_RUNNING)
    high = caller.run("exit 0", mine, nodelist="node1", qos="high", exclusive="EXCLUSIVE_JOB")
    caller.wait(low, JOB_STATE_PREEMPTED)
    caller.wait(high, JOB_STATE_COMPLETED)
    return low.id


def test_what_was_watched_is_what_accounting_has(watched: tuple[Caller, Watcher]) -> None:
    caller, watcher = watched
    daemon, mine = watcher.daemon, {**ALICE, "name": watcher.name}
    sandbox = daemon.sandbox
    jobs: dict[str, set[str]] = defaultdict(set)
    for number in range(OF_EACH):
        jobs["COMPLETED"].add(caller.run("exit 0", mine).id)
        jobs["FAILED"].add(caller.run(f"exit {number + 1}", mine).id)
        jobs["FAILED"].add(caller.run("kill -SEGV $$", mine).id)
        held = caller.hold(mine)
        caller.cancel(held)
        jobs["CANCELLED"].add(held.id)
    running_one = caller.run("exec sleep 600", mine)
    caller.wait(running_one, JOB_STATE_RUNNING)
    caller.cancel(running_one)
    jobs["CANCELLED"].add(running_one.id)
    # The second time it finds what the first has left.
    mark = f"/tmp/{watcher.name}"
    twice = caller.run(f"test -e {mark} && exit 0\n: > {mark}\nexec sleep 600", mine, requeue=True)
    caller.wait(twice, JOB_STATE_RUNNING)
    wait_until(Path(mark).exists, "it runs")
    daemon.stub.RequeueJob(RequeueJobRequest(job_id=twice))
    alone, late = missed(sandbox, caller, mine)
    jobs["CANCELLED"].add(alone)
    jobs["DEADLINE"].add(late)
    jobs["PREEMPTED"].add(preempted(caller, mine))
    lost = caller.run("exec sleep 600", mine, nodelist="node2", requeue=False)
    caller.wait(lost, JOB_STATE_RUNNING)
    sandbox.slurmd[1].stop()
    command(sandbox, "scontrol", "update", "NodeName=node2", "State=DOWN", "Reason=lost")
    jobs["NODE_FAIL"].add(lost.id)
    # Not in the same second: slurmd still takes the credential for revoked then, and the job fails.
    command(sandbox, "scontrol", "update", f"JobId={twice.id}", "StartTime=now+2")
    jobs["COMPLETED"].add(twice.id)
    everything = set().union(*jobs.values())
    watcher.wait_for(everything)
    Path(mark).unlink()
    wanted = {one: state for state, ids in jobs.items() for one in ids}
    last = {one: watcher.seen[one][-1] for one in everything}
    assert last == wanted
    assert in_accounting(sandbox, everything) == wanted
    assert caller.get(twice).restart_count == 1
    # Each began by waiting or running, and none was told of after its end.
    ends = set(wanted.values())
    for states in map(watcher.seen.__getitem__, everything):
        assert [state for state in states if state in ends] == states[-1:]
