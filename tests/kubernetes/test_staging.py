"""Directories of tasks: made as their users, and removed with the tasks, on a real Kubernetes."""

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fix_kubernetes import Agent
from fix_task_daemon import TaskDaemon, settings_for
from kubernetes_tasks import PATIENCE

from hpcagent import config
from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import AgentError, Forbidden, InvalidRequest, Refused
from hpcagent.jobs.identity import Claim, IdentityPolicy
from hpcagent.jobs.model import ObjectId
from hpcagent.jobs.task import Stage, StagedTask, StageTaskPlan, TaskSpec
from hpcagent.jobs.task_backend import Ending
from hpcagent.jobs.watch import MemoryLog
from hpcagent.k8s.directories.making import Directories
from hpcagent.k8s.directories.owed import OwedFile
from hpcagent.k8s.directories.staging import Staging
from hpcagent.k8s.preparation import Preparer
from hpcagent.k8s.scheduler import KubernetesScheduler
from hpcagent.k8s.users import RequestUsers
from hpcagent.v1 import job_requests_pb2, k8s_agent_pb2

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="must be root to act as another user")

UID, GID = 3001, 3002


@pytest.fixture
def root() -> Iterator[Path]:
    """What this host shares with the nodes: a home of the user's, which others may look into."""
    name = tempfile.mkdtemp(prefix="hpcagent-staging-")
    Path(name).chmod(0o755)
    home = Path(name, "home")
    home.mkdir()
    os.chown(home, UID, GID)
    yield home
    shutil.rmtree(name)


class Backend:
    """The backend without its threads: the test itself looks after directories."""

    def __init__(self, agent: Agent, root: Path, state: Path | None = None) -> None:
        self.agent = agent
        self.root = root
        profile = {"namespace": agent.namespace, "stage_work_dir": True, "run_as_user": False}
        profile |= {"home_volume": "", "partition_node_label": ""}
        settings = msgspec.convert(
            {
                "clusters": {"test": msgspec.to_builtins(agent.access)},
                "profiles": {"default": profile},
                "policy": {"host_path_roots": [str(root)], "homes": [str(root)]},
                "work_dir_roots": [str(root)],
                "users": "request",
            },
            config.Kubernetes,
        )
        self.staging = Staging(Directories(settings.work_dir_roots), OwedFile(state))
        preparer = Preparer(settings, RequestUsers(IdentityPolicy()))
        self.scheduler = KubernetesScheduler(
            settings, preparer, self.staging, MemoryLog(), threads=4
        )

    def submit(self, name: str, stage: Stage, **fields: Any) -> ObjectId:  # noqa: ANN401 - of TaskSpec
        """Submit a task that sleeps."""
        command = ("/bin/sleep", "300")
        plan = StageTaskPlan(id=name, container_image="registry.example/a:1", command=command)
        spec = TaskSpec(
            claim=Claim(UID, "u", GID, "g"),
            home=str(self.root),
            task=StagedTask(plan=plan, stage=stage),
            termination_grace_period=1,
        )
        self.scheduler.submit(replace(spec, **fields), Deadline.after(PATIENCE))
        return ObjectId(cluster="test", namespace=self.agent.namespace, name=name)

    def cancel(self, job_id: ObjectId) -> None:
        """End a task."""
        self.scheduler.cancel(job_id, Ending(), Deadline.after(PATIENCE))

    def until_gone(self, directory: Path) -> None:
        """Look after directories until one is gone."""
        until = time.monotonic() + PATIENCE
        while directory.exists():
            assert time.monotonic() < until
            self.scheduler._clearing.look()
            time.sleep(0.1)

    def close(self) -> None:
        """End its processes."""
        self.scheduler.close()
        self.staging.close()
        self.staging.owed.close()


@pytest.fixture
def start(agent: Agent, root: Path) -> Iterator[Callable[..., Backend]]:
    """Starts backends."""
    made: list[Backend] = []

    def start(state: Path | None = None) -> Backend:
        made.append(Backend(agent, root, state))
        return made[-1]

    yield start
    for one in made:
        one.close()


@pytest.fixture
def backend(start: Callable[..., Backend]) -> Backend:
    """A backend."""
    return start()


def test_a_directory_is_made_as_the_user_and_removed_with_the_task_and_all_that_is_in_it(
    backend: Backend, root: Path
) -> None:
    directory = root / "runs" / "t1"
    job_id = backend.submit("t1", Stage(dir=f"{root}/./runs//t1", mode=0o2750, parents=True))
    status = directory.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (UID, GID, 0o2750)
    (directory / "sub").mkdir()
    (directory / "sub" / "file").write_text("result")
    os.chown(directory / "sub", UID, GID)
    backend.scheduler._clearing.look()
    assert directory.exists()
    backend.cancel(job_id)
    backend.until_gone(directory)
    assert directory.parent.exists()
    assert backend.staging.owed.all() == []


def test_a_directory_goes_too_when_somebody_else_deletes_the_task(
    backend: Backend, root: Path
) -> None:
    backend.submit("t1", Stage(dir=f"{root}/t1"))
    path = f"/apis/apps/v1/namespaces/{backend.agent.namespace}/deployments/t1"
    backend.agent.cluster.call("DELETE", path)
    backend.until_gone(root / "t1")


def test_an_agent_that_was_restarted_still_knows_what_it_made(
    start: Callable[..., Backend], root: Path, tmp_path: Path
) -> None:
    before = start(tmp_path / "state.db")
    job_id = before.submit("t1", Stage(dir=f"{root}/t1"))
    before.cancel(job_id)
    before.staging.owed.close()
    after = start(tmp_path / "state.db")
    after.until_gone(root / "t1")


def test_what_was_there_before_or_is_to_be_left_stays(backend: Backend, root: Path) -> None:
    (root / "old").mkdir()
    os.chown(root / "old", UID, GID)
    for name, leave in (("old", False), ("left", True)):
        job_id = backend.submit(name, Stage(dir=f"{root}/{name}", leave_dir=leave))
        backend.cancel(job_id)
    assert backend.staging.owed.all() == []
    assert (root / "old").exists()
    assert (root / "left").exists()


def test_a_directory_stays_while_another_task_uses_it(backend: Backend, root: Path) -> None:
    first = backend.submit("t1", Stage(dir=f"{root}/shared"))
    second = backend.submit("t2", Stage(dir=f"{root}/shared/"))
    backend.cancel(first)
    until = time.monotonic() + PATIENCE
    while backend.scheduler._clearing.look():  # its processes are still ending
        assert time.monotonic() < until
        time.sleep(0.1)
    assert (root / "shared").exists()
    backend.cancel(second)
    backend.until_gone(root / "shared")


def test_a_task_that_is_refused_leaves_no_directory(backend: Backend, root: Path) -> None:
    backend.agent.quota({"count/deployments.apps": "0"})
    with pytest.raises(Refused):
        backend.submit("t1", Stage(dir=f"{root}/t1"))
    assert list(root.iterdir()) == []
    assert backend.staging.owed.all() == []
    backend.agent.lift_quota()


def test_nothing_is_made_where_nothing_is_to_be_made(backend: Backend, root: Path) -> None:
    backend.submit("t1", Stage(dir=f"{root}/t1"), validate_only=True)
    backend.submit("t2", Stage(dir=f"{root}/t2", create=False))
    assert list(root.iterdir()) == []


REFUSED: dict[str, tuple[Stage, type[AgentError], str]] = {
    "a way through a link": (Stage(dir="link/t1"), InvalidRequest, "WORK_DIR_SYMLINK"),
    "a link itself": (Stage(dir="link"), InvalidRequest, "WORK_DIR_SYMLINK"),
    "a file": (Stage(dir="file"), InvalidRequest, "WORK_DIR_NOT_A_DIRECTORY"),
    "no parents": (Stage(dir="a/b"), InvalidRequest, "WORK_DIR_PARENT_MISSING"),
    "what the user may not write": (Stage(dir="roots/t1"), Forbidden, "WORK_DIR_NOT_ALLOWED"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_directory_that_cannot_be_made_is_refused_by_field_and_reason(
    backend: Backend, root: Path, name: str
) -> None:
    (root / "link").symlink_to("/etc")
    (root / "file").touch()
    (root / "roots").mkdir()
    before = sorted(root.iterdir())
    stage, kind, reason = REFUSED[name]
    with pytest.raises(kind) as refused:
        backend.submit("t1", replace(stage, dir=f"{root}/{stage.dir}"))
    (violation,) = refused.value.violations
    assert (violation.field, violation.reason) == ("task.stage.dir", reason)
    assert sorted(root.iterdir()) == before
    path = f"/apis/apps/v1/namespaces/{backend.agent.namespace}/deployments"
    assert backend.agent.cluster.call("GET", path)["items"] == []


def test_the_daemon_makes_and_removes_directories_by_itself(
    start_task_daemon: Callable[..., TaskDaemon], shared_agent: Agent, root: Path, tmp_path: Path
) -> None:
    settings = settings_for(shared_agent, {"stage_work_dir": True})
    settings["kubernetes"]["policy"]["host_path_roots"] = [str(root)]
    daemon = start_task_daemon({**settings, "state": {"directory": str(tmp_path)}})
    daemon.wait_until_serving()
    asked = k8s_agent_pb2.SubmitTaskRequest(
        user_id=UID, group_id=GID, user="u", group="g", home="/home/u"
    )
    asked.task.stage.dir = f"{root}/t1"
    asked.task.plan.id = "made-by-daemon"
    asked.task.plan.container_image = "registry.example/a:1"
    asked.task.plan.command.append("/bin/true")
    job_id = daemon.stub.SubmitJob(asked, timeout=PATIENCE).job_id
    assert (root / "t1").stat().st_uid == UID
    daemon.stub.CancelJob(job_requests_pb2.CancelJobRequest(job_id=job_id), timeout=PATIENCE)
    until = time.monotonic() + PATIENCE
    while (root / "t1").exists():
        assert time.monotonic() < until
        time.sleep(0.1)
