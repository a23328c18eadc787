"""What the gRPC edge needs of whatever runs the jobs.

The edge is written against this, and the Slurm and Kubernetes schedulers fulfil it; an in-memory
one stands in for them where only the edge is tested. Every call keeps its deadline, and fails with
one of ``hpcagent.jobs.errors``.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.estimate import Estimate
from hpcagent.jobs.inventory import Inventory
from hpcagent.jobs.model import (
    BackendInfo,
    Job,
    JobFilter,
    JobId,
    JobPage,
    JobResult,
    JobState,
    JobStep,
    Submission,
)
from hpcagent.jobs.orders import Change, Order
from hpcagent.jobs.outputs import Output, OutputQuery
from hpcagent.jobs.spec import JobSpec
from hpcagent.jobs.watch import Watch


class Backend(Protocol):
    """Runs jobs."""

    @property
    def inventory(self) -> Inventory:
        """What the cluster is made of."""

    def submit(self, spec: JobSpec, deadline: Deadline) -> Submission:
        """Submit a job, or only check it where the spec says so."""

    def estimate(self, spec: JobSpec, deadline: Deadline) -> Estimate:
        """Tell when and where a job would start; nothing is submitted."""

    def get(self, job_id: JobId, deadline: Deadline) -> Job:
        """Return a job. Raises NotFound."""

    def steps(self, job: Job, deadline: Deadline) -> tuple[JobStep, ...]:
        """Return a job's steps. Raises Refused where nobody keeps them."""

    def find(self, request_id: str, deadline: Deadline) -> Job:
        """Return the job that a request made. Raises NotFound."""

    def list(
        self, wanted: JobFilter, size: int, after: tuple[int, int] | None, deadline: Deadline
    ) -> JobPage:
        """Return up to ``size`` jobs behind the key ``after``, by submit time and number."""

    def history(
        self, wanted: JobFilter, size: int, after: tuple[int, int] | None, deadline: Deadline
    ) -> JobPage:
        """Return jobs as ``list`` does, those of accounting too. Raises Refused without it."""

    def control(self, order: Order, deadline: Deadline) -> tuple[JobResult, ...]:
        """Do something with a job, as its user. Raises NotFound.

        A result for each job, or array task whose outcome differs; what is so already is a warning.
        """

    def change(self, change: Change, deadline: Deadline) -> tuple[JobResult, ...]:
        """Make a change to a job, as its user, or only check it where the change says so."""

    def cancel_matching(
        self, wanted: JobFilter, states: tuple[JobState, ...], deadline: Deadline
    ) -> tuple[JobResult, ...]:
        """End the jobs that match, each as its user, if they are in one of the states, if any."""

    def watch(
        self, wanted: JobFilter, resume_token: str, deadline: Deadline
    ) -> AbstractContextManager[Watch]:
        """Begin to follow jobs, or go on with it; the deadline is for the beginning only.

        Raises InvalidRequest, Expired (the token is too old).
        """

    def read_output(self, query: OutputQuery, deadline: Deadline) -> AbstractContextManager[Output]:
        """Read what a job writes; the deadline is for finding the job. Raises NotFound."""

    def info(self) -> BackendInfo:
        """Tell what the backend is; never waits."""

    def troubles(self) -> Mapping[str, str]:
        """Return what keeps the backend from working, by the name of the check; never waits."""
