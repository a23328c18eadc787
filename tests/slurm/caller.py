"""A caller of SlurmAgent: what it sends, and how it waits for what becomes of its jobs."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tree
from google.protobuf import json_format
from slurm_commands import wait_until

from hpcagent.v1 import job_pb2
from hpcagent.v1.job_requests_pb2 import (
    CancelJobRequest,
    CancelJobResponse,
    GetJobRequest,
    JobFilter,
    ListJobsRequest,
    SubmitJobResponse,
)
from hpcagent.v1.slurm_agent_pb2 import SubmitJobRequest
from hpcagent.v1.slurm_agent_pb2_grpc import SlurmAgentStub

DEADLINE = 10.0
"""Seconds that a call may take."""
ORIGIN = Path(tree.ROOT, "examples", "origin_request.json")

Fields = Mapping[str, Any]
"""Fields of a message in JSON's form; None stands for one that is not set."""


def _origin() -> dict[str, Any]:
    message = json_format.Parse(ORIGIN.read_text(), SubmitJobRequest())
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def request(fields: Fields | None = None, options: Fields | None = None) -> SubmitJobRequest:
    """The original system's request, in a directory that is there, changed in these fields."""
    asked = {**_origin(), "work_dir": "/tmp", **(fields or {})}
    asked["options"] = {"slurm": {**asked["options"]["slurm"], **(options or {})}}
    given = {name: value for name, value in asked.items() if value is not None}
    return json_format.ParseDict(given, SubmitJobRequest())


def fresh(word: str) -> str:
    """A name, or request_id, that no other test uses."""
    return f"{word}-{uuid.uuid4()}"


def job_id(text: str) -> job_pb2.JobId:
    """An id as Slurm prints it."""
    return job_pb2.JobId(id=text)


@dataclass(frozen=True)
class Caller:
    """Calls one agent."""

    stub: SlurmAgentStub
    made: list[job_pb2.JobId] = field(default_factory=list)
    """The jobs that it has submitted."""

    def submit(
        self, fields: Fields | None = None, options: Fields | None = None
    ) -> SubmitJobResponse:
        """Submit the original request, changed in these fields."""
        answer = self.stub.SubmitJob(request(fields, options), timeout=DEADLINE)
        self.made.extend([answer.job_id] if answer.HasField("job_id") else [])
        return answer

    def run(self, script: str, fields: Fields | None = None, **options: object) -> job_pb2.JobId:
        """Submit a script of /bin/sh without output, and return the job's id."""
        shell = {"script": f"#!/bin/sh\n{script}\n", **(fields or {})}
        return self.submit(shell, {"output": "/dev/null", **options}).job_id

    def hold(self, fields: Fields | None = None, **options: object) -> job_pb2.JobId:
        """Submit a job that waits until somebody releases it, and return its id."""
        return self.run("exit 0", fields, hold=True, **options)

    def get(self, wanted: job_pb2.JobId | str) -> job_pb2.Job:
        """Ask for a job, by its id or as Slurm prints it."""
        asked = job_id(wanted) if isinstance(wanted, str) else wanted
        return self.stub.GetJob(GetJobRequest(job_id=asked), timeout=DEADLINE)

    def made_by(self, request_id: str) -> job_pb2.Job:
        """Ask for the job that a request made."""
        return self.stub.GetJob(GetJobRequest(request_id=request_id), timeout=DEADLINE)

    def cancel(self, wanted: job_pb2.JobId | str) -> CancelJobResponse:
        """End a job."""
        asked = job_id(wanted) if isinstance(wanted, str) else wanted
        return self.stub.CancelJob(CancelJobRequest(job_id=asked), timeout=DEADLINE)

    def wait(
        self, wanted: job_pb2.JobId | str, *states: "job_pb2.JobState.ValueType"
    ) -> job_pb2.Job:
        """Wait until a job is in one of these states, and all its processes have reported."""

        def settled() -> bool:
            job = self.get(wanted)
            return job.state in states and job_pb2.JOB_STATE_FLAG_COMPLETING not in job.state_flags

        wait_until(settled, f"{wanted} is in {states}")
        return self.get(wanted)

    def jobs(self, **conditions: Any) -> list[job_pb2.Job]:  # noqa: ANN401 - as the message has it
        """Every job that matches."""
        return [job for page in self.pages(JobFilter(**conditions)) for job in page]

    def ids(self, **conditions: Any) -> list[str]:  # noqa: ANN401 - as the message has it
        """The ids of every job that matches."""
        return [job.job_id.id for job in self.jobs(**conditions)]

    def pages(self, wanted: JobFilter, size: int = 1000) -> Iterator[list[job_pb2.Job]]:
        """All pages of a list, one after another."""
        token = ""
        while True:
            asked = ListJobsRequest(filter=wanted, page_size=size, page_token=token)
            page = self.stub.ListJobs(asked, timeout=DEADLINE)
            yield list(page.jobs)
            token = page.next_page_token
            if not token:
                return


@contextmanager
def calling(stub: SlurmAgentStub) -> Iterator[Caller]:
    """Call an agent, and leave none of the jobs behind."""
    caller = Caller(stub)
    yield caller
    for job in caller.made:
        caller.cancel(job)
