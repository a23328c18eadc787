"""Calls that change a job that exists."""

def kill_job2(job_id: str, signal: int, flags: int = 0) -> None:
    """Send a signal to a job, slurm_kill_job2(3).

    `job_id` is written as scancel takes it: `12`, `12_3` and `12_[1-4]` (array tasks), `12+1` (a
    component of a heterogeneous job). `flags` are KILL_* of slurm.h.

    SlurmError: 2017 no such job, 2021 already finished, 2002 not this user's, 2020 a signal other
    than SIGKILL to a job that does not run.
    """
