"""Which jobs a list has, and how it is read page by page."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from fix_daemon import Daemon
from google.protobuf.timestamp_pb2 import Timestamp
from server.refusals import refusal
from slurm.caller import Caller, Fields, fresh, job_id

from hpcagent.v1.job_pb2 import (
    JOB_STATE_CANCELLED,
    JOB_STATE_PENDING,
    JOB_STATE_RUNNING,
    JOB_STATE_UNKNOWN,
)
from hpcagent.v1.job_requests_pb2 import JobFilter, ListJobsRequest

MANY = 250
PAGE = 100
THREADS = 8


def of(user: str, **fields: object) -> Fields:
    """Fields of a request of another user's than the original one."""
    return {"user_id": None, "group_id": None, "user": user, "group": None, **fields}


# ------------------------------------------------------------------------------- filters


@dataclass(frozen=True)
class Listed:
    """Jobs of one name, which no other test's have, and what is asked about them."""

    caller: Caller
    name: str
    alices: str
    bobs: str
    gone: str

    def those(self, **conditions: object) -> set[str]:
        """The ids of those that match, in words."""
        words = {self.alices: "alice's", self.bobs: "bob's", self.gone: "cancelled"}
        return {words[one] for one in self.caller.ids(names=[self.name], **conditions)}


@pytest.fixture(scope="module")
def listed(caller: Caller) -> Listed:
    """One of alice's in two partitions, one of bob's with an account, and one that has ended."""
    name = fresh("listed")
    alices = caller.hold(of("alice", name=name, partition="power,debug"))
    bobs = caller.hold(of("bob", name=name, partition="debug"), account="physics")
    gone = caller.hold({"name": name})
    caller.cancel(gone)
    return Listed(caller, name, alices.id, bobs.id, gone.id)


ALL = {"alice's", "bob's", "cancelled"}


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ({}, ALL),
        ({"users": ["alice"]}, {"alice's"}),
        ({"users": ["2001"]}, {"alice's"}),
        ({"users": ["alice", "2002"]}, {"alice's", "bob's"}),
        ({"users": ["nobody"]}, set()),
        ({"users": ["4242"]}, set()),
        ({"accounts": ["physics"]}, {"bob's"}),
        ({"accounts": ["Physics"]}, {"bob's"}),
        ({"accounts": ["chemistry"]}, set()),
        ({"partitions": ["debug"]}, {"alice's", "bob's"}),
        ({"partitions": ["power"]}, {"alice's", "cancelled"}),
        ({"partitions": ["deb"]}, set()),
        ({"states": [JOB_STATE_PENDING]}, {"alice's", "bob's"}),
        ({"states": [JOB_STATE_CANCELLED]}, {"cancelled"}),
        ({"states": [JOB_STATE_PENDING, JOB_STATE_CANCELLED]}, ALL),
        ({"states": [JOB_STATE_RUNNING]}, set()),
        ({"states": [JOB_STATE_UNKNOWN]}, set()),
        ({"clusters": ["sandbox"]}, ALL),
        ({"users": ["alice", "bob"], "partitions": ["power"]}, {"alice's"}),
        ({"users": ["alice"], "accounts": ["physics"]}, set()),
    ],
    # Sorted, since xdist's workers must agree on a test's name.
    ids=lambda value: str(value) if isinstance(value, dict) else ", ".join(sorted(value)) or "none",
)
def test_a_list_has_the_jobs_that_match_every_condition(
    conditions: dict[str, object], found: set[str], listed: Listed
) -> None:
    assert listed.those(**conditions) == found


def test_a_list_by_ids_has_those(listed: Listed) -> None:
    wanted = [job_id(listed.bobs), job_id(listed.gone), job_id("4000000")]
    assert listed.those(job_ids=wanted) == {"bob's", "cancelled"}


def test_a_list_by_names_has_those_of_any_of_them(caller: Caller, listed: Listed) -> None:
    other = fresh("other")
    job = caller.hold({"name": other})
    assert caller.ids(names=[other, fresh("none")]) == [job.id]
    assert caller.ids(names=[other[:-1]]) == []
    assert {job.id, listed.alices} < {*caller.ids(names=[other, listed.name])}


def test_a_time_window_has_its_beginning_and_not_its_end(caller: Caller, listed: Listed) -> None:
    at = caller.get(listed.alices).submit_time.seconds
    before, then, behind = (Timestamp(seconds=at + more) for more in (-1, 0, 1))
    half = Timestamp(seconds=at, nanos=500_000_000)
    one = {"users": ["alice"]}
    assert listed.those(submitted_after=then, submitted_before=behind, **one) == {"alice's"}
    assert listed.those(submitted_after=before, submitted_before=half, **one) == {"alice's"}
    assert listed.those(submitted_after=behind, **one) == set()
    assert listed.those(submitted_after=half, **one) == set()
    assert listed.those(submitted_before=then, **one) == set()


def test_every_unknown_user_of_a_filter_is_named(daemon: Daemon, caller: Caller) -> None:
    users = ["alice", "mallory", "2002", "-1", "4294967295"]
    told = refusal(lambda: caller.ids(users=users))
    assert (told.code.name, told.reason) == ("INVALID_ARGUMENT", "INVALID_REQUEST")
    assert told.violations == {f"filter.users[{one}]": "USER_UNKNOWN" for one in (1, 3, 4)}


def test_another_cluster_is_refused(caller: Caller, listed: Listed) -> None:
    told = refusal(lambda: listed.those(clusters=["other"]))
    assert told.violations == {"filter.clusters[0]": "OTHER_CLUSTER"}


# --------------------------------------------------------------------------------- pages


@pytest.fixture(scope="module")
def many(caller: Caller) -> tuple[JobFilter, list[int]]:
    """A filter, and the numbers of the jobs that it finds."""
    name = fresh("many")
    with ThreadPoolExecutor(THREADS) as pool:
        jobs = list(pool.map(lambda _: caller.hold(of("bob", name=name)), range(MANY)))
    return JobFilter(names=[name]), sorted(job.job_id for job in jobs)


def test_pages_have_every_job_once_and_in_order(
    caller: Caller, many: tuple[JobFilter, list[int]]
) -> None:
    wanted, numbers = many
    pages = list(caller.pages(wanted, PAGE))
    assert [len(page) for page in pages] == [PAGE, PAGE, MANY - 2 * PAGE]
    found = [job for page in pages for job in page]
    keys = [(job.submit_time.seconds, job.job_id.job_id) for job in found]
    assert keys == sorted(keys)
    assert sorted(job.job_id.job_id for job in found) == numbers


def test_a_page_of_no_given_size_has_a_hundred(
    daemon: Daemon, many: tuple[JobFilter, list[int]]
) -> None:
    page = daemon.stub.ListJobs(ListJobsRequest(filter=many[0]))
    assert len(page.jobs) == 100
    assert page.next_page_token


def test_jobs_that_come_and_go_between_two_pages_disturb_no_other(caller: Caller) -> None:
    name = fresh("moving")
    first, second, third = (caller.hold({"name": name}).id for _ in range(3))
    pages = caller.pages(JobFilter(names=[name], states=[JOB_STATE_PENDING]), 2)
    assert [job.job_id.id for job in next(pages)] == [first, second]
    caller.cancel(second)
    fourth = caller.hold({"name": name}).id
    assert [job.job_id.id for page in pages for job in page] == [third, fourth]


def test_a_token_is_good_for_its_own_filter_only(
    daemon: Daemon, many: tuple[JobFilter, list[int]]
) -> None:
    token = daemon.stub.ListJobs(ListJobsRequest(filter=many[0], page_size=1)).next_page_token
    other = JobFilter(names=many[0].names, users=["bob"])
    for wanted in (other, JobFilter(), None):
        asked = ListJobsRequest(filter=wanted, page_token=token)
        told = refusal(lambda: daemon.stub.ListJobs(asked))  # noqa: B023
        assert told.violations == {"page_token": "PAGE_TOKEN_MISMATCH"}
