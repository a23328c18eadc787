"""Many submissions over one stream."""

import queue
import threading
from collections.abc import Iterator

import grpc
import pytest
from google.rpc import code_pb2
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status
from prometheus_client import REGISTRY
from server.conftest import Logged, Serve
from server.memory import MemoryBackend
from server.requests import original
from slurm_commands import wait_until

from hpcagent.jobs.errors import BackendUnavailable
from hpcagent.server.pipeline import SPARE, WIDTH, Pipeline
from hpcagent.v1.slurm_agent_pb2 import SubmitJobsRequest
from hpcagent.v1.slurm_agent_pb2_grpc import SlurmAgentStub

PATIENCE = 20.0


def item(mark: str, **fields: object) -> SubmitJobsRequest:
    request = original()
    for name, value in fields.items():
        setattr(request, name, value)
    return SubmitJobsRequest(item=mark, request=request)


class Sender:
    """The requests of a stream, sent when a test says so."""

    def __init__(self) -> None:
        self._items: queue.SimpleQueue[SubmitJobsRequest | None] = queue.SimpleQueue()
        self.sent = 0

    def send(self, *items: SubmitJobsRequest) -> None:
        for one in items:
            self._items.put(one)

    def end(self) -> None:
        self._items.put(None)

    def __iter__(self) -> Iterator[SubmitJobsRequest]:
        while (one := self._items.get(timeout=PATIENCE)) is not None:
            self.sent += 1
            yield one


def detail(status: Status) -> ErrorInfo:
    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    return info


def test_every_item_has_one_answer_with_its_mark(
    slurm: SlurmAgentStub, backend: MemoryBackend
) -> None:
    items = [item(f"i{number}", name=f"n{number}") for number in range(100)]
    answers = list(slurm.SubmitJobs(iter(items), timeout=PATIENCE))
    assert sorted(answer.item for answer in answers) == sorted(one.item for one in items)
    assert {answer.WhichOneof("outcome") for answer in answers} == {"response"}
    ids = {answer.response.job_id.job_id for answer in answers}
    assert len(ids) == len(backend.specs) == 100


def test_nothing_sent_is_nothing_answered(slurm: SlurmAgentStub) -> None:
    assert list(slurm.SubmitJobs(iter(()), timeout=PATIENCE)) == []


def test_what_is_wrong_with_an_item_is_its_own_status(slurm: SlurmAgentStub) -> None:
    wrong = item("wrong")
    wrong.request.options["slurm"].begin.nanos = -1
    answers = {
        answer.item: answer
        for answer in slurm.SubmitJobs(iter([wrong, item("right"), SubmitJobsRequest()]))
    }
    assert answers["right"].HasField("response")
    assert answers["wrong"].status.code == code_pb2.INVALID_ARGUMENT
    assert detail(answers["wrong"].status).reason == "INVALID_REQUEST"
    blamed = BadRequest()
    assert answers["wrong"].status.details[1].Unpack(blamed)
    assert [one.field for one in blamed.field_violations] == ['options["slurm"].begin']


def test_a_field_of_a_later_release_is_refused(slurm: SlurmAgentStub) -> None:
    newer = SubmitJobsRequest.FromString(item("x").SerializeToString() + b"\xa0\x1f\x01")
    (answer,) = slurm.SubmitJobs(iter([newer]))
    assert answer.status.code == code_pb2.INVALID_ARGUMENT


def test_an_error_that_nobody_foresaw_ends_its_item_only(
    slurm: SlurmAgentStub, backend: MemoryBackend
) -> None:
    sender = Sender()
    answers = slurm.SubmitJobs(iter(sender), timeout=PATIENCE)
    backend.error = ZeroDivisionError("secret")
    sender.send(item("first"))
    first = next(answers)
    assert (first.item, first.status.code) == ("first", code_pb2.INTERNAL)
    assert "secret" not in str(first)
    backend.error = None
    sender.send(item("second"))
    assert next(answers).HasField("response")
    sender.end()
    assert list(answers) == []


def test_answers_come_in_the_order_of_completion(
    slurm: SlurmAgentStub, backend: MemoryBackend
) -> None:
    sender = Sender()
    answers = slurm.SubmitJobs(iter(sender), timeout=PATIENCE)
    gate = backend.shut()
    sender.send(item("slow"))
    assert backend.entered.acquire(timeout=PATIENCE)
    backend.gate = None
    sender.send(item("quick"))
    assert next(answers).item == "quick"
    gate.set()
    assert next(answers).item == "slow"
    sender.end()
    assert list(answers) == []


def test_only_so_many_are_worked_on_at_once(
    serve: Serve, backend: MemoryBackend, socket_path: str
) -> None:
    serve(threads=2 * WIDTH)
    gate = backend.shut()
    items = (item(str(number)) for number in range(3 * WIDTH))
    with grpc.insecure_channel(f"unix:{socket_path}") as channel:
        answers = SlurmAgentStub(channel).SubmitJobs(items, timeout=PATIENCE)
        for _ in range(WIDTH):
            assert backend.entered.acquire(timeout=PATIENCE)
        assert not backend.entered.acquire(timeout=0.2)
        gate.set()
        assert len(list(answers)) == 3 * WIDTH


def test_streams_together_are_no_wider_than_calls(
    serve: Serve, backend: MemoryBackend, socket_path: str
) -> None:
    serve(threads=4)
    gate = backend.shut()
    with grpc.insecure_channel(f"unix:{socket_path}") as channel:
        stub = SlurmAgentStub(channel)
        streams = [
            stub.SubmitJobs((item(str(number)) for number in range(4)), timeout=PATIENCE)
            for _ in range(3)
        ]
        for _ in range(4):
            assert backend.entered.acquire(timeout=PATIENCE)
        assert not backend.entered.acquire(timeout=0.2)
        gate.set()
        assert [len(list(answers)) for answers in streams] == [4, 4, 4]


def test_a_caller_that_does_not_read_is_not_read_either(
    slurm: SlurmAgentStub, backend: MemoryBackend
) -> None:
    mark = "x" * (1 << 20)
    """More than HTTP/2 holds of answers that nobody takes."""
    answers = slurm.SubmitJobs((item(mark) for _ in range(100)), timeout=3 * PATIENCE)
    while backend.entered.acquire(timeout=1.0):
        assert len(backend.calls) < 50
    assert sum(1 for _ in answers) == 100


def test_a_stream_that_is_idle_keeps_few_threads(
    serve: Serve, backend: MemoryBackend, socket_path: str
) -> None:
    serve(threads=2 * WIDTH)
    gate, sender = backend.shut(), Sender()
    with grpc.insecure_channel(f"unix:{socket_path}") as channel:
        answers = SlurmAgentStub(channel).SubmitJobs(iter(sender), timeout=PATIENCE)
        sender.send(*(item(str(number)) for number in range(WIDTH)))
        for _ in range(WIDTH):
            assert backend.entered.acquire(timeout=PATIENCE)
        assert len(item_threads()) == WIDTH
        gate.set()
        for _ in range(WIDTH):
            next(answers)
        wait_until(lambda: len(item_threads()) <= SPARE, "the others have ended")
        assert item_threads()
        sender.end()
        assert list(answers) == []


def item_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "item"]


def test_what_was_begun_is_answered_when_the_agent_ends(
    serve: Serve, backend: MemoryBackend, socket_path: str
) -> None:
    server = serve()
    gate = backend.shut()
    sender = Sender()
    with grpc.insecure_channel(f"unix:{socket_path}") as channel:
        answers = SlurmAgentStub(channel).SubmitJobs(iter(sender), timeout=PATIENCE)
        sender.send(item("begun"))
        assert backend.entered.acquire(timeout=PATIENCE)
        stopping = threading.Thread(target=server.stop, args=(PATIENCE,))
        stopping.start()
        gate.set()
        begun = next(answers)
        assert (begun.item, begun.WhichOneof("outcome")) == ("begun", "response")
        assert list(answers) == []
        assert answers.code() is grpc.StatusCode.OK
        sender.end()
        stopping.join(PATIENCE)
        assert not stopping.is_alive()
    assert len(backend.specs) == 1


def test_a_caller_that_leaves_takes_its_threads_along(
    slurm: SlurmAgentStub, backend: MemoryBackend
) -> None:
    gate = backend.shut()
    sender = Sender()
    answers = slurm.SubmitJobs(iter(sender), timeout=PATIENCE)
    sender.send(item("begun"))
    assert backend.entered.acquire(timeout=PATIENCE)
    threads = item_threads()
    answers.cancel()
    gate.set()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    sender.end()
    assert len(backend.specs) == 1


def test_the_streams_deadline_holds_for_every_item(
    slurm: SlurmAgentStub, backend: MemoryBackend
) -> None:
    backend.shut()
    answers = slurm.SubmitJobs(iter([item("a"), item("b")]), timeout=2.0)
    assert next(answers).status.code == code_pb2.DEADLINE_EXCEEDED


def test_what_can_be_retried_says_so(slurm: SlurmAgentStub, backend: MemoryBackend) -> None:
    backend.error = BackendUnavailable("down", reason="SLURMCTLD_UNAVAILABLE", retry_after=1.0)
    (answer,) = slurm.SubmitJobs(iter([item("x")]))
    assert answer.status.code == code_pb2.UNAVAILABLE
    assert detail(answer.status).reason == "SLURMCTLD_UNAVAILABLE"


def test_every_item_is_logged_by_its_own_names(
    slurm: SlurmAgentStub, backend: MemoryBackend, logged: Logged
) -> None:
    sender = Sender()
    answers = slurm.SubmitJobs(iter(sender), timeout=PATIENCE)
    for mark in ("a", "b"):
        sender.send(item(mark, request_id=f"id-{mark}"))
        next(answers)
    backend.error = ZeroDivisionError()
    sender.send(item("c", request_id="id-c", user="other"))
    next(answers)
    sender.end()
    assert list(answers) == []
    told = [line["request_id"] for line in logged if line["logger"] == "audit"]
    assert told == ["id-a", "id-a", "id-b", "id-b", "id-c", "id-c"]
    (stream,) = [line for line in logged if line["logger"] == "access"]
    assert stream["items"] == {"OK": 2, "INTERNAL": 1}
    assert {"user", "request_id", "job_id"}.isdisjoint(stream)
    (unforeseen,) = [line for line in logged if line["event"] == "unforeseen"]
    assert (unforeseen["request_id"], unforeseen["user"]) == ("id-c", "other")
    assert "job_id" not in unforeseen


def test_items_are_counted_by_their_codes(slurm: SlurmAgentStub) -> None:
    def counted(code: str) -> float:
        names = {"grpc_service": "hpcagent.v1.SlurmAgent", "grpc_method": "SubmitJobs"}
        found = REGISTRY.get_sample_value(
            "grpc_server_stream_items_total", names | {"grpc_code": code}
        )
        return found or 0.0

    before = counted("OK"), counted("InvalidArgument")
    wrong = item("wrong")
    wrong.request.options["slurm"].begin.nanos = -1
    assert len(list(slurm.SubmitJobs(iter([item("right"), wrong])))) == 2
    assert (counted("OK"), counted("InvalidArgument")) == (before[0] + 1, before[1] + 1)


def test_a_thread_that_fails_ends_its_stream() -> None:
    def refuse(_request: str, error: Exception, _log_id: str) -> str:
        raise error

    def work(_request: str) -> str:
        raise ZeroDivisionError

    pipeline = Pipeline("/a/b", work, refuse, threading.Semaphore(1))
    with pytest.raises(ZeroDivisionError):
        next(pipeline.answers(iter(["one"])))
