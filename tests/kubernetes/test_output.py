"""Reading what containers write, on a real Kubernetes."""

import threading
import time
from collections.abc import Callable
from contextlib import closing

import pytest
from fix_kubernetes import Agent
from kubernetes_proxy import Proxy
from kubernetes_tasks import batch, manifests, named, soon, task, until

from hpcagent.jobs.errors import BackendUnavailable, Kind, NotFound, Refused
from hpcagent.jobs.model import JobState
from hpcagent.jobs.outputs import Chunk, Notice
from hpcagent.jobs.task import TaskSpec
from hpcagent.jobs.task_backend import Ending, LogQuery
from hpcagent.k8s import changes, unit
from hpcagent.k8s.client import ApiServer
from hpcagent.k8s.logs import LogOutput


def query(agent: Agent, **fields: object) -> LogQuery:
    """What to read of the job ``t``."""
    return LogQuery(job_id=named(task("t"), agent.namespace), **fields)  # type: ignore[arg-type]


def run(server: ApiServer, agent: Agent, spec: TaskSpec, state: JobState) -> None:
    """Create the job and wait for a state."""
    unit.create(server, manifests(spec, agent.namespace), soon())
    until(server, named(spec, agent.namespace), lambda found: found.state is state)


def read(server: ApiServer, agent: Agent, **fields: object) -> list[Chunk]:
    """All chunks."""
    return list(LogOutput(server, query(agent, **fields), soon()).chunks())


def text(chunks: list[Chunk]) -> bytes:
    """All bytes."""
    return b"".join(chunk.data for chunk in chunks)


class Reader:
    """Follows in a thread."""

    def __init__(self, server: ApiServer, wanted: LogQuery) -> None:
        self.output = LogOutput(server, wanted, soon())
        self.chunks: list[Chunk] = []
        self.error: Exception | None = None
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        try:
            for chunk in self.output.chunks():
                with self._news:
                    self.chunks.append(chunk)
                    self._news.notify_all()
        except BackendUnavailable as error:
            self.error = error

    def until(self, is_so: Callable[[list[Chunk]], bool]) -> None:
        """Wait for what is to come."""
        with self._news:
            assert self._news.wait_for(lambda: is_so(self.chunks), 60), self.chunks

    def end(self) -> None:
        """Wait for its end."""
        self._thread.join(60)
        assert not self._thread.is_alive()

    def close(self) -> None:
        self.output.close()
        self.end()


def test_a_log_is_read_to_its_end(server: ApiServer, agent: Agent) -> None:
    run(server, agent, batch("t", "echo out; echo err >&2"), JobState.COMPLETED)
    chunks = read(server, agent)
    assert text(chunks) == b"out\nerr\n"
    assert chunks[0].path.startswith("t-")
    assert chunks[-1].notice is Notice.END
    assert chunks[-1].offset == 8


def test_a_part_of_a_log_is_read_by_its_place(server: ApiServer, agent: Agent) -> None:
    run(server, agent, batch("t", "echo 0123456789"), JobState.COMPLETED)
    chunks = read(server, agent, offset=3, length=4)
    assert text(chunks) == b"3456"
    assert chunks[0].offset == 3


def test_the_last_lines_are_read(server: ApiServer, agent: Agent) -> None:
    run(server, agent, batch("t", "echo a; echo b; echo c"), JobState.COMPLETED)
    assert text(read(server, agent, lines=2)) == b"b\nc\n"


def test_what_was_written_since_is_read(server: ApiServer, agent: Agent) -> None:
    run(server, agent, batch("t", "echo a; sleep 3; echo b"), JobState.COMPLETED)
    found = until(server, named(task("t"), agent.namespace), lambda one: one.end_time)
    assert text(read(server, agent, since_time=(found.start_time or 0) + 2)) == b"b\n"
    assert text(read(server, agent, since_time=found.start_time)) == b"a\nb\n"


def test_the_instance_before_the_last_restart_is_read(server: ApiServer, agent: Agent) -> None:
    spec = task("t", "echo $$(date +%s%N); exit 1")
    unit.create(server, manifests(spec, agent.namespace), soon())
    until(server, named(spec, agent.namespace), lambda one: one.restart_count >= 1)
    before = text(read(server, agent, previous=True))
    assert before.strip().isdigit()


def test_one_without_an_instance_before_says_so(server: ApiServer, agent: Agent) -> None:
    run(server, agent, task("t"), JobState.RUNNING)
    with pytest.raises(NotFound) as refusal:
        read(server, agent, previous=True)
    assert refusal.value.reason == "NO_PREVIOUS_INSTANCE"


def test_one_that_has_not_started_says_so(server: ApiServer, agent: Agent) -> None:
    unit.create(server, manifests(task("t", image="a:missing"), agent.namespace), soon())
    with pytest.raises(Refused) as refusal:
        read(server, agent)
    assert refusal.value.kind is Kind.FAILED_PRECONDITION
    assert refusal.value.reason == "CONTAINER_NOT_STARTED"


def test_a_pod_and_a_container_that_are_not_there_are_named(
    server: ApiServer, agent: Agent
) -> None:
    run(server, agent, task("t"), JobState.RUNNING)
    with pytest.raises(NotFound, match="no pod other"):
        read(server, agent, pod="other")
    with pytest.raises(NotFound, match="no container other; it has t"):
        read(server, agent, container="other")


def test_a_follower_hears_of_each_line_as_it_is_written_and_of_the_end(
    server: ApiServer, agent: Agent
) -> None:
    spec = batch("t", "echo a; sleep 2; echo b; exit 1")
    unit.create(server, manifests(spec, agent.namespace), soon())
    with closing(Reader(server, query(agent, follow=True))) as reader:
        reader.until(lambda chunks: text(chunks) == b"a\n")
        reader.until(lambda chunks: text(chunks) == b"a\nb\n")
        reader.end()
        assert reader.chunks[-1].notice is Notice.END


def test_a_follower_is_led_on_to_the_next_instance(server: ApiServer, agent: Agent) -> None:
    spec = task("t", "echo begin; sleep 2; exit 1")
    unit.create(server, manifests(spec, agent.namespace), soon())
    with closing(Reader(server, query(agent, follow=True))) as reader:
        reader.until(lambda chunks: text(chunks) == b"begin\nbegin\n")
        (second,) = [chunk for chunk in reader.chunks if chunk.notice is Notice.ROTATED]
        assert second.offset == 0


def test_a_follower_hears_of_a_job_that_is_deleted(server: ApiServer, agent: Agent) -> None:
    spec = task("t", "echo a; sleep 1000", termination_grace_period=1)
    run(server, agent, spec, JobState.RUNNING)
    with closing(Reader(server, query(agent, follow=True))) as reader:
        reader.until(lambda chunks: text(chunks) == b"a\n")
        changes.cancel(server, named(spec, agent.namespace), Ending(), soon())
        reader.end()
        assert reader.chunks[-1].notice is Notice.END


def test_a_follower_that_is_stopped_learns_where_to_go_on(server: ApiServer, agent: Agent) -> None:
    run(server, agent, task("t", "echo abc; sleep 1000"), JobState.RUNNING)
    reader = Reader(server, query(agent, follow=True))
    reader.until(lambda chunks: text(chunks) == b"abc\n")
    reader.output.stop("the agent ends")
    reader.end()
    assert isinstance(reader.error, BackendUnavailable)
    assert reader.error.metadata["offset"] == "4"


def test_a_follower_that_is_closed_ends_at_once(server: ApiServer, agent: Agent) -> None:
    run(server, agent, task("t"), JobState.RUNNING)
    reader = Reader(server, query(agent, follow=True))
    began = time.monotonic()
    reader.close()
    assert time.monotonic() - began < 5


def test_a_connection_that_breaks_tells_where_to_go_on(
    faulty: ApiServer, faults: Proxy, agent: Agent
) -> None:
    run(faulty, agent, task("t", "echo abc; sleep 1000"), JobState.RUNNING)
    reader = Reader(faulty, query(agent, follow=True))
    reader.until(lambda chunks: text(chunks) == b"abc\n")
    faults.drop_streams()
    reader.end()
    assert isinstance(reader.error, BackendUnavailable)
    assert reader.error.metadata["offset"] == "4"
    assert text(read(faulty, agent, offset=2, length=2)) == b"c\n"
