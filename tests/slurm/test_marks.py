"""Finding the job that a request made, among jobs whose marks look much like its own."""

from collections.abc import Iterator

import pytest
from native.jobs import ALICE, USER, held
from slurm.pools import PATIENCE, pool_of

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import InvalidRequest
from hpcagent.jobs.identity import IdentityPolicy
from hpcagent.jobs.model import JobFilter
from hpcagent.jobs.stamp import stamp
from hpcagent.sandbox import Sandbox
from hpcagent.slurm.client import Client
from hpcagent.slurm.directory import Directory
from hpcagent.slurm.queue import Queue

SOON = Deadline.after


@pytest.fixture(scope="module")
def client(sandbox: Sandbox) -> Iterator[Client]:
    with pool_of(sandbox.conf, sandbox.env, processes=1) as pool:
        yield Client(pool)


@pytest.fixture(scope="module")
def queue(client: Client) -> Queue:
    return Queue(client, Directory(client, IdentityPolicy()), lambda: "sandbox")


def submit(client: Client, mark: str) -> int:
    """Submit a job that never starts, marked with words; its number."""
    job = held(admin_comment=mark, name="marked")
    number = client.call("submit", SOON(PATIENCE), members=job)["job_id"]
    assert isinstance(number, int)
    return number


@pytest.fixture(scope="module")
def marked(client: Client) -> dict[str, int]:
    """Jobs by request_id; those whose ids begin like another's come before it."""
    longer = [f"m-1{number}" for number in range(120)]
    return {request_id: submit(client, stamp(request_id)) for request_id in [*longer, "m-1", "m-2"]}


@pytest.mark.parametrize("request_id", ["m-1", "m-10", "m-119", "m-2"])
@pytest.mark.parametrize("user", [None, USER])
def test_a_job_is_found_by_the_whole_of_its_mark(
    queue: Queue, marked: dict[str, int], request_id: str, user: int | None
) -> None:
    job = queue.find(request_id, SOON(PATIENCE), user=user)
    assert job is not None
    assert (job.job_id.job_id, job.request_id) == (marked[request_id], request_id)


@pytest.mark.parametrize(
    ("request_id", "user"), [("m-", None), ("m-3", None), ("m-1", ALICE), ("m-1.", None)]
)
def test_another_mark_is_not_found(
    queue: Queue, marked: dict[str, int], request_id: str, user: int | None
) -> None:
    assert queue.find(request_id, SOON(PATIENCE), user=user) is None


def test_a_mark_is_found_behind_which_somebody_has_written(client: Client, queue: Queue) -> None:
    number = submit(client, f"{stamp('noted')},seen by ops")
    job = queue.find("noted", SOON(PATIENCE))
    assert job is not None
    assert (job.job_id.job_id, job.admin_comment) == (number, "seen by ops")


def test_words_that_only_look_like_a_mark_are_none(client: Client, queue: Queue) -> None:
    submit(client, f"copied from {stamp('elsewhere')}")
    assert queue.find("elsewhere", SOON(PATIENCE)) is None


@pytest.mark.parametrize("user", ["9" * 5000, "4294967294", "nobody-of-that-name", "\u0661"])
def test_a_user_who_cannot_be_is_unknown(queue: Queue, user: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        queue.page(JobFilter(users=("1870", user)), 10, None, SOON(PATIENCE))
    (violation,) = refused.value.violations
    assert (violation.field, violation.reason) == ("filter.users[1]", "USER_UNKNOWN")
