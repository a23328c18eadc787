"""Following jobs of a real Kubernetes, over all that can happen to the connection."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from fix_kubernetes import Agent, Cluster, client_of, new_agent, new_namespace
from kubernetes_proxy import Fault, Handler, Proxy, refused
from kubernetes_tasks import PATIENCE, batch, manifests, named, soon, task

from hpcagent.changelog import open_log
from hpcagent.config import ClusterAccess
from hpcagent.jobs.errors import AgentError, BackendUnavailable, Forbidden, Kind
from hpcagent.jobs.model import JobFilter, JobReason, JobState
from hpcagent.jobs.task import TaskSpec
from hpcagent.jobs.task_backend import Ending
from hpcagent.jobs.watch import ChangeLog, Event, EventKind, MemoryLog
from hpcagent.jobs.watch.tokens import Expired
from hpcagent.k8s import changes, unit
from hpcagent.k8s.client import ApiServer
from hpcagent.k8s.following.follower import Follower
from hpcagent.sandbox import ControlPlane

ALL = JobFilter(clusters=("test",))


class Watcher:
    """Reads a watch in a thread, and keeps what it was told."""

    def __init__(self, follower: Follower, wanted: JobFilter, token: str) -> None:
        self.events: list[Event] = []
        self.error: AgentError | None = None
        self._news = threading.Condition()
        self._context = follower.watch(wanted, token, soon())
        self._watch = self._context.__enter__()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        for event in self._watch.events():
            with self._news:
                self.events.append(event)
                self._news.notify_all()

    def until(self, is_so: Callable[[Event], bool]) -> Event:
        """Wait for an event."""
        with self._news:
            come = self._news.wait_for(lambda: any(map(is_so, self.events)), PATIENCE)
            assert come, self.told()
            return next(filter(is_so, self.events))

    def state(self, name: str, state: JobState) -> Event:
        """Wait until a job is told to be in a state."""
        return self.until(
            lambda e: e.job is not None and e.job.state is state and e.job.job_id.name == name  # type: ignore[attr-defined]
        )

    def told(self) -> list[tuple[str, str, str]]:
        """What it was told, short."""
        return [(e.kind.name, str(e.job.job_id), e.job.state.name) for e in self.events if e.job]

    def close(self) -> None:
        self._context.__exit__(None, None, None)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()


@contextmanager
def watching(follower: Follower, wanted: JobFilter = ALL, token: str = "") -> Iterator[Watcher]:
    """A watcher that has been told the snapshot, or goes on behind a token."""
    watcher = Watcher(follower, wanted, token)
    try:
        if not token:
            watcher.until(lambda event: event.kind is EventKind.SNAPSHOT_END)
        yield watcher
    finally:
        watcher.close()


@contextmanager
def following(
    server: ApiServer, agent: Agent, changes: ChangeLog | None = None
) -> Iterator[Follower]:
    follower = Follower({"test": server}, [agent.namespace], changes or MemoryLog())
    try:
        yield follower
    finally:
        follower.close()


@pytest.fixture
def follower(server: ApiServer, agent: Agent) -> Iterator[Follower]:
    with following(server, agent) as made:
        yield made


@pytest.fixture
def shaky(faulty: ApiServer, agent: Agent) -> Iterator[Follower]:
    """A follower through what can break."""
    with following(faulty, agent) as made:
        yield made


def create(server: ApiServer, agent: Agent, spec: TaskSpec) -> None:
    unit.create(server, manifests(spec, agent.namespace), soon())


def kinds(watcher: Watcher, name: str) -> list[EventKind]:
    """What became of a job."""
    return [e.kind for e in watcher.events if e.job and str(e.job.job_id).endswith(f"/{name}")]


def test_a_job_is_followed_from_its_making_to_its_end(
    server: ApiServer, agent: Agent, follower: Follower
) -> None:
    create(server, agent, task("old"))
    with watching(follower) as watcher:
        assert kinds(watcher, "old")[0] is EventKind.SNAPSHOT
        create(server, agent, batch("t", "sleep 5; exit 3"))
        watcher.state("t", JobState.RUNNING)
        ended = watcher.state("t", JobState.FAILED)
        assert ended.job is not None
        assert ended.job.exit_status is not None
        assert ended.job.exit_status.code == 3


def test_one_that_is_deleted_from_outside_is_gone(
    server: ApiServer, agent: Agent, follower: Follower
) -> None:
    create(server, agent, task("t"))
    with watching(follower) as watcher:
        watcher.state("t", JobState.RUNNING)
        path = f"/apis/apps/v1/namespaces/{agent.namespace}/deployments/t"
        agent.cluster.call("DELETE", path)
        gone = watcher.until(lambda event: event.kind is EventKind.GONE)
        assert gone.job is not None
        assert gone.job.state is JobState.CANCELLED
        assert gone.job.reason == JobReason("DELETED", "deleted by another than this agent")


def test_one_that_the_agent_cancels_has_no_other_to_blame(
    server: ApiServer, agent: Agent, follower: Follower
) -> None:
    create(server, agent, task("t"))
    with watching(follower) as watcher:
        watcher.state("t", JobState.RUNNING)
        changes.cancel(server, named(task("t"), agent.namespace), Ending(), soon())
        gone = watcher.until(lambda event: event.kind is EventKind.GONE)
        assert gone.job is not None
        assert (gone.job.state, gone.job.reason) == (JobState.CANCELLED, None)


def test_one_that_the_agent_was_refused_to_cancel_is_deleted_by_another(
    faulty: ApiServer, faults: Proxy, agent: Agent, shaky: Follower
) -> None:
    create(faulty, agent, task("t"))
    with watching(shaky) as watcher:
        watcher.state("t", JobState.RUNNING)
        faults.plan.faults = [Fault("DELETE", refused(403, "Forbidden", "not you"))]
        with pytest.raises(Forbidden):
            changes.cancel(faulty, named(task("t"), agent.namespace), Ending(), soon())
        agent.cluster.call("DELETE", f"/apis/apps/v1/namespaces/{agent.namespace}/deployments/t")
        gone = watcher.until(lambda event: event.kind is EventKind.GONE)
        assert gone.job is not None
        assert gone.job.reason is not None
        assert gone.job.reason.name == "DELETED"


def test_only_what_the_filter_means_is_told(
    server: ApiServer, agent: Agent, follower: Follower
) -> None:
    from dataclasses import replace  # noqa: PLC0415

    with watching(follower, replace(ALL, labels={"team": "a"})) as watcher:
        create(server, agent, task("other", labels={"team": "b"}))
        create(server, agent, task("mine", labels={"team": "a"}))
        watcher.state("mine", JobState.RUNNING)
        assert not kinds(watcher, "other")


def test_a_watch_goes_on_behind_its_token(
    server: ApiServer, agent: Agent, follower: Follower
) -> None:
    with watching(follower) as watcher:
        create(server, agent, task("a"))
        token = watcher.state("a", JobState.RUNNING).token
    create(server, agent, task("b"))
    with watching(follower, token=token) as again:
        again.state("b", JobState.RUNNING)
        assert EventKind.SNAPSHOT not in [event.kind for event in again.events]
        assert not kinds(again, "a")


def test_a_token_outlives_a_restart_of_the_daemon(
    server: ApiServer, agent: Agent, tmp_path: Path
) -> None:
    path = tmp_path / "changes.db"
    with (
        closing(open_log(path)) as log,
        following(server, agent, log) as follower,
        watching(follower) as watcher,
    ):
        for spec in (task("same"), task("deployed"), batch("batch", "sleep 1000")):
            create(server, agent, spec)
        for name in ("same", "deployed", "batch"):
            token = watcher.state(name, JobState.RUNNING).token
        token = watcher.events[-1].token
    for spec in (task("deployed"), batch("batch", "")):
        changes.cancel(server, named(spec, agent.namespace), Ending(), soon())
    until_gone(agent)
    create(server, agent, task("new"))
    restarted = ApiServer("test", agent.access, pool=16, longest=30)
    with (
        closing(open_log(path)) as log,
        closing(restarted),
        following(restarted, agent, log) as follower,
        watching(follower, token=token) as again,
    ):
        again.state("new", JobState.RUNNING)
        ends = {e.job.name: e.job.state for e in again.events if e.job and e.kind is EventKind.GONE}
        assert ends == {"deployed": JobState.CANCELLED, "batch": JobState.UNKNOWN}
        assert {e.job.reason for e in again.events if e.job and e.kind is EventKind.GONE} == {
            JobReason("DELETED", "deleted while the agent did not follow it: by whom is not known")
        }
        assert not kinds(again, "same")
        assert no_event_twice(again)


def test_a_token_of_a_log_that_is_no_more_has_expired(server: ApiServer, agent: Agent) -> None:
    with following(server, agent) as follower, watching(follower) as watcher:
        token = watcher.events[-1].token
    with (
        following(server, agent) as follower,
        pytest.raises(Expired) as refusal,
        follower.watch(ALL, token, soon()),
    ):
        pass
    assert refusal.value.kind is Kind.OUT_OF_RANGE


def until_gone(agent: Agent) -> None:
    """Wait until Kubernetes has no workload that is being deleted."""
    deadline = time.monotonic() + PATIENCE
    for path in ("apis/apps/v1/namespaces/{}/deployments", "apis/batch/v1/namespaces/{}/jobs"):
        while any(
            "deletionTimestamp" in one["metadata"]
            for one in agent.cluster.call("GET", f"/{path.format(agent.namespace)}")["items"]
        ):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_reason_that_changes_is_told(server: ApiServer, agent: Agent, follower: Follower) -> None:
    with watching(follower) as watcher:
        create(server, agent, task("t", image="registry.example/a:missing"))
        watcher.until(lambda e: bool(e.job and e.job.reason and e.job.reason.category == "IMAGE"))


def test_a_connection_that_breaks_loses_nothing(
    faulty: ApiServer, faults: Proxy, agent: Agent, shaky: Follower
) -> None:
    with watching(shaky) as watcher:
        create(faulty, agent, task("a"))
        watcher.state("a", JobState.RUNNING)
        faults.drop_streams()
        create(faulty, agent, task("b"))
        watcher.state("b", JobState.RUNNING)
        changes.cancel(faulty, named(task("a"), agent.namespace), Ending(), soon())
        watcher.until(lambda event: event.kind is EventKind.GONE)
        assert kinds(watcher, "a").count(EventKind.GONE) == 1
        assert no_event_twice(watcher)


def test_a_version_that_is_too_old_is_listed_anew(
    faulty: ApiServer, faults: Proxy, agent: Agent, shaky: Follower
) -> None:
    with watching(shaky) as watcher:
        create(faulty, agent, task("a"))
        watcher.state("a", JobState.RUNNING)
        lists = faults.plan.count("GET", "limit=")
        gone = refused(410, "Expired", "too old resource version")
        faults.plan.faults = [Fault("GET", gone, "deployments?", times=1)]
        faults.drop_streams()
        create(faulty, agent, task("b"))
        watcher.state("b", JobState.RUNNING)
        assert faults.plan.count("GET", "limit=") > lists
        assert no_event_twice(watcher)


def test_an_error_within_a_watch_is_listed_anew(
    faulty: ApiServer, faults: Proxy, agent: Agent, shaky: Follower
) -> None:
    faults.plan.faults = [Fault("GET", expire, "deployments?")]
    faults.plan.faults[0].path = "watch=true"
    with watching(shaky) as watcher:
        create(faulty, agent, task("a"))
        watcher.state("a", JobState.RUNNING)
        assert no_event_twice(watcher)


def expire(handler: Handler) -> None:
    """Begin a watch well, and end it as the API server does for what it has forgotten."""
    status = {"kind": "Status", "status": "Failure", "reason": "Expired", "code": 410}
    handler.stream([{"type": "ERROR", "object": {**status, "message": "too old"}}])


def test_rights_that_are_missing_are_told_to_who_watches(
    server: ApiServer, agent: Agent, follower: Follower
) -> None:
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    agent.cluster.call("DELETE", f"{rbac}/namespaces/{agent.namespace}/rolebindings/hpcagent")
    with pytest.raises(Forbidden), follower.watch(ALL, "", soon()):
        pass


def test_a_cluster_that_is_not_there_is_told_to_who_watches(agent: Agent) -> None:
    nowhere = ClusterAccess(server="https://127.0.0.1:9", token_file=agent.access.token_file)
    server = ApiServer("test", nowhere, pool=1, longest=5)
    with (
        following(server, agent) as follower,
        pytest.raises(BackendUnavailable),
        follower.watch(ALL, "", soon()),
    ):
        pass


def test_an_api_server_that_is_restarted_loses_nothing_and_tells_nothing_twice(
    private_control_plane: ControlPlane, tmp_path: Path
) -> None:
    with client_of(private_control_plane.kubeconfig) as admin:
        cluster = Cluster(private_control_plane.kubeconfig, admin)
        with new_namespace(cluster) as namespace:
            agent = new_agent(cluster, namespace, tmp_path)
            server = ApiServer("test", agent.access, pool=16, longest=30)
            create(server, agent, task("before"))
            with following(server, agent) as follower, watching(follower) as watcher:
                watcher.state("before", JobState.RUNNING)
                private_control_plane.apiserver.stop(signal.SIGKILL)
                with pytest.raises(BackendUnavailable):
                    create(server, agent, task("while"))
                private_control_plane.apiserver.start(90)
                create(server, agent, task("after"))
                watcher.state("after", JobState.RUNNING)
                changes.cancel(server, named(task("before"), namespace), Ending(), soon())
                watcher.until(lambda event: event.kind is EventKind.GONE)
                assert no_event_twice(watcher)


def no_event_twice(watcher: Watcher) -> bool:
    """Whether each event tells something new."""
    told: dict[str, object] = {}
    for event in watcher.events:
        if event.job is None:
            continue
        name, now = str(event.job.job_id), (event.kind is EventKind.GONE, _still(event))
        if told.get(name) == now:
            return False
        told[name] = now
    return True


def _still(event: Event) -> object:
    from dataclasses import replace  # noqa: PLC0415

    assert event.job is not None
    return replace(event.job, as_of_time=0)
