from dataclasses import replace

import pytest

from hpcagent.jobs.matching import matcher
from hpcagent.jobs.model import HetJob, Job, JobArray, JobFilter, JobId, JobState

JOB = Job(
    job_id=JobId(7, cluster="c"),
    raw_job_id=7,
    state=JobState.RUNNING,
    backend_state="RUNNING",
    as_of_time=100.0,
    submit_time=50.0,
    user_id=1000,
    user="alice",
    account="physics",
    partition="short,long",
    qos="high",
    name="first",
    request_id="r-1",
)
TASK = replace(JOB, job_id=JobId(7, 3), raw_job_id=12, array=JobArray(7))
WAITING = replace(JOB, array=JobArray(7, tasks="4-9:2%1"))
COMPONENT = replace(JOB, job_id=JobId(7, None, 1), raw_job_id=8, het_job=HetJob(7, 1))


def test_an_empty_filter_means_every_job() -> None:
    assert matcher(JobFilter())(JOB)


@pytest.mark.parametrize(
    "wanted",
    [
        JobFilter(users=("alice",)),
        JobFilter(users=("bob", "1000")),
        JobFilter(accounts=("Physics",)),
        JobFilter(partitions=("long",)),
        JobFilter(qos=("low", "High")),
        JobFilter(states=(JobState.PENDING, JobState.RUNNING)),
        JobFilter(names=("first",)),
        JobFilter(job_ids=(JobId(7),)),
        JobFilter(request_ids=("r-1",)),
        JobFilter(submitted_after=50.0),
        JobFilter(submitted_before=50.5),
    ],
)
def test_a_job_meets_a_condition_by_any_of_its_values(wanted: JobFilter) -> None:
    assert matcher(wanted)(JOB)


@pytest.mark.parametrize(
    "wanted",
    [
        JobFilter(users=("bob", "100")),
        JobFilter(accounts=("chemistry",)),
        JobFilter(partitions=("lo",)),
        JobFilter(qos=("low", "hi", "")),
        JobFilter(states=(JobState.PENDING,)),
        JobFilter(names=("firs",)),
        JobFilter(job_ids=(JobId(8), JobId(7, 3), JobId(7, None, 0))),
        JobFilter(request_ids=("r-2",)),
        JobFilter(submitted_after=50.5),
        JobFilter(submitted_before=50.0),
        JobFilter(users=("alice",), names=("second",)),
    ],
)
def test_every_condition_must_hold(wanted: JobFilter) -> None:
    assert not matcher(wanted)(JOB)


def test_a_job_whose_submit_time_is_not_known_is_neither_before_nor_after() -> None:
    job = replace(JOB, submit_time=None)
    assert not matcher(JobFilter(submitted_after=1.0))(job)
    assert not matcher(JobFilter(submitted_before=1.0))(job)


@pytest.mark.parametrize(
    ("job_id", "job"),
    [
        (JobId(7), TASK),
        (JobId(7, 3), TASK),
        (JobId(12), TASK),
        (JobId(7, 6), WAITING),
        (JobId(7), COMPONENT),
        (JobId(7, None, 1), COMPONENT),
    ],
)
def test_an_id_means_what_is_part_of_it(job_id: JobId, job: Job) -> None:
    assert matcher(JobFilter(job_ids=(job_id,)))(job)


@pytest.mark.parametrize(
    ("job_id", "job"),
    [
        (JobId(7, 4), TASK),
        (JobId(8, 3), TASK),
        (JobId(7, 5), WAITING),
        (JobId(7, 4), JOB),
        (JobId(7, None, 0), COMPONENT),
        (JobId(8, None, 1), COMPONENT),
    ],
)
def test_an_id_means_no_other_part(job_id: JobId, job: Job) -> None:
    assert not matcher(JobFilter(job_ids=(job_id,)))(job)
