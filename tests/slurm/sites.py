"""A cluster of a test's own, and hpcagent on it, without the contract between them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from native.jobs import GROUP, USER
from slurm_commands import command

from hpcagent import config
from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import AgentError
from hpcagent.jobs.estimate import Estimate
from hpcagent.jobs.identity import Claim
from hpcagent.jobs.model import Job, JobId
from hpcagent.jobs.spec import JobSpec
from hpcagent.sandbox import Sandbox
from hpcagent.slurm.scheduler import SlurmScheduler

PATIENCE = 20.0


@dataclass(frozen=True)
class Site:
    """A cluster."""

    sandbox: Sandbox
    scheduler: SlurmScheduler

    def spec(self, **fields: Any) -> JobSpec:  # noqa: ANN401 - as JobSpec has them
        home = next(user.home for user in self.sandbox.users if user.uid == USER)
        script = "#!/bin/sh\nexec sleep 600\n"
        given = {"environment": ("PATH=/bin",), **fields}
        return JobSpec(claim=Claim(USER, "", GROUP), work_dir=home, script=script, **given)

    def submit(self, **fields: Any) -> int:  # noqa: ANN401 - as JobSpec has them
        made = self.scheduler.submit(self.spec(**fields), Deadline.after(PATIENCE))
        assert made.job_id
        return made.job_id.job_id

    def estimate(self, **fields: Any) -> Estimate:  # noqa: ANN401 - as JobSpec has them
        return self.scheduler.estimate(self.spec(**fields), Deadline.after(PATIENCE))

    def judged(self, spec: JobSpec) -> tuple[str, tuple[str, ...], set[str]]:
        """Why it is refused and what is to blame; else the names of Slurm's warnings."""
        try:
            made = self.scheduler.submit(spec, Deadline.after(PATIENCE))
        except AgentError as error:
            return error.reason, tuple(fault.field for fault in error.violations), set()
        if made.job_id:
            command(self.sandbox, "scancel", str(made.job_id))
        return "", (), {warning.name for warning in made.warnings}

    def get(self, job: int) -> Job:
        """What the agent tells of a job."""
        return self.scheduler.get(JobId(job), Deadline.after(PATIENCE))

    def scontrol(self, *words: str) -> None:
        """Be the administrator."""
        command(self.sandbox, "scontrol", *words)


@contextmanager
def opened(conf: dict[str, str], nodes: int = 2) -> Iterator[Site]:
    """A cluster of its own, and hpcagent on it."""
    with Sandbox.up(nodes=nodes, conf=conf) as own, pytest.MonkeyPatch.context() as patch:
        for name, value in own.env.items():
            patch.setenv(name, value)
        scheduler = SlurmScheduler(config.Slurm(conf=str(own.conf)), config.Policy())
        scheduler.start()
        patch.undo()
        yield Site(own, scheduler)
        scheduler.close(Deadline.after(0))
