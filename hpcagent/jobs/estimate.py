"""When and where a job would start, without any being submitted."""

from dataclasses import dataclass

from hpcagent.jobs.model import JobId, JobReason
from hpcagent.jobs.model import Warning as JobWarning


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a backend expects of a job. Times are seconds since the epoch."""

    start_time: float | None = None
    """None: never as things stand; ``reason`` tells why."""
    node_list: str = ""
    cpus: int = 0
    partition: str = ""
    preempted_jobs: tuple[JobId, ...] = ()
    reason: JobReason | None = None
    warnings: tuple[JobWarning, ...] = ()
    system_usage: float = 0.0
    """How much of all processors is in use, 0 to 1."""
