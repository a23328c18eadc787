"""WatchJobs at the edge: what goes over the wire, and that no watcher takes a call's thread."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from server.conftest import Serve
from server.memory import MemoryBackend
from server.refusals import Refusal, refusal
from server.requests import original

from hpcagent.jobs.model import Job, JobId, JobState
from hpcagent.jobs.watch import Hub, MemoryLog
from hpcagent.v1 import job_pb2
from hpcagent.v1.job_requests_pb2 import JobEvent, JobFilter, WatchJobsRequest
from hpcagent.v1.slurm_agent_pb2_grpc import SlurmAgentStub

PATIENCE = 20.0


def job(number: int, state: JobState = JobState.PENDING, **fields: Any) -> Job:  # noqa: ANN401
    return Job(
        job_id=JobId(number), state=state, backend_state=state.name, as_of_time=100.0, **fields
    )


@contextmanager
def watching(slurm: SlurmAgentStub, request: WatchJobsRequest | None = None) -> Iterator[Any]:
    call = slurm.WatchJobs(request or WatchJobsRequest(), timeout=PATIENCE)
    yield call
    call.cancel()


def until_bookmark(call: Iterator[JobEvent]) -> list[JobEvent]:
    found: list[JobEvent] = []
    for event in call:
        if event.HasField("bookmark"):
            return found
        found.append(event)
    raise AssertionError(found)


def kinds(events: list[JobEvent]) -> list[tuple[str | None, str]]:
    return [(kind := e.WhichOneof("event"), _id(e, kind)) for e in events]


def _id(event: JobEvent, kind: str | None) -> str:
    return "" if kind in {None, "snapshot_end", "bookmark"} else getattr(event, str(kind)).job_id.id


def ended(call: Iterator[JobEvent]) -> Refusal:
    """How a stream ends, once all that came before is read."""

    def read() -> None:
        for _ in call:
            pass

    return refusal(read)


def test_events_come_as_they_are_published(slurm: SlurmAgentStub, backend: MemoryBackend) -> None:
    backend.hub.publish([job(1)], [], 100.5)
    with watching(slurm) as call:
        first = until_bookmark(call)
        backend.hub.publish([job(1, JobState.RUNNING)], [], 101.0)
        backend.hub.publish([], [job(1, JobState.FAILED)], 102.0)
        changed, gone = (next(event for event in call if _of_job(event)) for _ in range(2))
    assert kinds(first) == [("snapshot", "1"), ("snapshot_end", "")]
    assert first[0].as_of_time.ToNanoseconds() == 100_500_000_000
    assert kinds([changed, gone]) == [("changed", "1"), ("gone", "1")]
    assert changed.changed.state == job_pb2.JOB_STATE_RUNNING
    assert gone.gone.state == job_pb2.JOB_STATE_FAILED


def _of_job(event: JobEvent) -> bool:
    return event.WhichOneof("event") in {"snapshot", "changed", "gone"}


def test_a_watch_tells_the_fields_that_were_asked_for(
    slurm: SlurmAgentStub, backend: MemoryBackend
) -> None:
    backend.hub.publish([job(1, name="n", comment="c")], [], 100.0)
    request = WatchJobsRequest()
    request.read_mask.paths.extend(["job_id.id", "name"])
    with watching(slurm, request) as call:
        shown = next(call).snapshot
    assert shown == job_pb2.Job(job_id=job_pb2.JobId(id="1"), name="n")


def test_a_watch_goes_on_behind_the_token_of_an_event(
    slurm: SlurmAgentStub, backend: MemoryBackend
) -> None:
    with watching(slurm) as call:
        token = next(call).resume_token
    backend.hub.publish([job(7)], [], 100.0)
    with watching(slurm, WatchJobsRequest(resume_token=token)) as call:
        assert kinds(until_bookmark(call)) == [("changed", "7")]


def test_a_token_that_is_too_old_is_out_of_range(
    slurm: SlurmAgentStub, backend: MemoryBackend
) -> None:
    with watching(slurm) as call:
        token = next(call).resume_token
    backend.hub.publish([job(n) for n in range(1, 10_002)], [], 100.0)
    refused = refusal(lambda: next(slurm.WatchJobs(WatchJobsRequest(resume_token=token))))
    assert refused.code is grpc.StatusCode.OUT_OF_RANGE
    assert refused.reason == "WATCH_TOKEN_EXPIRED"


@pytest.mark.parametrize("token", ["nonsense", "%", "A" * 10_000])
def test_a_token_that_no_agent_wrote_is_refused(slurm: SlurmAgentStub, token: str) -> None:
    refused = refusal(lambda: next(slurm.WatchJobs(WatchJobsRequest(resume_token=token))))
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.violations == {"resume_token": "WATCH_TOKEN_FORM"}


def test_a_token_of_another_agents_log_is_out_of_range(
    slurm: SlurmAgentStub, backend: MemoryBackend
) -> None:
    with watching(slurm) as call:
        token = next(call).resume_token
    backend.hub = Hub(MemoryLog())
    refused = refusal(lambda: next(slurm.WatchJobs(WatchJobsRequest(resume_token=token))))
    assert refused.code is grpc.StatusCode.OUT_OF_RANGE
    assert refused.reason == "WATCH_TOKEN_EXPIRED"


def test_everything_that_is_wrong_with_a_watch_is_said_at_once(slurm: SlurmAgentStub) -> None:
    request = WatchJobsRequest(filter=JobFilter(users=[""], clusters=["other"], nodes=["n1"]))
    request.read_mask.paths.append("nonsense")
    refused = refusal(lambda: next(slurm.WatchJobs(request)))
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.violations.keys() == {
        "filter.users[0]", "filter.clusters[0]", "filter.nodes", "read_mask.paths[0]",
    }  # fmt: skip


def test_a_caller_that_does_not_read_is_ended_with_the_token_to_come_back_with(
    slurm: SlurmAgentStub, backend: MemoryBackend
) -> None:
    """Once what the network holds is full, events wait; 100 of them are allowed to, here."""
    with watching(slurm) as call:
        seen = [next(call)]
        for number in range(1, 200):
            backend.hub.publish([job(number, comment="x" * 100_000)], [], 100.0)
        refused = refusal(lambda: seen.extend(call))
        assert (refused.code, refused.reason) == (grpc.StatusCode.ABORTED, "WATCH_TOO_SLOW")
        assert len(seen) < 199
        assert refused.metadata["resume_token"] == seen[-1].resume_token
    resumed = WatchJobsRequest(resume_token=refused.metadata["resume_token"])
    with watching(slurm, resumed) as call:
        following = until_bookmark(call)
    whole = [event.changed.job_id.id for event in [*seen, *following] if event.HasField("changed")]
    assert whole == [str(number) for number in range(1, 200)]


def test_watches_take_no_thread_and_no_place_of_a_call(
    serve: Serve, socket_path: str, backend: MemoryBackend
) -> None:
    serve(threads=4, queue=0)
    with grpc.insecure_channel(f"unix:{socket_path}") as channel:
        slurm = SlurmAgentStub(channel)
        calls = [slurm.WatchJobs(WatchJobsRequest()) for _ in range(20)]
        assert all(next(call).HasField("snapshot_end") for call in calls)
        gate = backend.shut()
        with ThreadPoolExecutor(4) as callers:
            busy = [callers.submit(slurm.SubmitJob, original()) for _ in range(4)]
            for _ in range(4 + 20):
                assert backend.entered.acquire(timeout=PATIENCE)
            gate.set()
            assert len({call.result(PATIENCE).job_id.id for call in busy}) == 4


def test_more_streams_than_allowed_are_refused_and_a_place_is_free_again_when_one_ends(
    serve: Serve, socket_path: str
) -> None:
    serve(streams=2)
    with grpc.insecure_channel(f"unix:{socket_path}") as channel:
        slurm = SlurmAgentStub(channel)
        calls = [slurm.WatchJobs(WatchJobsRequest()) for _ in range(2)]
        for call in calls:
            next(call)
        refused = refusal(lambda: next(slurm.WatchJobs(WatchJobsRequest())))
        assert refused.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert refused.reason == "TOO_MANY_STREAMS"
        calls[0].cancel()
        until = time.monotonic() + PATIENCE
        while True:  # the agent learns of it by and by
            try:
                next(slurm.WatchJobs(WatchJobsRequest()))
            except grpc.RpcError:
                assert time.monotonic() < until
            else:
                break


def test_a_caller_that_leaves_is_forgotten_at_once(
    slurm: SlurmAgentStub, backend: MemoryBackend
) -> None:
    left = threading.Event()
    leave = backend.hub.leave
    backend.hub.leave = lambda watch: (leave(watch), left.set())  # type: ignore[assignment,func-returns-value]
    backend.hub._quiet = 60
    with watching(slurm) as call:
        next(call)
    assert left.wait(PATIENCE)
    assert not backend.hub.watched


@pytest.mark.parametrize("late", [False, True])
def test_a_stop_ends_watches_with_a_token(
    serve: Serve, socket_path: str, backend: MemoryBackend, late: bool
) -> None:
    """Those too that begin while it stops, as calls in the queue do."""
    server = serve()
    backend.hub._quiet = 60
    with grpc.insecure_channel(f"unix:{socket_path}") as channel:
        slurm = SlurmAgentStub(channel)
        call: Any = slurm.WatchJobs(WatchJobsRequest())
        token = next(call).resume_token
        began = time.monotonic()
        if late:
            server._streams.end("the agent is about to end")
            call = slurm.WatchJobs(WatchJobsRequest())
        else:
            server.stop(PATIENCE)
        refused = ended(call)
    assert refused.code is grpc.StatusCode.UNAVAILABLE
    assert late or refused.metadata["resume_token"] == token
    assert time.monotonic() - began < PATIENCE / 2
