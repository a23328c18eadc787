"""THE table of verbs: for each, the call that carries it out, and what can be known before it.

slurmctld says yes to holding a job that is held, and a bare no to a task that has begun. A caller
wants to know which it was, so the record is looked at first. Whoever may do it is slurmctld's to
say, except where that would be the agent's right and not the user's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from hpcagent.jobs.errors import AgentError
from hpcagent.jobs.model import ENDED, Job, JobState
from hpcagent.jobs.model import Warning as JobWarning
from hpcagent.jobs.orders import Order, Target, Verb
from hpcagent.slurm import errors

SIGKILL = 9
"""What scancel sends: slurmd first sends SIGTERM and waits KillWait."""
KILL_FLAGS: Mapping[Target, int] = {Target.STEPS: 0, Target.BATCH: 1 << 0, Target.FULL: 1 << 3}
"""KILL_JOB_BATCH and KILL_FULL_JOB (slurm.h), the same in all releases."""
REQUEUE_HOLD = 1 << 11
"""JOB_REQUEUE_HOLD (slurm.h)."""
USER_HOLD = 2
"""ALLOC_SID_USER_HOLD (slurm.h): an operator, too, holds it so that its user can release it."""

FINISHED = "ESLURM_JOB_FINISHED"
"""What slurmctld says of a job that has ended, and is to be changed."""

Verdict = JobWarning | AgentError | None
"""What is known before slurmctld is asked: it is so already, or cannot be; None: ask."""


@dataclass(frozen=True, slots=True)
class Way:
    """How one verb is carried out."""

    operation: str
    """Of ``worker.calls``."""
    arguments: Callable[[Order], dict[str, Any]]
    """What it takes beside the job and whose right it is."""
    judge: Callable[[Order, Job], Verdict]
    settled: frozenset[str] = frozenset()
    """Refusals which say that it is so already."""
    settled_for_tasks: frozenset[str] = frozenset()
    """The same, where it was for tasks of an array."""
    by_number: bool = False
    """Tasks of an array are named by their own numbers, one call each: slurmctld drops the request
    unanswered if the array's first record is purged (22.05 proc_req.c, _slurm_rpc_suspend). But the
    number of that record means all tasks to it (job_mgr.c, job_suspend2)."""
    ended: str = "ESLURM_ALREADY_DONE"
    """What slurmctld says of a job that has ended."""
    operators_only: bool = False
    """slurmctld lets no user do it, only operators."""


def _no_verdict(_order: Order, _job: Job) -> Verdict:
    return None


def _signal(order: Order, job: Job) -> Verdict:
    if job.state in ENDED:
        return errors.foreseen("ESLURM_ALREADY_DONE", f"{_is(job)}: there are no processes")
    if job.state is JobState.PENDING and order.signal != SIGKILL:
        return errors.foreseen("ESLURM_JOB_PENDING", f"{_is(job)}: there are no processes yet")
    return None


def _hold(_order: Order, job: Job) -> Verdict:
    if job.state in ENDED:
        return errors.foreseen(FINISHED, _is(job))
    if job.state is not JobState.PENDING:
        return errors.foreseen("ESLURM_JOB_NOT_PENDING", f"{_is(job)}: it has started")
    if is_held(job):
        return errors.remark("ESLURM_JOB_HELD", f"{_is(job)} and held already{_why(job)}")
    return None


def _release(_order: Order, job: Job) -> Verdict:
    if job.state in ENDED:
        return errors.foreseen(FINISHED, _is(job))
    if not is_held(job):
        return JobWarning("JOB_NOT_HELD", f"{_is(job)} and not held")
    return None


def _requeue(order: Order, job: Job) -> Verdict:
    if order.job_id.het_job_offset is not None:
        said = "Slurm requeues a heterogeneous job as a whole: leave out the component"
        return errors.foreseen("ESLURM_NOT_WHOLE_HET_JOB", said)
    if job.state is not JobState.PENDING:
        return None
    if order.hold and not is_held(job):
        return errors.foreseen("ESLURM_JOB_PENDING", f"{_is(job)}: hold it instead")
    return errors.remark("ESLURM_JOB_PENDING", f"{_is(job)} already")


def _suspend(_order: Order, job: Job) -> Verdict:
    """Say so of a job that was suspended by order; slurmctld's time slicing leaves the priority."""
    if (verdict := _without_allocation(job)) is not None:
        return verdict
    if job.state is JobState.SUSPENDED and not job.priority:
        return errors.remark("ESLURM_JOB_SUSPENDED", f"{_is(job)} already")
    return None


def _resume(_order: Order, job: Job) -> Verdict:
    if (verdict := _without_allocation(job)) is not None:
        return verdict
    if job.state is JobState.RUNNING:
        return errors.remark("ESLURM_JOB_NOT_SUSPENDED", f"{_is(job)} already")
    return None


def _without_allocation(job: Job) -> Verdict:
    if job.state in ENDED:
        return errors.foreseen("ESLURM_ALREADY_DONE", _is(job))
    if job.state is JobState.PENDING:
        return errors.foreseen("ESLURM_JOB_PENDING", f"{_is(job)}: it has not started")
    return None


def is_held(job: Job) -> bool:
    """Whether a job waits for its release. A suspended job has no priority either."""
    return job.state is JobState.PENDING and not job.priority


def _is(job: Job) -> str:
    return f"job {job.job_id} is {job.backend_state}"


def _why(job: Job) -> str:
    return f" ({job.reason.name})" if job.reason else ""


def _update(**members: float) -> Callable[[Order], dict[str, Any]]:
    return lambda _order: {"members": members}


WAYS: Mapping[Verb, Way] = {
    Verb.CANCEL: Way(
        "kill", lambda _: {"signal": SIGKILL, "flags": 0}, _no_verdict,
        settled=frozenset({"ESLURM_ALREADY_DONE"}),
    ),
    Verb.SIGNAL: Way(
        "kill", lambda order: {"signal": order.signal, "flags": KILL_FLAGS[order.target]}, _signal,
        # As long as other tasks of the array wait, slurmctld passes a signal on to those that run
        # and answers all the same that it has not (22.05 job_mgr.c, job_str_signal).
        settled_for_tasks=frozenset({"ESLURM_TRANSITION_STATE_NO_UPDATE"}),
    ),
    Verb.HOLD: Way("update", _update(priority=0, alloc_sid=USER_HOLD), _hold, ended=FINISHED),
    Verb.RELEASE: Way("update", _update(priority=inf), _release, ended=FINISHED),
    Verb.REQUEUE: Way(
        "requeue", lambda order: {"flags": REQUEUE_HOLD if order.hold else 0}, _requeue
    ),
    Verb.SUSPEND: Way("suspend", lambda _: {}, _suspend, by_number=True, operators_only=True),
    Verb.RESUME: Way(
        "resume", lambda _: {}, _resume,
        settled=frozenset({"ESLURM_JOB_NOT_SUSPENDED"}), by_number=True, operators_only=True,
    ),
}  # fmt: skip
