"""Jobs that a watch waits for: which records are theirs, and whether all of them have ended.

A job may be named by its own number, as a task of an array or as a component, or as the array or
heterogeneous job that it is of; and it may have left slurmctld before the watch began.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from hpcagent.jobs.matching import stands_for

UNENDED: Final = {"JOB_STATE_PENDING", "JOB_STATE_RUNNING", "JOB_STATE_SUSPENDED"}

Job = dict[str, Any]


class Waiting:
    """The jobs that were named, and their records by the backend's own ids."""

    def __init__(self, named: Iterable[str]) -> None:
        self.named = list(dict.fromkeys(named))
        self._records: dict[object, Job] = {}

    def add(self, job: Job) -> None:
        """Take a record up, in place of an older one of the same job."""
        self._records[key(job)] = job

    def unknown(self) -> list[str]:
        """Return the names of which there is no record."""
        return [name for name in self.named if not self._of(name)]

    def rename(self, name: str, job: Job) -> None:
        """Wait for a job under the name that it has in its record."""
        self.named = [job["job_id"]["id"] if one == name else one for one in self.named]

    def over(self) -> bool:
        """Tell whether there were jobs to wait for, and all of them have ended."""
        return bool(self.named) and all(map(_all_ended, map(self._of, self.named)))

    def completed(self) -> bool:
        """Tell whether each has completed."""
        jobs = (job for name in self.named for job in self._of(name))
        return all(job["state"] == "JOB_STATE_COMPLETED" for job in jobs)

    def _of(self, name: str) -> Sequence[Job]:
        return [job for job in self._records.values() if _is_meant(job, name)]


def key(job: Job) -> object:
    """Return what stays the same of a job: the last task of an array takes over its record."""
    return job.get("raw_job_id") or job["job_id"]["id"]


def _all_ended(jobs: Sequence[Job]) -> bool:
    return bool(jobs) and all(
        job["state"] not in UNENDED and "JOB_STATE_FLAG_COMPLETING" not in job["state_flags"]
        for job in jobs
    )


def _is_meant(job: Job, name: str) -> bool:
    array, het = job.get("array") or {}, job.get("het_job") or {}
    numbers = (job.get("raw_job_id"), array.get("array_job_id"), het.get("het_job_id"))
    if name == job["job_id"]["id"] or name in {str(number) for number in numbers if number}:
        return True
    number, _, task = name.partition("_")
    return (
        number == str(array.get("array_job_id"))
        and task.isdigit()
        and stands_for(array.get("tasks", ""), int(task))
    )
