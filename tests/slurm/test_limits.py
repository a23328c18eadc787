"""Limits of accounts and QOS: slurmctld judges them, and its word is told with the field."""

from functools import partial

import pytest
from fix_daemon import Daemon
from server.refusals import refusal
from slurm.caller import Caller, fresh
from slurm_commands import command, wait_until

from hpcagent.v1.cluster_pb2 import GetClusterRequest, ListAccountsRequest
from hpcagent.v1.job_pb2 import (
    JOB_REASON_CATEGORY_LIMIT,
    JOB_STATE_PENDING,
    JOB_STATE_RUNNING,
    JobId,
)


@pytest.fixture(scope="module")
def limited(accounting_daemon: Daemon) -> Caller:
    """A caller on a cluster where limits hold (`hpcagent.sandbox.tenants`)."""
    accounting_daemon.wait_until_serving()
    return Caller(accounting_daemon.stub)


def of(user: str) -> dict[str, object]:
    return {"user": user, "user_id": None, "group": None, "group_id": None, "name": fresh("lim")}


REFUSED = {
    "an account that is another's": (
        "bob", {"account": "physics"}, "INVALID_ARGUMENT", "ESLURM_INVALID_ACCOUNT",
        'options["slurm"].account',
    ),
    "a QOS that is not the user's": (
        "bob", {"qos": "high"}, "INVALID_ARGUMENT", "ESLURM_INVALID_QOS", 'options["slurm"].qos',
    ),
    "a QOS that there is not": (
        "alice", {"qos": "none"}, "INVALID_ARGUMENT", "ESLURM_INVALID_QOS",
        'options["slurm"].qos',
    ),
    "a time that the QOS denies": (
        "alice", {"qos": "short", "time": {"value": "660s"}}, "RESOURCE_EXHAUSTED",
        "ESLURM_ACCOUNTING_POLICY", None,
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("user", "options", "code", "reason", "field"), REFUSED.values(), ids=REFUSED
)
def test_what_slurmctld_refuses_is_told_with_its_error_code_and_field(
    limited: Caller,
    user: str,
    options: dict[str, object],
    code: str,
    reason: str,
    field: str | None,
) -> None:
    told = refusal(lambda: limited.hold(of(user), **options))
    assert (told.code.name, told.reason) == (code, reason)
    assert list(told.violations) == ([field] if field else [])


def test_one_job_more_than_a_qos_allows_to_be_submitted_is_refused(limited: Caller) -> None:
    first = limited.hold(of("alice"), qos="tiny")
    told = refusal(lambda: limited.hold(of("alice"), qos="tiny"))
    assert (told.code.name, told.reason) == ("RESOURCE_EXHAUSTED", "ESLURM_ACCOUNTING_POLICY")
    limited.cancel(first)


def waits_for(limited: Caller, job: JobId, reason: str) -> bool:
    return limited.get(job).reason.name == reason


def test_jobs_wait_for_limits_with_slurms_reason(limited: Caller) -> None:
    small = limited.run("sleep 600", of("bob"))
    limited.wait(small, JOB_STATE_RUNNING)
    second = limited.run("sleep 600", of("bob"))
    half = limited.run("sleep 600", of("alice"), ntasks=7)
    limited.wait(half, JOB_STATE_RUNNING)
    big = limited.run("sleep 600", of("alice"), ntasks=6)
    waiting = {"AssocMaxJobsLimit": second, "AssocGrpCpuLimit": big}
    for reason, job in waiting.items():
        wait_until(partial(waits_for, limited, job, reason), reason)
        found = limited.get(job)
        assert (found.state, found.reason.category) == (
            JOB_STATE_PENDING,
            JOB_REASON_CATEGORY_LIMIT,
        )
    for job in (small, second, half, big):
        limited.cancel(job)


# ------------------------------------------------------------------------------- accounts


def test_associations_are_told_with_their_qos_limits_and_use(
    accounting_daemon: Daemon, limited: Caller
) -> None:
    job = limited.run("sleep 600", of("bob"), ntasks=2)
    limited.wait(job, JOB_STATE_RUNNING)

    def used() -> bool:
        page = accounting_daemon.stub.ListAccounts(ListAccountsRequest(users=["bob"]))
        return [one.use.jobs for one in page.associations] == [1]

    wait_until(used, "a new look at the associations")
    page = accounting_daemon.stub.ListAccounts(ListAccountsRequest(users=["bob"]))
    (bobs,) = page.associations
    assert (bobs.account, bobs.user, bobs.is_default) == ("chemistry", "bob", True)
    assert (list(bobs.qos), bobs.default_qos) == (["low", "normal"], "normal")
    assert (bobs.limits.max_jobs, bobs.limits.max_submit_jobs) == (1, 3)
    assert bobs.limits.max_wall_time_per_job.seconds == 3600
    assert not bobs.limits.HasField("group_jobs")
    assert {one.type: one.count for one in bobs.use.tres}["cpu"] == 2
    assert [qos.name for qos in page.qos] == ["low", "normal"]
    limited.cancel(job)


def test_accounts_have_associations_of_their_own(accounting_daemon: Daemon) -> None:
    page = accounting_daemon.stub.ListAccounts(ListAccountsRequest(accounts=["Physics"]))
    account, *users = page.associations
    assert (account.user, account.parent_account) == ("", "root")
    assert {one.type: one.count for one in account.limits.group_tres} == {"cpu": 12}
    assert [one.user for one in users] == ["alice", "nscc-gz_jiangli"]
    fair = accounting_daemon.stub.ListAccounts(ListAccountsRequest(users=["2001"]))
    assert {one.account: one.shares for one in fair.associations} == {"physics": 1, "chemistry": 7}
    assert all(one.HasField("fairshare") for one in fair.associations)


def test_qos_are_told_as_sacctmgr_lists_them(accounting_daemon: Daemon) -> None:
    page = accounting_daemon.stub.ListAccounts(ListAccountsRequest(users=["alice"]))
    argv = ("sacctmgr", "--noheader", "--parsable2", "list", "qos", "format=name,priority,preempt")
    lines = command(accounting_daemon.sandbox, *argv).stdout.splitlines()
    wanted = {name: (priority, preempt) for name, priority, preempt in
              (line.split("|") for line in lines)}  # fmt: skip
    told = {one.name: (str(one.priority), ",".join(one.preempts)) for one in page.qos}
    assert told == wanted
    short, tiny = (next(one for one in page.qos if one.name == name) for name in ("short", "tiny"))
    assert (list(short.flags), short.limits.max_wall_time_per_job.seconds) == (["DenyOnLimit"], 600)
    assert tiny.limits.max_submit_jobs_per_user == 1
    assert [(one.type, one.count) for one in tiny.limits.max_tres_per_user] == [("cpu", 2)]


def test_associations_are_read_page_by_page(accounting_daemon: Daemon) -> None:
    whole = accounting_daemon.stub.ListAccounts(ListAccountsRequest())
    found, token = [], ""
    while True:
        asked = ListAccountsRequest(page_size=2, page_token=token)
        page = accounting_daemon.stub.ListAccounts(asked)
        assert len(page.associations) <= 2
        found += [one.id for one in page.associations]
        token = page.next_page_token
        if not token:
            break
    assert found == [one.id for one in whole.associations]


def test_a_cluster_tells_that_limits_hold(accounting_daemon: Daemon) -> None:
    cluster = accounting_daemon.stub.GetCluster(GetClusterRequest())
    assert cluster.accounting
    assert list(cluster.accounting_enforce) == ["associations", "limits", "qos"]
