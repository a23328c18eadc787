"""What may become of jobs, and a test's hand in it: it cancels, requeues, and takes nodes away."""

import itertools
import signal
import subprocess
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slurm.caller import Caller
from slurm.watcher import Watcher
from slurm_commands import command

from hpcagent.sandbox import Sandbox
from hpcagent.v1 import job_pb2
from hpcagent.v1.job_requests_pb2 import RequeueJobRequest

FINAL = frozenset(
    {"CANCELLED", "COMPLETED", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "TIMEOUT"}
)
NODES = 4
TAKEN, LOST = "node3", "node4"
"""The node whose jobs make room for another, and the one that is lost."""
ALICE = {"user": "alice", "user_id": None, "group": None, "group_id": None}
"""She may use the QOS that another one preempts (`hpcagent.sandbox.tenants`)."""
MEMORY = 64 << 20
"""A task that was larger has run out of memory; slurmstepd itself is not so large."""

STAYS = "exec sleep 600"
ONCE = f"[ $SLURM_RESTART_COUNT ] || {STAYS}"
BIG = f"head -c {MEMORY * 3 // 2} /dev/zero | tail -c {MEMORY * 3 // 2} >/dev/null; kill -9 $$"
ANYWHERE = {"exclude": TAKEN}
"""Of jobs that end by themselves; so they may also lose their node, and be requeued for it."""
SAFE = {"exclude": f"{TAKEN},{LOST}"}
"""Of jobs that something else shall happen to."""
VICTIM = {"nodelist": TAKEN, "qos": "low"}


@dataclass(frozen=True)
class Fate:
    """What becomes of jobs of one kind."""

    script: str
    options: Mapping[str, Any] = field(default_factory=lambda: ANYWHERE)
    act: "Callable[[Hand, job_pb2.JobId], bool] | None" = None
    """Makes it so, once the job runs, or waits if it is held; False: it could not be done just
    now, for the job was requeued meanwhile."""
    most: int | None = None
    """How many jobs there are room for."""


class Hand:
    """Does to jobs what the job alone would not do."""

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


FATES: Mapping[str, Fate] = {
    "completes": Fate("exit 0"),
    "fails": Fate("exit 3"),
    "is killed": Fate("kill -9 $$"),
    "is an array": Fate("exit $SLURM_ARRAY_TASK_ID", {"array": "0-2", **ANYWHERE}),
    "runs out of memory": Fate(BIG),
    "times out": Fate(STAYS, SAFE, Hand.time_out),
    "is cancelled": Fate(STAYS, SAFE, Hand.cancel),
    "is cancelled as it waits": Fate("exit 0", {"hold": True, **ANYWHERE}, Hand.cancel),
    "is requeued": Fate(ONCE, {"requeue": True, **SAFE}, Hand.requeue),
    "makes room": Fate(STAYS, {"requeue": False, **VICTIM}, most=4),
    "makes room, and comes back": Fate(ONCE, {"requeue": True, **VICTIM}, most=4),
    "loses its node": Fate(STAYS, {"nodelist": LOST, "requeue": False}, most=4),
}
PUSHES = Fate("exit 0", {"nodelist": TAKEN, "qos": "high", "exclusive": "EXCLUSIVE_JOB"})
"""What the jobs that make room make room for."""


class Crowd:
    """Many jobs, and the hand that decides their fates as soon as a watcher tells that it can."""

    def __init__(self, hand: Hand, watcher: Watcher, count: int) -> None:
        self._hand = hand
        self._watcher = watcher
        self._fates: dict[str, str] = {}
        self._ids: dict[str, job_pb2.JobId] = {}
        with ThreadPoolExecutor(8) as pool:
            for name, job in pool.map(self._submit, list(_names(count))):
                self._fates[job.id], self._ids[job.id] = name, job
        self._left = {job for job, name in self._fates.items() if FATES[name].act}

    def __len__(self) -> int:
        return len(self._fates)

    @property
    def jobs(self) -> set[str]:
        """The ids that were returned for them."""
        return set(self._fates)

    @property
    def expected(self) -> set[str]:
        """The jobs that there must be records of, in the end; of arrays the tasks."""
        return {one for job in self._fates for one in self._parts(job)}

    @property
    def arrays(self) -> set[str]:
        """The ids by which the tasks of arrays wait together."""
        return {job for job in self._fates if self._parts(job) != [job]}

    def until(self, count: int) -> None:
        """Go on until so many jobs have ended."""
        while self._ended() < count:
            self._watcher.wait_for(lambda: self._ready() or self._ended() >= count, self._open)
            for job in self._ready():
                act = FATES[self._fates[job]].act
                assert act
                if act(self._hand, self._ids[job]):
                    self._left.remove(job)

    def push_out(self) -> None:
        """Submit a job that others make room for."""
        self._await_running("makes room", "makes room, and comes back")
        job = self._hand.caller.run(PUSHES.script, ALICE, **PUSHES.options)
        self._fates[job.id], self._ids[job.id] = "completes", job

    def lose_a_node(self) -> None:
        """Kill slurmd under its jobs; slurmctld finds that out by itself."""
        self._await_running("loses its node")
        sandbox = self._hand.sandbox
        sandbox.slurmd[sandbox.nodes.index(LOST)].stop(signal.SIGKILL)

    def _submit(self, name: str) -> tuple[str, job_pb2.JobId]:
        fate = FATES[name]
        return name, self._hand.caller.run(fate.script, ALICE, **fate.options)

    def _await_running(self, *names: str) -> None:
        for job in [job for job, name in self._fates.items() if name in names]:
            self._watcher.wait_for_state(self._ids[job], "RUNNING")

    def _ready(self) -> list[str]:
        return [job for job in self._left if self._state(job) == self._due(job)]

    def _due(self, job: str) -> str:
        return "PENDING" if FATES[self._fates[job]].options.get("hold") else "RUNNING"

    def _ended(self) -> int:
        return len(self._fates) - len(self._open())

    def _open(self) -> dict[str, object]:
        """The jobs that have not ended, and what was heard of them."""
        states = self._watcher.states
        return {
            job: (name, [states.get(part) for part in self._parts(job)])
            for job, name in self._fates.items()
            if not all(self._state(part) in FINAL for part in self._parts(job))
        }

    def _parts(self, job: str) -> list[str]:
        tasks = range(3) if FATES[self._fates[job]].options.get("array") else []
        return [f"{job}_{task}" for task in tasks] or [job]

    def _state(self, job: str) -> str:
        return self._watcher.states.get(job, [""])[-1]


def _names(count: int) -> list[str]:
    """Fates for so many jobs: those of which there are few first, then the others in turn."""
    few = [name for name, fate in FATES.items() for _ in range(fate.most or 0)]
    others = itertools.cycle(name for name, fate in FATES.items() if fate.most is None)
    return few + list(itertools.islice(others, count - len(few)))


def possible(states: list[str]) -> bool:
    """Whether a job can have been in these states in this order: it ends once in each run."""
    words = [word for word, _ in itertools.groupby(word.removesuffix("+") for word in states)]
    return all(
        later == "PENDING" or (earlier not in FINAL and later != earlier)
        for earlier, later in itertools.pairwise(words)
    )


def memory_plugin(directory: Path, sandbox: Sandbox) -> dict[str, str]:
    """Build short_of_memory.c below a directory; the keys of slurm.conf that make it heard."""
    library = directory / "task_short_of_memory.so"
    source = Path(__file__).with_name("short_of_memory.c")
    argv = ["cc", "-shared", "-fPIC", f"-DBYTES={MEMORY}", f"-o{library}", str(source)]
    subprocess.run(argv, check=True)
    lines = command(sandbox, "scontrol", "show", "config").stdout.splitlines()
    (plugins,) = [line.split("=")[1].strip() for line in lines if line.startswith("PluginDir ")]
    return {"PluginDir": f"{plugins}:{directory}", "TaskPlugin": "task/short_of_memory"}
