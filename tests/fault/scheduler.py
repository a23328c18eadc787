"""A scheduler that submits a stream of jobs and keeps book of every answer.

Like a good scheduler it waits as long as RetryInfo says before its next request when it was turned
away, so that an outage does not eat up the stream.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from hpcagent.v1 import slurm_agent_pb2
from hpcagent.v1.slurm_agent_pb2_grpc import SlurmAgentStub

THREADS = 16
DEADLINES = (2.0, 5.0)
"""Seconds; requests take them in turn."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the scheduler was told about one request."""

    request_id: str
    deadline: float
    seconds: float
    """How long it took."""
    at: float
    """When it came, on the monotonic clock."""
    code: grpc.StatusCode
    reason: str = ""
    job_id: str = ""
    retry_after: float = 0.0

    @property
    def accepted(self) -> bool:
        """The job exists, says the agent."""
        return self.code is grpc.StatusCode.OK

    @property
    def doubtful(self) -> bool:
        """The job may or may not exist, says the agent."""
        return self.reason == "SUBMIT_OUTCOME_UNKNOWN"


@dataclass
class Scheduler:
    """Submits held jobs of one user, ``count`` in all, from several threads."""

    stub: SlurmAgentStub
    count: int
    template: slurm_agent_pb2.SubmitJobRequest
    answers: list[Answer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._numbers = iter(range(self.count))
        self._lock = threading.Condition()
        self._threads = [threading.Thread(target=self._run) for _ in range(THREADS)]

    def start(self) -> None:
        """Begin the stream."""
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait for the last answer."""
        for thread in self._threads:
            thread.join()

    def wait_for(self, answered: int) -> None:
        """Return when so many requests have been answered."""
        with self._lock:
            self._lock.wait_for(lambda: len(self.answers) >= answered)

    def tally(self) -> Counter[str]:
        """How many answers there were of each kind."""
        return Counter(f"{a.code.name} {a.reason}".strip() for a in self.answers)

    def _run(self) -> None:
        for number in self._taken():
            answer = self._submit(number)
            with self._lock:
                self.answers.append(answer)
                self._lock.notify_all()
                if answer.retry_after:
                    end = time.monotonic() + answer.retry_after
                    self._lock.wait_for(lambda: time.monotonic() >= end, answer.retry_after)  # noqa: B023

    def _taken(self) -> Iterator[int]:
        while True:
            with self._lock:
                number = next(self._numbers, None)
            if number is None:
                return
            yield number

    def _submit(self, number: int) -> Answer:
        request = slurm_agent_pb2.SubmitJobRequest()
        request.CopyFrom(self.template)
        request.request_id = f"stream-{number}"
        request.options["slurm"].hold = True
        deadline = DEADLINES[number % len(DEADLINES)]
        begin = time.monotonic()
        try:
            answer = self.stub.SubmitJob(request, timeout=deadline)
        except grpc.RpcError as error:
            now = time.monotonic()
            reason, retry = details(error)
            return Answer(
                request.request_id, deadline, now - begin, now, error.code(), reason,
                retry_after=retry,
            )  # fmt: skip
        now = time.monotonic()
        return Answer(
            request.request_id, deadline, now - begin, now, grpc.StatusCode.OK,
            job_id=answer.job_id.id,
        )  # fmt: skip


def details(error: grpc.RpcError) -> tuple[str, float]:
    """Return the reason, and how long to wait; empty if the status came from gRPC itself."""
    status = rpc_status.from_call(error)  # type: ignore[no-untyped-call]
    reason, retry = "", 0.0
    info, wait = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    for detail in status.details if status else ():
        if detail.Unpack(info):
            reason = info.reason
        if detail.Unpack(wait):
            retry = wait.retry_delay.ToTimedelta().total_seconds()
    return reason, retry
