"""A scheduler that only watches knows how every job ended, whatever happens to jobs and daemon.

Jobs complete, fail, are killed, time out, are cancelled before and after their start, are requeued,
and lose their node. One daemon runs through, another is restarted in the middle, and its watch goes
on by token. In the end both watchers must have told what Slurm's own record says: none missing,
none wrong, none invented, in an order that jobs can take.
"""

import itertools
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fix_daemon import running
from slurm.caller import Caller, calling
from slurm.watcher import Watcher, watching
from slurm_commands import command

from hpcagent.sandbox import Sandbox
from hpcagent.sandbox.layout import Layout
from hpcagent.v1 import job_pb2
from hpcagent.v1.job_requests_pb2 import RequeueJobRequest

SHORT, LONG = 144, 1008
PATIENCE = 600.0
LOST = "node4"

Act = Callable[["Stage", job_pb2.JobId], bool]
"""Does something to a job; False: it could not be done, for the job has lost its node just now."""


class Stage:
    """What the test acts with."""

    def __init__(self, sandbox: Sandbox, caller: Caller) -> None:
        self.sandbox = sandbox
        self.caller = caller

    def cancel(self, job: job_pb2.JobId) -> bool:
        self.caller.cancel(job)
        return True

    def time_out(self, job: job_pb2.JobId) -> bool:
        """Let its time be over: time limits are whole minutes otherwise."""
        argv = ("scontrol", "update", f"JobId={job.id}", "EndTime=now")
        return command(self.sandbox, *argv, check=False).returncode == 0

    def requeue(self, job: job_pb2.JobId) -> bool:
        answer = self.caller.stub.RequeueJob(RequeueJobRequest(job_id=job), timeout=20)
        return not any(result.status.code or result.warnings for result in answer.results)


STAYS = "exec sleep 600"
SAFE = {"exclude": LOST}
"""Where a job is that something else shall happen to; all others may lose their node, and be
requeued for it."""
KINDS: dict[str, tuple[str, dict[str, Any], Act | None]] = {
    "completes": ("exit 0", {}, None),
    "fails": ("exit 3", {}, None),
    "is killed": ("kill -9 $$", {}, None),
    "array": ("exit $SLURM_ARRAY_TASK_ID", {"array": "0-2"}, None),
    "runs and is cancelled": (STAYS, SAFE, Stage.cancel),
    "waits and is cancelled": ("exit 0", {"hold": True}, Stage.cancel),
    "times out": (STAYS, SAFE, Stage.time_out),
    "is requeued": (
        f"[ $SLURM_RESTART_COUNT ] || {STAYS}",
        {"requeue": True, **SAFE},
        Stage.requeue,
    ),
    "loses its node": (STAYS, {"nodelist": LOST, "requeue": False}, None),
}
"""What becomes of a job: its script, its options, and what is done when it runs (or waits)."""
LOSERS = 4
"""Jobs of that last kind; they fill half of a node until it is lost."""
FINAL = frozenset({"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL"})


@pytest.fixture
def stage(short_path: Path) -> Iterator[Sandbox]:
    """A cluster that forgets nothing, and starts a requeued job again after 6 s and not 121.

    slurmctld waits until the job's first credential has expired (22.05 job_mgr.c,
    _set_job_requeue_time and cred_expire).
    """
    short_path.chmod(0o755)  # jobs of all users ask munged there
    socket = Layout(short_path / "many").munge_socket
    conf = {"MinJobAge": "3600", "AuthInfo": f"socket={socket},cred_expire=5"}
    with Sandbox.up(short_path / "many", nodes=4, conf=conf) as own:
        yield own


def test_who_only_watches_knows_how_every_job_ended(
    sandbox: Sandbox, stage: Sandbox, soak: bool
) -> None:
    settings = {"slurm": {"watch_interval": 0.2}}
    with tempfile.TemporaryDirectory() as state:
        kept = {**settings, "state": {"directory": state}}
        with running(stage, settings) as through, calling(through.stub) as caller:
            with watching(through.stub) as whole:
                with running(stage, kept) as first, watching(first.stub) as before:
                    before.wait_until_complete()
                    jobs = submit(caller, LONG if soak else SHORT)
                    acting = Acting(Stage(stage, caller), jobs, whole)
                    acting.until(len(jobs) // 2)
                    first.stop()
                acting.lose_a_node()
                acting.until(len(jobs) * 3 // 4)
                with (
                    running(stage, kept) as second,
                    watching(second.stub, resume_token=before.token) as after,
                ):
                    acting.until(len(jobs))
                    record = final_record(stage)
                    for watcher in (whole, after):
                        watcher.wait_for(lambda w=watcher: settled(w, record))  # type: ignore[misc]
            caller.made.clear()
    resumed = joined(before, after)
    told = {job: states[-1] for job, states in whole.states.items() if job not in whole.gone}
    print(
        f"\n{len(record)} records: {dict(Counter(record.values()))}; "
        f"{len(whole.events)} events to the watcher that ran through, "
        f"{len(before.events)} and {len(after.events)} to the one that was resumed"
    )
    assert told == record
    assert {job: resumed[job][-1] for job in record} == record
    for states in (whole.states, resumed):
        assert {job: order for job, order in states.items() if not possible(order)} == {}
    assert set(record.values()) == FINAL


def submit(caller: Caller, count: int) -> dict[str, tuple[str, job_pb2.JobId]]:
    """Submit jobs of all kinds, in turn; by id, the kind and the whole id."""
    most = [kind for kind in KINDS if kind != "loses its node"]
    kinds = ["loses its node"] * LOSERS + list(
        itertools.islice(itertools.cycle(most), count - LOSERS)
    )

    def one(kind: str) -> tuple[str, job_pb2.JobId]:
        script, options, _ = KINDS[kind]
        return kind, caller.run(script, **options)

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(one, kinds))
    return {job.id: (kind, job) for kind, job in made}


class Acting:
    """Does to jobs what shall become of them, as soon as the watcher tells that it can be done."""

    def __init__(
        self, stage: Stage, jobs: dict[str, tuple[str, job_pb2.JobId]], watcher: Watcher
    ) -> None:
        self._stage = stage
        self._jobs = jobs
        self._watcher = watcher
        self._left = {
            job: (act, "PENDING" if options.get("hold") else "RUNNING")
            for job, (kind, _) in jobs.items()
            if (act := KINDS[kind][2]) and (options := KINDS[kind][1]) is not None
        }

    def until(self, count: int) -> None:
        """Go on until so many jobs have ended."""
        while self._ended() < count:
            self._watcher.wait_for(lambda: self._ready() or self._ended() >= count, self._open)
            for job in self._ready():
                act, _ = self._left[job]
                if act(self._stage, self._jobs[job][1]):
                    del self._left[job]

    def lose_a_node(self) -> None:
        """Kill a node under its jobs; those that may be requeued run elsewhere."""
        losers = [job for job, (kind, _) in self._jobs.items() if kind == "loses its node"]
        for job in losers:
            self._watcher.wait_for_state(self._jobs[job][1], "RUNNING")
        sandbox = self._stage.sandbox
        sandbox.slurmd[sandbox.nodes.index(LOST)].stop()
        command(
            sandbox, "scontrol", "update", f"NodeName={LOST}", "State=DOWN", "Reason=lost"
        )  # slurmctld itself waits SlurmdTimeout, 300 s by default

    def _ready(self) -> list[str]:
        states = self._watcher.states
        return [job for job, (_, when) in self._left.items() if states.get(job, [""])[-1] == when]

    def _ended(self) -> int:
        states = self._watcher.states
        return sum(1 for job in self._jobs if self._has_ended(job, states))

    def _open(self) -> dict[str, object]:
        """The jobs that have not ended, and what was heard of them."""
        states = self._watcher.states
        return {
            job: (kind, states.get(job))
            for job, (kind, _) in self._jobs.items()
            if not self._has_ended(job, states)
        }

    def _has_ended(self, job: str, states: dict[str, list[str]]) -> bool:
        if self._jobs[job][0] == "array":
            return all(states.get(f"{job}_{task}", [""])[-1] in FINAL for task in range(3))
        return states.get(job, [""])[-1] in FINAL


def final_record(sandbox: Sandbox) -> dict[str, str]:
    """What slurmctld has of every job."""
    argv = ("squeue", "--array", "--states=all", "--noheader", "--format=%i %T")
    lines = command(sandbox, *argv).stdout.splitlines()
    return dict(line.split() for line in lines)


def settled(watcher: Watcher, record: dict[str, str]) -> bool:
    return all(watcher.states.get(job, [state])[-1] == state for job, state in record.items())


def joined(before: Watcher, after: Watcher) -> dict[str, list[str]]:
    """What the watcher that was resumed has heard in all."""
    return {
        job: before.states.get(job, []) + after.states.get(job, [])
        for job in before.states.keys() | after.states.keys()
    }


def possible(states: list[str]) -> bool:
    """Whether a job can have been in these states in this order: it ends once in each run."""
    words = [word for word, _ in itertools.groupby(word.removesuffix("+") for word in states)]
    return all(
        later == "PENDING" or (earlier not in FINAL and later != earlier)
        for earlier, later in itertools.pairwise(words)
    )
