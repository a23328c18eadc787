"""What can be asked to be done with a job that exists.

The verbs differ in what they do, not in how they are asked for: one job, array or component, in
certain states only if so wished. So they are one order, which a backend carries out.
"""

import enum
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field

from hpcagent.jobs.model import JobId, JobState


class Verb(enum.Enum):
    """What shall be done; a value is the word of the audit trail and of the method's name."""

    CANCEL = "cancel"
    SIGNAL = "signal"
    HOLD = "hold"
    RELEASE = "release"
    REQUEUE = "requeue"
    SUSPEND = "suspend"
    RESUME = "resume"


class Target(enum.Enum):
    """Which processes of a job a signal is for; named as proto's SignalTarget."""

    STEPS = "steps"
    BATCH = "batch"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Order:
    """Something to be done with one job, or with an array, or a component."""

    verb: Verb
    job_id: JobId
    states: tuple[JobState, ...] = ()
    """Only if it is in one of these states; empty: in any."""
    signal: int = 0
    """Which signal, for SIGNAL."""
    target: Target = Target.STEPS
    """Which processes, for SIGNAL."""
    hold: bool = False
    """For REQUEUE: it shall not start again until it is released."""


@dataclass(frozen=True, slots=True)
class Change:
    """What shall be different about a job. None as a value: back to what a job has without it."""

    job_id: JobId
    name: str | None = None
    partition: str | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    """As ``JobSpec.options``; what is not among them stays as it is."""
    validate_only: bool = False


MAX_SIGNAL = 64
"""Largest signal of Linux (signal(7)); Slurm has larger numbers for uses of its own."""


def signal_number(text: str) -> int | None:
    """Read ``USR1``, ``sigterm`` or ``10``; None if it is no signal."""
    if text.isascii() and text.isdigit():
        number = int(text) if len(text) <= len(str(MAX_SIGNAL)) else 0
    else:
        word = text.upper().removeprefix("SIG")
        number = signal.Signals.__members__.get(f"SIG{word}", 0)
    return int(number) if 1 <= number <= MAX_SIGNAL else None
