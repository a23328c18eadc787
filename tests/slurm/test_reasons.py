"""Why a job waits, as the agent tells it of real jobs that wait."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from slurm.sites import Site, opened
from slurm_commands import command, wait_until

from hpcagent.jobs.model import Job, JobArray, JobId, JobReason, JobState
from hpcagent.jobs.spec import Dependency, DependencyTerm
from hpcagent.sandbox import Sandbox
from hpcagent.slurm.reasons import made

FAR = 2_000_000_000.0
HOUR = 3600


def nothing(_site: Site, _job: int) -> None:
    """Do nothing."""


def scontrol(*words: str) -> Callable[[Site, int], None]:
    """Be the administrator; {job} is the job's number."""
    return lambda site, job: site.scontrol(*(word.format(job=job) for word in words))


@dataclass(frozen=True)
class Wait:
    """A job that waits: what was asked for, what was done then, and what is told."""

    reason: JobReason
    asked: dict[str, Any]
    then: Callable[[Site, int], None] = nothing


def because(name: str, blocked_by: str = "", *jobs: str) -> JobReason:
    blocking = tuple(replace(JobId.parse(job), cluster="sandbox") for job in jobs)
    return made(name, blocked_by=blocked_by, blocking_jobs=blocking)


def on(*terms: DependencyTerm) -> dict[str, Any]:
    return {"options": {"dependency": Dependency(terms=terms)}}


ARRAY = 4
"""The number of an array that runs one task at a time."""
ALL_OF_TWO = {"exclusive": "JOB", "time": 600}
WAITS: dict[str, Wait] = {
    "for licenses": Wait(
        because("Licenses", "fluent:2"), {"partition": "debug", "options": {"licenses": "fluent:2"}}
    ),
    "for jobs": Wait(
        because("Dependency", "", "1", "2_3"),
        on(DependencyTerm("AFTEROK", ("1",)), DependencyTerm("AFTERANY", ("2_3",))),
    ),
    "for an array": Wait(because("Dependency", "", "2"), on(DependencyTerm("AFTERANY", ("2",)))),
    "for what can never be": Wait(
        because("DependencyNeverSatisfied", "", "3"), on(DependencyTerm("AFTEROK", ("3",)))
    ),
    "for its user": Wait(because("JobHeldUser"), {"options": {"hold": True}}),
    "for the administrator": Wait(
        because("JobHeldAdmin"), {"options": {"begin": FAR}}, scontrol("hold", "{job}")
    ),
    "for a time": Wait(because("BeginTime"), {"options": {"begin": FAR}}),
    "for a partition": Wait(because("PartitionDown", "down"), {"partition": "down"}),
    "for a partition to be active": Wait(
        because("PartitionInactive", "restless"),
        {"partition": "restless"},
        scontrol("update", "PartitionName=restless", "State=INACTIVE"),
    ),
    "for more time": Wait(
        because("PartitionTimeLimit", "short"), {"partition": "short", "options": {"time": 5400}}
    ),
    "for more nodes": Wait(because("PartitionNodeLimit", "power"), {"nodes": 4}),
    "for a reservation": Wait(
        because("Reservation", "later"), {"options": {"reservation": "later"}}
    ),
    "for a node that is down": Wait(
        because("ReqNodeNotAvail", "node3"), {"options": {"nodelist": "node3"}}
    ),
    "for nodes": Wait(because("Resources"), {"nodes": 2, "options": ALL_OF_TWO}),
    "for others": Wait(because("Priority"), {"nodes": 2, "options": ALL_OF_TWO}),
}
"""The first has the most priority."""


@pytest.fixture(scope="module")
def site(sandbox: Sandbox) -> Iterator[Site]:
    """A cluster where every reason can be had. Jobs 1 to 3: held, an array held, cancelled."""
    with opened({}, nodes=3) as there:
        assert there.submit(options={"hold": True}) == 1
        assert there.submit(options={"hold": True, "array": "3-4"}) == 2
        assert there.submit(options={"hold": True}) == 3
        command(there.sandbox, "scancel", "3")
        array = {"array": "0-2%1", "nodelist": "node2", "time": HOUR}
        assert there.submit(options=array) == ARRAY
        there.scontrol("update", "NodeName=node3", "State=DOWN", "Reason=test")
        there.scontrol("create", "PartitionName=restless", "Nodes=ALL")
        there.scontrol(
            "create", "reservation", "ReservationName=later", "Users=nscc-gz_jiangli",
            "StartTime=now+7200", "Duration=60", "Nodes=node2",
        )  # fmt: skip
        taken = [
            there.submit(options={"nodelist": "node1", "exclusive": "JOB", "time": HOUR}),
            there.submit(options={"nodelist": "node2", "licenses": "fluent:2", "time": HOUR}),
        ]
        for job in taken:
            wait_until(lambda job=job: there.get(job).state is JobState.RUNNING, f"{job} runs")  # type: ignore[misc]
        yield there


@pytest.fixture(scope="module")
def jobs(site: Site) -> dict[str, int]:
    """All jobs at once, for slurmctld looks only once a second."""
    made = {why: site.submit(**wait.asked) for why, wait in WAITS.items()}
    for why, wait in WAITS.items():
        wait.then(site, made[why])
    return made


def waiting(site: Site, job: int, name: str) -> Job:
    """The job, once it waits for this reason."""

    def reason() -> str:
        told = site.get(job).reason
        return told.name if told else ""

    wait_until(lambda: reason() == name, f"{job} waits because of {name}")
    return site.get(job)


@pytest.mark.parametrize("why", WAITS)
def test_why_a_job_waits_is_told(site: Site, jobs: dict[str, int], why: str) -> None:
    expected = WAITS[why].reason
    job = waiting(site, jobs[why], expected.name)
    assert job.reason
    assert replace(job.reason, text="") == expected
    assert job.reason.category != "OTHER"


def test_a_job_that_waits_for_nodes_tells_when_it_is_expected_to_start(
    site: Site, jobs: dict[str, int]
) -> None:
    job = jobs["for nodes"]
    wait_until(lambda: site.get(job).start_time is not None, f"{job} is expected to start")
    begin = site.get(job).start_time
    assert begin
    assert time.time() + HOUR - 120 < begin < time.time() + HOUR + 120


def test_a_job_that_is_held_is_not_expected_to_start(site: Site, jobs: dict[str, int]) -> None:
    assert site.get(jobs["for its user"]).start_time is None


def test_tasks_of_an_array_wait_for_each_other(site: Site) -> None:
    job = waiting(site, ARRAY, "JobArrayTaskLimit")
    assert job.reason
    assert job.reason.category == "LIMIT"
    assert job.array == JobArray(ARRAY, "1-2%1", 1)
