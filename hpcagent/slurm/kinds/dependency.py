"""What must come before a job, in Slurm's own expression."""

import math
from typing import cast

from hpcagent.jobs.spec import Dependency
from hpcagent.slurm.draft import Draft, FaultError
from hpcagent.slurm.kinds.checks import MAX_I32, check_range, check_text

MAX_DEPENDENCY = 128 * 1024
"""slurmctld's limit of a dependency, in bytes (job_mgr.c, MAX_STR_LEN * 128)."""


def dependency(value: object, draft: Draft) -> None:
    """Write what must come before the job, and tell the job as sbatch does."""
    text = check_text(expression(cast("Dependency", value)), MAX_DEPENDENCY)
    draft.members["dependency"] = text
    draft.variables["SLURM_JOB_DEPENDENCY"] = text


def expression(wanted: Dependency) -> str:
    """Write conditions as Slurm's own expression. Raises FaultError for one that is none."""
    if not wanted.terms:
        return wanted.expression
    words = []
    for term in wanted.terms:
        word, singleton = term.type.lower(), term.type == "SINGLETON"
        if term.type == "UNSPECIFIED":
            raise FaultError("has a term without a type", "DEPENDENCY_FORM")
        if singleton == bool(term.jobs):
            needs = "takes no jobs" if singleton else "needs at least one job"
            raise FaultError(f"has a term {word}, which {needs}", "DEPENDENCY_FORM")
        if term.delay is not None and term.type != "AFTER":
            raise FaultError(f"has a delay, which {word} does not take", "DEPENDENCY_FORM")
        words.append(":".join((word, *(job + _wait(term.delay) for job in term.jobs))))
    return ("?" if wanted.any else ",").join(words)


def _wait(delay: float | None) -> str:
    """Write a delay in minutes; slurmctld refuses ``+0`` and keeps seconds in an int."""
    minutes = check_range(math.ceil((delay or 0) / 60), 0, MAX_I32 // 60)
    return f"+{minutes}" if minutes else ""
