"""The kinds of options: how one value becomes members of job_desc_msg_t, and what it may be.

A row of ``hpcagent.slurm.options`` names one of these. Each checks what can be known without
asking slurmctld, writes the members in Slurm's unit, and raises FaultError in the user's words.
"""

from hpcagent.slurm.kinds.checks import (
    MAX_I32,
    MAX_PATH,
    MAX_TEXT,
    MAX_U16,
    MAX_U32,
    check_range,
    check_release,
    check_text,
)
from hpcagent.slurm.kinds.numbers import MEM_PER_CPU, NICE_OFFSET

__all__ = [
    "MAX_I32",
    "MAX_PATH",
    "MAX_TEXT",
    "MAX_U16",
    "MAX_U32",
    "MEM_PER_CPU",
    "NICE_OFFSET",
    "check_range",
    "check_release",
    "check_text",
]
