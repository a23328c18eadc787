"""The watch over slurmctld, with answers made up: no cluster is down in just these ways."""

import math
import os
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import AgentError, BackendUnavailable
from hpcagent.slurm import cluster
from hpcagent.slurm.client import Client, WorkerFaultError
from hpcagent.slurm.cluster import Cluster
from hpcagent.slurm.pool.process import PoolSettings
from hpcagent.slurm.pool.workers import WorkerPool
from hpcagent.slurm.script import DEFAULT_MAX_SIZE

UP = [{"host": "a", "code": 0, "text": ""}]
DOWN = [{"host": "a", "code": 1800, "text": "Unable to contact"}]
CONF = {
    "cluster_name": "alpha",
    "version": "22.05.8",
    "control_machine": ["a", "b"],
    "sched_params": "bf_interval=1,max_script_size=1000",
    "conf_flags": 1 << 3,
    "cpu_freq_govs": 0x06800000,
    "propagate_rlimits": None,
    "propagate_rlimits_except": "MEMLOCK",
    "min_job_age": 2,
}
PARTITIONS = [{"name": "p", "flags": 1}, {"name": "r", "flags": 8}, {"name": "q", "flags": None}]
PATIENCE = 10.0


class Told(Client):
    """Says what it was told to, and counts what it is asked."""

    def __init__(self) -> None:
        pool = WorkerPool(PoolSettings(), os.environ)
        pool.close(Deadline.after(0))
        super().__init__(pool)
        self.ping: Any = UP
        self.conf: Any = CONF
        self.asked: list[str] = []
        self.heard = threading.Condition()

    def call(self, operation: str, *_: object, **__: object) -> Any:  # noqa: ANN401
        """Answer, or fail."""
        with self.heard:
            self.asked.append(operation)
            self.heard.notify_all()
        said = {"ping": self.ping, "cluster": self.conf}[operation]
        if isinstance(said, Exception):
            raise said
        return said if operation == "ping" else {"conf": said, "partitions": PARTITIONS}

    def wait_for(self, operation: str, times: int) -> None:
        """Wait until it was asked so often."""
        with self.heard:
            enough = self.heard.wait_for(lambda: self.asked.count(operation) >= times, PATIENCE)
        assert enough, self.asked


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    monkeypatch.setattr(cluster, "PING_SECONDS", 0.01)
    return Told()


@pytest.fixture
def watch(told: Told) -> Iterator[Cluster]:
    made = Cluster(told, refresh=3600)
    yield made
    made.stop()


def facts(watch: Cluster) -> cluster.ClusterFacts:
    return watch.facts(Deadline.after(PATIENCE))


def test_slurmctlds_configuration_is_read(watch: Cluster) -> None:
    watch.start()
    found = facts(watch)
    assert (found.name, found.version, found.controllers) == ("alpha", "22.05.8", ("a", "b"))
    assert (found.propagate_limits, found.propagate_limits_except) == ("", "MEMLOCK")
    assert (found.root_only, found.default_partition) == (frozenset({"r"}), "p")
    assert (found.cpu_governors, found.spec_resources) == (0x06800000, True)
    assert found.max_script_bytes == 1000
    assert (watch.trouble, watch.name) == ("", "alpha")


@pytest.mark.parametrize(
    ("parameters", "size"),
    [
        (None, DEFAULT_MAX_SIZE),
        ("bf_continue", DEFAULT_MAX_SIZE),
        ("max_script_size=5,bf_continue", 5),
        ("bf_continue, Max_Script_Size=5", 5),
        ("max_script_size=", DEFAULT_MAX_SIZE),
        ("max_script_size=ten", DEFAULT_MAX_SIZE),
    ],
)
def test_the_limit_of_scripts_is_read(
    watch: Cluster, told: Told, parameters: str | None, size: int
) -> None:
    told.conf = CONF | {"sched_params": parameters}
    watch.start()
    assert facts(watch).max_script_bytes == size


@pytest.mark.parametrize(("said", "kept"), [(2, 2.0), (0, math.inf), (None, math.inf)])
def test_how_long_an_ended_job_is_kept_is_read(
    watch: Cluster, told: Told, said: int | None, kept: float
) -> None:
    told.conf = CONF | {"min_job_age": said}
    assert watch.keeps_ended_jobs == math.inf
    watch.start()
    assert watch.keeps_ended_jobs == kept


def test_a_host_that_has_just_booted_reads_it_at_once(
    watch: Cluster, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The monotonic clock begins with the host: then nothing seems to be an hour old."""
    monkeypatch.setattr(cluster, "time", SimpleNamespace(monotonic=lambda: 5.0))
    watch.start()
    told.wait_for("cluster", 1)


def test_it_is_read_again_when_it_is_due_or_asked_for(watch: Cluster, told: Told) -> None:
    watch.start()
    told.wait_for("ping", 5)
    assert told.asked.count("cluster") == 1
    told.conf = CONF | {"cluster_name": "beta"}
    watch.reload()
    told.wait_for("cluster", 2)
    told.wait_for("ping", len(told.asked) + 2)
    assert watch.name == "beta"


def test_one_controller_that_answers_is_enough(watch: Cluster, told: Told) -> None:
    told.ping = DOWN + UP
    watch.start()
    assert watch.trouble == ""


def test_why_slurmctld_is_down_is_told_and_asked_about_no_more(watch: Cluster, told: Told) -> None:
    told.ping = DOWN
    watch.start()
    assert "a: Unable to contact" in watch.trouble
    with pytest.raises(BackendUnavailable, match="nothing was sent") as down:
        watch.require()
    assert down.value.reason == "SLURMCTLD_UNAVAILABLE"
    assert "cluster" not in told.asked


def test_what_is_known_stays_known_while_slurmctld_is_down(watch: Cluster, told: Told) -> None:
    watch.start()
    told.ping = BackendUnavailable("gone")
    told.wait_for("ping", len(told.asked) + 3)
    assert "gone" in watch.trouble
    assert facts(watch).name == "alpha"
    told.ping = UP
    told.wait_for("ping", len(told.asked) + 3)
    watch.require()


def test_a_configuration_that_cannot_be_read_is_tried_again(watch: Cluster, told: Told) -> None:
    told.conf = AgentError("not now")
    watch.start()
    assert "not now" in watch.trouble
    told.wait_for("cluster", 3)
    told.conf = CONF
    assert facts(watch).name == "alpha"


def test_nothing_ends_the_watch(watch: Cluster, told: Told) -> None:
    """A dead watch would say for ever what it had found last."""
    watch.start()
    told.ping = WorkerFaultError("KeyError")
    told.wait_for("ping", len(told.asked) + 3)
    assert "failed to look" in watch.trouble
    told.ping = UP
    told.wait_for("ping", len(told.asked) + 3)
    assert watch.trouble == ""
