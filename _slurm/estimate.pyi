"""Asking slurmctld when and where a job would start."""

from collections.abc import Mapping

from _slurm.records import Given, WillRun

def job_will_run2(members: Mapping[str, Given], /) -> WillRun:
    """Ask when and where a job of these members would start, slurm_job_will_run2(3).

    No job is made. slurmctld checks the description as it would at a submission, job_submit plugins
    included, and then looks for nodes: it heeds the jobs that run, not those that wait. Errors as
    in `submit_batch_job`; SlurmError also where no nodes can be found as things stand.
    """
