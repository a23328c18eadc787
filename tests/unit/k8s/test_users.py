"""Who a task's user is. NSS is this host's own: `nobody` is on each."""

import pwd
from collections.abc import Iterator

import pytest

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import DeadlineExceeded, Forbidden, InvalidRequest
from hpcagent.jobs.identity import Claim, Identity, IdentityPolicy
from hpcagent.k8s.users import LookupFailedError, NssUsers, RequestUsers

SECONDS = 30


@pytest.fixture
def users() -> Iterator[NssUsers]:
    asked = NssUsers(IdentityPolicy())
    yield asked
    asked.close()


def test_a_user_is_as_nss_has_it_with_its_home(users: NssUsers) -> None:
    known = pwd.getpwnam("nobody")
    found = users.identify(Claim(user="nobody"), "", Deadline.after(SECONDS))
    assert (found.uid, found.gid, found.home) == (known.pw_uid, known.pw_gid, known.pw_dir)


def test_a_process_that_asks_nss_is_used_again(users: NssUsers) -> None:
    users.identify(Claim(user="nobody"), "", Deadline.after(SECONDS))
    (first,) = users._processes.idle
    users.identify(Claim(user="nobody"), "", Deadline.after(SECONDS))
    assert users._processes.idle == [first]


def test_an_unknown_user_and_root_are_refused(users: NssUsers) -> None:
    with pytest.raises(InvalidRequest):
        users.identify(Claim(user="no such user"), "", Deadline.after(SECONDS))
    with pytest.raises(Forbidden):
        users.identify(Claim(user_id=0), "", Deadline.after(SECONDS))


def test_an_answer_that_does_not_come_costs_its_own_request_only(users: NssUsers) -> None:
    with pytest.raises(DeadlineExceeded):
        users.identify(Claim(user="nobody"), "", Deadline.after(0))
    assert users._processes.idle == []
    assert users.identify(Claim(user="nobody"), "", Deadline.after(SECONDS)).user == "nobody"


def test_a_process_that_has_ended_is_replaced(users: NssUsers) -> None:
    users.identify(Claim(user="nobody"), "", Deadline.after(SECONDS))
    (helper,) = users._processes.idle
    helper.process.kill()
    helper.process.wait()
    with pytest.raises(LookupFailedError):
        users.identify(Claim(user="nobody"), "", Deadline.after(SECONDS))
    assert users.identify(Claim(user="nobody"), "", Deadline.after(SECONDS)).user == "nobody"


def test_a_process_ends_with_the_daemon(users: NssUsers) -> None:
    users.identify(Claim(user="nobody"), "", Deadline.after(SECONDS))
    (helper,) = users._processes.idle
    helper.socket.close()
    assert helper.process.wait(SECONDS) == 0
    users._processes.idle.clear()


def test_a_host_without_users_takes_them_as_the_request_has_them() -> None:
    claim = Claim(10271, "u", 9865, "g")
    found = RequestUsers(IdentityPolicy()).identify(claim, "/GPUFS/u", Deadline.after(0))
    assert found == Identity(10271, 9865, "u", "g", (9865,))


def test_a_host_without_users_needs_all_of_them_from_the_request() -> None:
    with pytest.raises(InvalidRequest) as refused:
        RequestUsers(IdentityPolicy()).identify(Claim(), "", Deadline.after(0))
    assert {fault.field for fault in refused.value.violations} == {
        "user_id", "group_id", "user", "group", "home"
    }  # fmt: skip
