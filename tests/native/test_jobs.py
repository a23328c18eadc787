from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from native.child import Child, Raised
from native.jobs import ALICE, GROUP, USER, fifo, held, job_of

from hpcagent.sandbox import Sandbox

LISTED = "native.probes.jobs:listed"
PENDING, RUNNING, CANCELLED = 0, 1, 4
BASE = 0xFF
FLAG = 1 << 15  # JOB_COMPLETING

Jobs = list[dict[str, Any]]


@pytest.fixture(scope="module")
def quiet(sandbox: Sandbox) -> Iterator[Sandbox]:
    """A cluster whose queue nobody else changes (`sandbox` says why there is none)."""
    with Sandbox.up() as own:
        yield own


@pytest.fixture(scope="module")
def cluster(quiet: Sandbox) -> Iterator[Child]:
    with Child(quiet.env) as child:
        child.call("init", str(quiet.conf))
        yield child


@pytest.fixture(scope="module")
def jobs(cluster: Child, quiet: Sandbox) -> Jobs:
    """All jobs of the cluster, some of every sort, none of which changes any more."""
    started = fifo(quiet, USER)
    script = f"#!/bin/sh\necho > {started}\nexec sleep 600\n"
    variants: list[dict[str, Any]] = [
        job_of(USER, GROUP, array_inx="0-2%1", script=script, admin_comment="other"),
        held(),
        held(name="other", account="physics"),
        held(ALICE, ALICE, name="other", partition="debug,power", admin_comment="request-1"),
        held(ALICE, ALICE, account="chemistry", partition="short", admin_comment="request-12"),
        job_of(USER, GROUP, name="later", begin_time=2**31, partition="power,short"),
    ]
    ids = [cluster.call("submit_batch_job", members)["job_id"] for members in variants]
    started.read_text()
    cluster.call("kill_job2", f"{ids[1]}", 9)
    return sorted(cluster.call("load_jobs")["jobs"], key=key)


def key(job: dict[str, Any]) -> tuple[int, int]:
    return job["submit_time"], job["job_id"]


def meets(job: dict[str, Any], criteria: dict[str, Any]) -> bool:
    """The contract of JobFilter, in the words of its docstring."""

    def among(name: str, *values: object) -> bool:
        return criteria.get(name) is None or not set(criteria[name]).isdisjoint(values)

    comment = job["admin_comment"]
    states, flags = criteria.get("states"), criteria.get("state_flags", 0)
    return (
        among("job_ids", job["job_id"], job["array_job_id"] or None, job["het_job_id"] or None)
        and among("users", job["user_id"])
        and among("accounts", job["account"])
        and among("names", job["name"])
        and among("partitions", *job["partition"].split(","))
        and (
            (states is None and not flags)
            or job["job_state"] & BASE in (states or ())
            or bool(job["job_state"] & flags)
        )
        and criteria.get("admin_comment") in (None, comment)
        and (comment or "").startswith(criteria.get("admin_comment_prefix") or "")
        and (criteria.get("submit_from") or 0) <= job["submit_time"]
        and job["submit_time"] < (criteria.get("submit_until") or 2**40)
    )


def some_of(values: set[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(sorted(values)), unique=True, max_size=4)


def criteria_for(jobs: Jobs) -> st.SearchStrategy[dict[str, Any]]:
    """Criteria made of what is found in the queue, and a little of what is not."""
    times = st.sampled_from(sorted({job["submit_time"] for job in jobs}))
    return st.fixed_dictionaries(
        {},
        optional={
            "job_ids": some_of({job["job_id"] for job in jobs} | {999_999}),
            "users": some_of({USER, ALICE, 0}),
            "accounts": some_of({"physics", "chemistry", "phys"}),
            "partitions": some_of({"power", "debug", "short", "pow", "power,short"}),
            "names": some_of({"native", "other", "nat", "others"}),
            "states": some_of({PENDING, RUNNING, CANCELLED}),
            "state_flags": st.sampled_from([0, FLAG]),
            "admin_comment": st.sampled_from(["request-1", "request", ""]),
            "admin_comment_prefix": st.sampled_from(["request-1", "request", "requests", ""]),
            "submit_from": times,
            "submit_until": times,
        },
    )


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_filter_keeps_just_the_jobs_that_meet_it(
    cluster: Child, jobs: Jobs, data: st.DataObject
) -> None:
    criteria = data.draw(criteria_for(jobs))
    page = cluster.call(LISTED, criteria, members=["job_id"])
    wanted = [job["job_id"] for job in jobs if meets(job, criteria)]
    assert [job["job_id"] for job in page["jobs"]] == wanted
    assert page["matched"] == len(wanted)
    assert page["record_count"] == len(jobs)


@pytest.mark.parametrize("limit", [1, 4, 1000])
def test_pages_follow_each_other_without_a_gap_or_an_overlap(
    cluster: Child, jobs: Jobs, limit: int
) -> None:
    seen, after = [], None
    while True:
        page = cluster.call(LISTED, {}, members=["job_id"], after=after, limit=limit)
        seen += [job["job_id"] for job in page["jobs"]]
        after = page["next_after"]
        if after is None:
            break
        assert len(page["jobs"]) == limit
    assert seen == [job["job_id"] for job in jobs]


def test_a_page_after_the_last_job_is_empty(cluster: Child, jobs: Jobs) -> None:
    page = cluster.call(LISTED, {}, after=key(jobs[-1]))
    assert (page["jobs"], page["next_after"], page["matched"]) == ([], None, len(jobs))


def test_a_page_tells_how_fresh_it_is(cluster: Child, jobs: Jobs) -> None:
    page = cluster.call(LISTED, {}, limit=0)
    assert page["jobs"] == []
    assert page["last_update"] >= jobs[-1]["submit_time"]


def test_only_the_members_asked_for_are_read(cluster: Child, jobs: Jobs) -> None:
    page = cluster.call(LISTED, {}, members=["name", "job_id"], limit=1)
    assert page["jobs"] == [{"name": jobs[0]["name"], "job_id": jobs[0]["job_id"]}]


@pytest.mark.parametrize("function", [LISTED, "load_job", "load_job_user"])
def test_a_member_that_no_job_has_is_refused_by_name(cluster: Child, function: str) -> None:
    with pytest.raises(Raised, match="UnknownMemberError") as refused:
        cluster.call(function, {} if function == LISTED else 1, members=["job_id", "color"])
    assert refused.value.attributes["member"] == "color"


@pytest.mark.parametrize(
    ("criteria", "kind"),
    [
        ({"names": [None]}, "MemberTypeError"),
        ({"names": ["a\0b"]}, "MemberRangeError"),
        ({"job_ids": [-1]}, "OverflowError"),
        ({"job_ids": [2**32]}, "OverflowError"),
        ({"state_flags": 2**32}, "OverflowError"),
    ],
)
def test_a_criterion_that_c_cannot_hold_is_refused(
    cluster: Child, criteria: dict[str, object], kind: str
) -> None:
    with pytest.raises(Raised, match=kind):
        cluster.call(LISTED, criteria)


def test_a_users_jobs_are_only_theirs(cluster: Child, jobs: Jobs) -> None:
    page = cluster.call("load_job_user", ALICE, members=["job_id"])
    assert page["jobs"] == [{"job_id": job["job_id"]} for job in jobs if job["user_id"] == ALICE]


def test_an_array_is_one_record_and_one_for_each_task_split_off(cluster: Child, jobs: Jobs) -> None:
    array = next(job["array_job_id"] for job in jobs if job["array_job_id"])
    members = ["array_job_id", "array_task_id", "array_task_str", "job_state"]
    records = cluster.call("load_job", array, members=members)
    assert sorted(records, key=lambda record: record["job_state"]) == [
        dict(zip(members, (array, None, "1-2%1", PENDING), strict=True)),
        dict(zip(members, (array, 0, None, RUNNING), strict=True)),
    ]


def test_a_job_that_does_not_exist_has_slurms_code(cluster: Child) -> None:
    with pytest.raises(Raised) as refused:
        cluster.call("load_job", 999_999)
    assert refused.value.attributes["code"] == 2017  # ESLURM_INVALID_JOB_ID
