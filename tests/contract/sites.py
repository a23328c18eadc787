"""The two services, as a scheduler's code sees them: alike, but for how a job is described."""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import task_requests
from slurm import caller

from hpcagent.v1 import job_pb2
from hpcagent.v1 import job_requests_pb2 as messages

SECONDS = 60.0
"""That a call, or a job's next state, may take on a busy machine."""
ENDED = frozenset(
    {
        job_pb2.JOB_STATE_COMPLETED,
        job_pb2.JOB_STATE_CANCELLED,
        job_pb2.JOB_STATE_FAILED,
    }
)

Describe = Callable[[str, str, Mapping[str, Any]], Any]
"""Makes a request: a script of the shell, a name, and fields that both kinds of requests have."""


def fresh(word: str) -> str:
    """A name that no other test uses, and that both backends take."""
    return f"{word}-{uuid.uuid4().hex[:12]}"


def batch_job(script: str, name: str, fields: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any request
    """A script for Slurm."""
    asked = {"script": f"#!/bin/sh\n{script}\n", "name": name, **fields}
    return caller.request(asked, {"output": f"/tmp/{name}.out"})


def staged_task(script: str, name: str, fields: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any request
    """The same as a task that ends, for Kubernetes. There ``$$`` is a dollar sign."""
    asked = {
        "user_id": 1870,
        "user": "jiangli",
        "group_id": 1884,
        "group": "nscc",
        "home": f"/home/{fields.get('user', 'jiangli')}",
        "job_name": name,
        "workload": "WORKLOAD_JOB",
        "task": {
            "plan": {
                "id": name,
                "container_image": "registry.example/team/app:1",
                "command": ["/bin/sh", "-c", script.replace("$", "$$")],
            }
        },
        **fields,
    }
    return task_requests.request(asked)


@dataclass(frozen=True)
class Site:
    """One service: the same calls, whichever it is."""

    stub: Any
    describe: Describe
    unknown: str
    """An id of no job."""
    not_found: tuple[str, str]
    """Domain and reason of the refusal that says so."""
    ended: tuple[str, str]
    """Those of what cannot be done to a job that has ended."""
    made: list[job_pb2.JobId] = field(default_factory=list)

    def submit(self, script: str, name: str = "", **fields: object) -> job_pb2.JobId:
        """Submit a script, and return the job's id."""
        return self.answer(script, name or fresh("job"), **fields).job_id

    def answer(self, script: str, name: str, **fields: object) -> messages.SubmitJobResponse:
        """Submit a script, and return all of the answer."""
        request = self.describe(script, name, fields)
        answer: messages.SubmitJobResponse = self.stub.SubmitJob(request, timeout=SECONDS)
        self.made.append(answer.job_id)
        return answer

    def get(self, job_id: job_pb2.JobId) -> job_pb2.Job:
        """Ask for a job."""
        job: job_pb2.Job = self.stub.GetJob(messages.GetJobRequest(job_id=job_id), timeout=SECONDS)
        return job

    def until(self, job_id: job_pb2.JobId, *states: int) -> job_pb2.Job:
        """Wait until a job is in one of these states."""
        end = time.monotonic() + SECONDS
        while (job := self.get(job_id)).state not in states:
            assert time.monotonic() < end, job
            time.sleep(0.1)
        return job

    def listed(self, size: int = 1000, **conditions: object) -> list[job_pb2.Job]:
        """Every job that matches, page by page."""
        return [job for page in self._pages(size, conditions) for job in page.jobs]

    def _pages(
        self, size: int, conditions: Mapping[str, object]
    ) -> Iterator[messages.ListJobsResponse]:
        wanted = task_requests.message(messages.JobFilter, **conditions)
        token = ""
        while True:
            request = messages.ListJobsRequest(filter=wanted, page_size=size, page_token=token)
            page = self.stub.ListJobs(request, timeout=SECONDS)
            yield page
            token = page.next_page_token
            if not token:
                return

    def cancel(self, job_id: job_pb2.JobId) -> messages.CancelJobResponse:
        """End a job."""
        answer: messages.CancelJobResponse = self.stub.CancelJob(
            messages.CancelJobRequest(job_id=job_id), timeout=SECONDS
        )
        return answer

    def suspend(self, job_id: job_pb2.JobId) -> messages.JobResult:
        """Stop a job."""
        request = messages.SuspendJobRequest(job_id=job_id)
        result: messages.JobResult = self.stub.SuspendJob(request, timeout=SECONDS).results[0]
        return result

    def resume(self, job_id: job_pb2.JobId) -> messages.JobResult:
        """Let it go on."""
        request = messages.ResumeJobRequest(job_id=job_id)
        result: messages.JobResult = self.stub.ResumeJob(request, timeout=SECONDS).results[0]
        return result
