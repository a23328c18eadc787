"""The same request twice: to sbatch and to hpcagent, and what came of it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from native.child import Child
from native.jobs import GROUP, USER
from slurm.recorder import Description, Recorder
from slurm.sbatch import sbatch

from hpcagent import config
from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import AgentError
from hpcagent.jobs.identity import Claim
from hpcagent.jobs.spec import JobSpec
from hpcagent.sandbox import Sandbox
from hpcagent.slurm.errors import DOMAIN
from hpcagent.slurm.scheduler import SlurmScheduler

SCRIPT = "#!/bin/sh\nexec sleep 600\n"
INHERITED: Mapping[str, tuple[str, str]] = {
    "SBATCH_ACCOUNT": ("chemistry", "account"),
    "SBATCH_ARRAY_INX": ("0-3", "array_inx"),
    "SBATCH_CONSTRAINT": ("slow", "features"),
    "SBATCH_CORE_SPEC": ("1", "core_spec"),
    "SBATCH_DELAY_BOOT": ("5", "delay_boot"),
    "SBATCH_DISTRIBUTION": ("cyclic", "task_dist"),
    "SBATCH_ERROR": ("inherited.err", "std_err"),
    "SBATCH_EXCLUSIVE": ("user", "shared"),
    "SBATCH_GRES": ("gpu:1", "tres_per_node"),
    "SBATCH_INPUT": ("inherited.in", "std_in"),
    "SBATCH_JOB_NAME": ("inherited", "name"),
    "SBATCH_MEM_PER_NODE": ("100", "pn_min_memory"),
    "SBATCH_NO_KILL": ("set", "kill_on_node_fail"),
    "SBATCH_NO_REQUEUE": ("1", "requeue"),
    "SBATCH_OPEN_MODE": ("a", "open_mode"),
    "SBATCH_OUTPUT": ("inherited.out", "std_out"),
    "SBATCH_OVERCOMMIT": ("1", "overcommit"),
    "SBATCH_PARTITION": ("short", "partition"),
    "SBATCH_PROFILE": ("all", "profile"),
    "SBATCH_QOS": ("high", "qos"),
    "SBATCH_SIGNAL": ("USR1@60", "warn_signal"),
    "SBATCH_THREADS_PER_CORE": ("1", "threads_per_core"),
    "SBATCH_TIMELIMIT": ("7", "time_limit"),
    "SBATCH_WAIT_ALL_NODES": ("1", "wait_all_nodes"),
    "SBATCH_WCKEY": ("inherited", "wckey"),
    "SLURM_HINT": ("memory_bound", "cores_per_socket"),
}
"""Variables that are options to sbatch, each with a value and a member that it fills. hpcagent runs
under all of them, and sbatch under none that a test does not give it."""
PATIENCE = 20.0
"""Seconds that a submission may take."""
EVERYTHING = config.Policy(allow_priority=True, allow_negative_nice=True, allow_reboot=True)
"""What slurmctld allows a privileged submitter; sbatch as root is held against it."""


@dataclass(frozen=True)
class Made:
    """A job: what was sent, and what slurmctld made of it."""

    job_id: int
    sent: Description
    record: Mapping[str, Any] = field(repr=False)
    components: Sequence[tuple[Description, Mapping[str, Any]]] = field(default=(), repr=False)
    """The same of each component, the leader first, if it is heterogeneous."""


@dataclass(frozen=True)
class Refused:
    """No job."""

    said: str
    slurm: str = ""
    """Slurm's text for the code, if it was Slurm that refused."""
    fields: tuple[str, ...] = ()
    """What hpcagent blames."""
    reasons: frozenset[str] = frozenset()
    """hpcagent's own words for it, where it did not ask slurmctld."""


Outcome = Made | Refused


@dataclass(frozen=True)
class Twins:
    """A cluster, and both ways to it."""

    sandbox: Sandbox
    recorder: Recorder
    scheduler: SlurmScheduler
    slurm: Child

    @property
    def home(self) -> str:
        """The home directory of the user whose jobs these are."""
        return next(user.home for user in self.sandbox.users if user.uid == USER)

    @property
    def environment(self) -> dict[str, str]:
        """What sbatch cannot do without here; jobs get it too, from either."""
        return {**self.sandbox.env, **self.recorder.environment(self.sandbox.env["LD_PRELOAD"])}

    def spec(self, *, script: str = SCRIPT, **fields: Any) -> JobSpec:  # noqa: ANN401
        """A request for a job of the user, with the environment that sbatch needs itself."""
        base = tuple(f"{name}={value}" for name, value in self.environment.items())
        fields["environment"] = base + fields.get("environment", ())
        claim = Claim(user_id=USER, group_id=GROUP)
        return JobSpec(claim=claim, work_dir=self.home, script=script, **fields)

    def by_sbatch(self, spec: JobSpec, *options: str, as_root: bool = False) -> Outcome:
        """Submit with sbatch."""
        given = dict(entry.split("=", 1) for entry in spec.environment)
        run = sbatch(spec, self.environment | given, *options, as_root=as_root)
        if run.returncode:
            _, _, text = run.stderr.rstrip().rpartition("Batch job submission failed: ")
            return Refused(run.stderr, text if text != run.stderr.rstrip() else "")
        return self._made(int(run.stdout.partition(";")[0]))

    def by_hpcagent(self, spec: JobSpec) -> Outcome:
        """Submit with hpcagent."""
        try:
            submission = self.scheduler.submit(spec, Deadline.after(PATIENCE))
        except AgentError as error:
            slurm = error.metadata["text"] if error.domain == DOMAIN else ""
            blamed = tuple(violation.field for violation in error.violations)
            reasons = frozenset({error.reason, *(one.reason for one in error.violations)})
            said = f"{error.reason}: {error.message}"
            return Refused(said, slurm, blamed, frozenset() if slurm else reasons)
        assert submission.job_id
        return self._made(submission.job_id.job_id)

    def _made(self, job_id: int) -> Made:
        records = self.slurm.call("load_job", job_id)
        records.sort(key=lambda record: record["het_job_offset"])
        sent = self.recorder.take_components()
        components = list(zip(sent, records, strict=True)) if len(sent) > 1 else []
        return Made(job_id, sent[0], records[0], components)


@contextmanager
def both(sandbox: Sandbox, recorder: Recorder) -> Iterator[Twins]:
    """Both ways to a cluster. The environment of hpcagent's workers is that of the process."""
    agent = SlurmScheduler(config.Slurm(conf=str(sandbox.conf)), EVERYTHING)
    with pytest.MonkeyPatch.context() as patch, Child(sandbox.env) as child:
        preloaded = recorder.environment(sandbox.env["LD_PRELOAD"])
        inherited = {name: value for name, (value, _) in INHERITED.items()}
        for name, value in {**inherited, **sandbox.env, **preloaded}.items():
            patch.setenv(name, value)
        try:
            agent.start()
            patch.undo()
            child.call("init", str(sandbox.conf))
            yield Twins(sandbox, recorder, agent, child)
        finally:
            agent.close(Deadline.after(0))
