"""Ending a job, as its user.

slurmctld would let the privileged agent end anybody's job. So it is asked with the credentials of
the job's user, and judges that user's right.
"""

from collections.abc import Sequence
from dataclasses import asdict

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import AgentError, Forbidden, InvalidRequest, Kind, Refused, Violation
from hpcagent.jobs.identity import Claim, Identity
from hpcagent.jobs.model import Job, JobId, JobResult, JobState
from hpcagent.jobs.model import Warning as JobWarning
from hpcagent.slurm import errors
from hpcagent.slurm.client import Client
from hpcagent.slurm.directory import Directory
from hpcagent.slurm.queue import Queue, whole
from hpcagent.slurm.states import ENDED

SIGKILL = 9
"""What scancel sends: slurmd first sends SIGTERM and waits KillWait."""
ALREADY_DONE = "ESLURM_ALREADY_DONE"


class Canceller:
    """Ends jobs."""

    def __init__(self, client: Client, directory: Directory, queue: Queue) -> None:
        self._client = client
        self._directory = directory
        self._queue = queue

    def cancel(
        self, job_id: JobId, states: Sequence[JobState], deadline: Deadline
    ) -> tuple[JobResult, ...]:
        """End a job if it is in one of the states, without states in any. Raises NotFound."""
        jobs = self._queue.meant(job_id, deadline)
        if states:
            _require(states, job_id, jobs)
        ended = _named(jobs[0], job_id)
        owner = self._owner(jobs[0], deadline)
        try:
            self._client.call(
                "kill", deadline, errors.CANCEL,
                job_id=str(job_id), signal=SIGKILL, flags=0, identity=asdict(owner),
            )  # fmt: skip
        except AgentError as error:
            if error.reason != ALREADY_DONE:
                raise
            done = JobWarning(error.reason, error.message, int(error.metadata["errno"]))
            return (JobResult(ended, (done,)),)
        return (JobResult(ended),)

    def _owner(self, job: Job, deadline: Deadline) -> Identity:
        """Return the job's user. Raises Forbidden if the agent does not act for that one."""
        try:
            return self._directory.identify(Claim(user_id=job.user_id), deadline)
        except (InvalidRequest, Forbidden) as error:
            reason = error.violations[0].reason
            blamed = Violation("job_id", f"its user: {error.message}", reason)
            raise Forbidden(error.message, reason=reason, violations=[blamed]) from error


def _named(job: Job, asked: JobId) -> JobId:
    """Return the id of what ends: of the array, if that was asked for, else of the job."""
    array = whole(job)
    return array if asked.array_task_id is None and array.job_id == asked.job_id else job.job_id


def _require(states: Sequence[JobState], job_id: JobId, jobs: Sequence[Job]) -> None:
    """Refuse a job, or an array with a task that has not ended, in another state than these."""
    alive = [job for job in jobs if job.state not in ENDED] or jobs
    others = sorted({job.state.name for job in alive if job.state not in states})
    if others:
        said = f"job {job_id} is {' and '.join(others)}"
        raise Refused(said, kind=Kind.FAILED_PRECONDITION, reason="JOB_STATE")
