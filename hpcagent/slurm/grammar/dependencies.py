"""What must come before a job. sbatch hands the text on as it is: slurmctld reads it."""

from typing import cast

from hpcagent.jobs.spec import Dependency
from hpcagent.slurm.grammar.forms import NOT_GIVEN, Grammar
from hpcagent.slurm.kinds.dependency import expression


def _dependency(text: str) -> object:
    return Dependency(text) if text else NOT_GIVEN


DEPENDENCY = Grammar(_dependency, lambda value: expression(cast("Dependency", value)))
"""Slurm's own expression."""
