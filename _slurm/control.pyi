"""Calls that change a job that exists."""

from collections.abc import Mapping

from _slurm.records import Given, TaskReply

KILL_JOB_BATCH: int
KILL_FULL_JOB: int
JOB_REQUEUE_HOLD: int
ALLOC_SID_USER_HOLD: int

def kill_job2(job_id: str, signal: int, flags: int = 0) -> None:
    """Send a signal to a job, slurm_kill_job2(3).

    `job_id` is written as scancel takes it: `12`, `12_3` and `12_[1-4]` (array tasks), `12+1` (a
    component of a heterogeneous job). `flags` are KILL_* of slurm.h. Of an array there is one
    answer: success if every task that has not ended took it.

    SlurmError: 2017 no such job, 2021 already finished, 2002 not this user's, 2020 a signal other
    than SIGKILL to a job that does not run.
    """

def suspend2(job_id: str) -> list[TaskReply]:
    """Suspend a job, slurm_suspend2(3): one answer for each code that its tasks have.

    `job_id` is `12` (of an array: all that has a record), or `12_1,4-7` (array tasks).

    SlurmError: 2002 the caller is no operator; where no array is meant, also 2024 pending, 2021
    already finished, 2085 not running. 1000 no answer: the outcome is unknown; up to 22.05 at least
    slurmctld also leaves a request for a job that does not exist without one.
    """

def resume2(job_id: str) -> list[TaskReply]:
    """Let a suspended job go on, slurm_resume2(3); as `suspend2`.

    SlurmError: as `suspend2`, and 2087 not suspended.
    """

def requeue2(job_id: str, flags: int = 0) -> list[TaskReply]:
    """Put a job back into the queue, slurm_requeue2(3); as `suspend2`.

    `flags` may be JOB_REQUEUE_HOLD of slurm.h.

    SlurmError: 2002 not this user's, 2017 no such job, 2037 the job may not be requeued, 2024 it
    waits already.
    """

def update_job2(members: Mapping[str, Given], /) -> list[TaskReply]:
    """Change what members of a job_desc_msg_t say, slurm_update_job2(3); as `suspend2`.

    `job_id_str` says which job: as `suspend2`, or `12+1` (a component). Members that are not given
    stay as they are. slurmctld changes one after another and stops at the first that it refuses.

    SlurmError: 2017 no such job, 2010 and 2002 not this user's right, 2084 already finished, 2073
    not pending any more, and what a submission can be refused for. MemberError: as
    `submit_batch_job`.
    """
