import time
from collections.abc import Iterator
from typing import Any

import pytest
from native.child import Child, Raised
from native.jobs import GROUP, USER, held, job_of

from hpcagent.sandbox import Sandbox

MEMBERS = ("job_id", "job_state", "array_task_str", "name", "priority", "comment")
PATIENCE = 20.0


@pytest.fixture
def cluster(sandbox: Sandbox) -> Iterator[Child]:
    """A cluster whose queue nobody else changes, and whose memory of jobs is short."""
    with Sandbox.up(conf={"MinJobAge": "2"}) as own, Child(own.env) as child:
        child.call("init", str(own.conf))
        child.call("native.probes.changes:track", "queue", MEMBERS)
        yield child


def look(cluster: Child, **keywords: int) -> dict[str, Any]:
    answer: dict[str, Any] = cluster.call("native.probes.changes:look", "queue", **keywords)
    return answer


def ids(answer: dict[str, Any]) -> list[int]:
    return [record["job_id"] for record in answer["changed"]]


def submit(cluster: Child, members: dict[str, Any]) -> int:
    number: int = cluster.call("submit_batch_job", members)["job_id"]
    return number


def test_each_look_tells_what_is_new_has_changed_or_is_no_longer_there(cluster: Child) -> None:
    assert look(cluster)["changed"] == []
    first, second = (submit(cluster, held(name=name)) for name in ("first", "second"))
    new = look(cluster)
    assert ids(new) == [first, second]
    assert [record["name"] for record in new["changed"]] == ["first", "second"]
    assert ids(look(cluster)) == []

    cluster.call("kill_job2", str(first), 9)
    cancelled = look(cluster)
    assert ids(cancelled) == [first]
    assert cancelled["changed"][0]["job_state"] == 4
    assert cancelled["vanished"] == []

    vanished: list[int] = []
    until = time.monotonic() + 60 + PATIENCE  # slurmctld purges twice a minute
    while not vanished and time.monotonic() < until:
        vanished = look(cluster)["vanished"]
        time.sleep(0.2)  # slurmctld tells nobody that it purges
    assert vanished == [first]
    assert look(cluster)["record_count"] == 1


def test_an_array_that_has_lost_a_task_has_changed(cluster: Child) -> None:
    array = submit(cluster, held(array_inx="0-3"))
    assert [record["array_task_str"] for record in look(cluster)["changed"]] == ["0-3"]
    cluster.call("kill_job2", f"{array}_1", 9)
    (left,) = look(cluster)["changed"]  # Slurm keeps no record of a task that never was one
    assert (left["job_id"], left["array_task_str"]) == (array, "0,2-3")


def test_more_than_the_limit_is_told_by_the_looks_that_follow(cluster: Child) -> None:
    jobs = [submit(cluster, held()) for _ in range(5)]
    looks = [look(cluster, limit=2) for _ in range(3)]
    assert [number for answer in looks for number in ids(answer)] == jobs
    assert [answer["more"] for answer in looks] == [True, True, False]
    cluster.call("kill_job2", str(jobs[4]), 9)
    cluster.call("kill_job2", str(jobs[3]), 9)
    assert [ids(look(cluster, limit=1)) for _ in range(3)] == [[jobs[3]], [jobs[4]], []]


def test_a_job_that_runs_and_ends_is_seen_to_end(cluster: Child) -> None:
    number = submit(cluster, job_of(USER, GROUP, script="#!/bin/sh\nexit 3\n"))
    state = None
    until = time.monotonic() + PATIENCE
    while state != 5 and time.monotonic() < until:
        for record in look(cluster)["changed"]:
            assert record["job_id"] == number
            state = record["job_state"]
        time.sleep(0.05)  # slurmctld tells nobody that a job ends
    assert state == 5


def test_changes_of_a_vector_are_refused_by_name(cluster: Child) -> None:
    with pytest.raises(Raised) as caught:
        cluster.call("native.probes.changes:track", "other", ["job_id", "gres_detail_str"])
    assert caught.value.kind == "OpaqueMemberError"
    assert caught.value.attributes["member"] == "gres_detail_str"
