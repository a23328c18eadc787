"""How what slurmctld has and what accounting has become one list."""

from hpcagent.jobs.model import Job, JobId, JobPage, JobSource, JobState
from hpcagent.slurm.history.accounted import amounts
from hpcagent.slurm.history.accounting import merged

LIVE, PAST = JobSource.LIVE, JobSource.ACCOUNTING


def job(submitted: int, number: int, source: JobSource) -> Job:
    return Job(
        job_id=JobId(number),
        raw_job_id=number,
        submit_time=float(submitted),
        state=JobState.COMPLETED,
        backend_state="COMPLETED",
        as_of_time=0.0,
        source=source,
    )


def page(*jobs: Job, more: bool = False) -> JobPage:
    last = (int(jobs[-1].submit_time or 0), jobs[-1].raw_job_id) if more else None
    return JobPage(jobs, as_of_time=9.0, next_key=last)


def told(found: JobPage) -> list[tuple[int, JobSource]]:
    return [(one.raw_job_id, one.source) for one in found.jobs]


def test_a_job_that_both_have_is_the_live_one() -> None:
    found = merged(page(job(5, 2, LIVE)), page(job(1, 1, PAST), job(5, 2, PAST)), 10)
    assert told(found) == [(1, PAST), (2, LIVE)]
    assert found.next_key is None


def test_a_page_goes_as_far_as_both_are_known() -> None:
    past = page(job(1, 1, PAST), job(3, 3, PAST), more=True)
    found = merged(page(job(2, 2, LIVE), job(4, 4, LIVE)), past, 10)
    assert told(found) == [(1, PAST), (2, LIVE), (3, PAST)]
    assert found.next_key == (3, 3)


def test_a_page_is_no_longer_than_was_asked_for() -> None:
    found = merged(page(job(2, 2, LIVE)), page(job(1, 1, PAST), job(3, 3, PAST)), 2)
    assert told(found) == [(1, PAST), (2, LIVE)]
    assert found.next_key == (2, 2)


def test_amounts_of_the_database_are_read_by_the_numbers_of_resources() -> None:
    names = {1: "cpu", 2: "mem", 1001: "gres/gpu"}
    found = amounts("1=4,2=8000,3=18446744073709551614,1001=2,77=1", names)
    assert [(one.type, one.name, one.count) for one in found] == [
        ("cpu", "", 4),
        ("mem", "", 8000 << 20),
        ("gres", "gpu", 2),
    ]
