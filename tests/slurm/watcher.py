"""Watchers of jobs: what each is told, from the thread that listens for it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc

from hpcagent.v1 import job_pb2
from hpcagent.v1.job_requests_pb2 import JobEvent, JobFilter, WatchJobsRequest
from hpcagent.v1.slurm_agent_pb2_grpc import SlurmAgentStub

PATIENCE = 60.0
State = job_pb2.JobState.ValueType


@dataclass
class Watcher:
    """One watch that goes on in the background; ``news`` guards all that it has heard."""

    call: Any
    events: list[JobEvent] = field(default_factory=list)
    states: dict[str, list[str]] = field(default_factory=dict)
    """By job: each state that it was told to be in, in order, without repetitions."""
    gone: set[str] = field(default_factory=set)
    token: str = ""
    error: grpc.RpcError | None = None
    news: threading.Condition = field(default_factory=threading.Condition)

    def listen(self) -> None:
        """Hear everything until the stream ends."""
        try:
            for event in self.call:
                with self.news:
                    self._hear(event)
                    self.news.notify_all()
        except grpc.RpcError as error:
            self.error = error
        with self.news:
            self.call = None
            self.news.notify_all()

    def wait_for(
        self, condition: Callable[[], object], what: Callable[[], object] | None = None
    ) -> None:
        """Wait until what was heard meets a condition; ``what`` tells what it lacks."""
        with self.news:
            met = self.news.wait_for(condition, PATIENCE)
        assert met, f"{what() if what else self.states}, gone {self.gone}, error {self.error}"

    def wait_until_complete(self) -> None:
        """Wait for the end of the snapshot."""
        self.wait_for(lambda: any(event.HasField("snapshot_end") for event in self.events))

    def wait_for_state(self, job: job_pb2.JobId, state: str) -> None:
        """Wait until a job was told to be in a state."""
        self.wait_for(lambda: state in self.states.get(job.id, ()))

    def kinds(self, job: job_pb2.JobId) -> list[str]:
        """The kinds of the events about a job, in order."""
        found = [(event.WhichOneof("event") or "", event) for event in tuple(self.events)]
        return [kind for kind, event in found if (told := _job(event)) and told.job_id == job]

    def _hear(self, event: JobEvent) -> None:
        self.events.append(event)
        self.token = event.resume_token
        job = _job(event)
        if job is None:
            return
        word = job_pb2.JobState.Name(job.state).removeprefix("JOB_STATE_")
        if job_pb2.JOB_STATE_FLAG_COMPLETING in job.state_flags:
            word += "+"
        heard = self.states.setdefault(job.job_id.id, [])
        if heard[-1:] != [word]:
            heard.append(word)
        if event.HasField("gone"):
            self.gone.add(job.job_id.id)
        else:
            self.gone.discard(job.job_id.id)


def _job(event: JobEvent) -> job_pb2.Job | None:
    kind = event.WhichOneof("event")
    return getattr(event, kind) if kind in {"snapshot", "changed", "gone"} else None


@contextmanager
def watching(
    stub: SlurmAgentStub, wanted: JobFilter | None = None, resume_token: str = ""
) -> Iterator[Watcher]:
    """Watch jobs for as long as the block lasts."""
    request = WatchJobsRequest(filter=wanted, resume_token=resume_token)
    call = stub.WatchJobs(request)
    watcher = Watcher(call)
    thread = threading.Thread(target=watcher.listen)
    thread.start()
    try:
        yield watcher
    finally:
        call.cancel()
        thread.join(PATIENCE)
        assert not thread.is_alive()
