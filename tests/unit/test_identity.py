"""Who a job belongs to: the whole table of what a request can claim and what NSS can know."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcagent.jobs.errors import Forbidden, InvalidRequest
from hpcagent.jobs.identity import (
    MAX_ID,
    Claim,
    Facts,
    Group,
    Identity,
    IdentityPolicy,
    User,
    settle,
)

JIANGLI = User(1870, "jiangli", 1884)
ALICE = User(2001, "alice", 2001)
ROOT = User(0, "root", 0)
DAEMON = User(999, "slurm", 999)
OWN, HPC, OTHER = Group(1884, "nscc-gz"), Group(2100, "hpc"), Group(2200, "other")
POLICY = IdentityPolicy(min_uid=1000)

ME = Identity(1870, 1884, "jiangli", "nscc-gz", (1884, 2100))
AS_HPC = replace(ME, gid=2100, group="hpc")
MINE = Facts(primary=OWN, groups=(1884, 2100))

SETTLED = {
    "uid": (Claim(1870), replace(MINE, by_uid=JIANGLI), ME),
    "name": (Claim(user="jiangli"), replace(MINE, by_name=JIANGLI), ME),
    "uid and name": (
        Claim(1870, "jiangli"), replace(MINE, by_uid=JIANGLI, by_name=JIANGLI), ME,
    ),
    "uid and gid": (
        Claim(1870, group_id=1884), replace(MINE, by_uid=JIANGLI, by_gid=OWN), ME,
    ),
    "all four": (
        Claim(1870, "jiangli", 1884, "nscc-gz"),
        replace(MINE, by_uid=JIANGLI, by_name=JIANGLI, by_gid=OWN, by_group=OWN),
        ME,
    ),
    "names": (
        Claim(user="jiangli", group="hpc"), replace(MINE, by_name=JIANGLI, by_group=HPC), AS_HPC,
    ),
    "supplementary gid": (
        Claim(1870, group_id=2100), replace(MINE, by_uid=JIANGLI, by_gid=HPC), AS_HPC,
    ),
    "primary group without a name": (
        Claim(1870),
        Facts(by_uid=JIANGLI, groups=(1884,)),
        Identity(1870, 1884, "jiangli", "", (1884,)),
    ),
    "supplementary gid without a name": (
        Claim(1870, group_id=2100),
        replace(MINE, by_uid=JIANGLI),
        replace(AS_HPC, group=""),
    ),
    "two names of one uid": (
        Claim(1870, "alias"),
        replace(MINE, by_uid=JIANGLI, by_name=replace(JIANGLI, name="alias")),
        ME,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("claim", "facts", "identity"), SETTLED.values(), ids=SETTLED)
def test_a_claim_that_fits_is_settled(claim: Claim, facts: Facts, identity: Identity) -> None:
    assert settle(claim, facts, POLICY) == identity


REFUSED: dict[str, tuple[Claim, Facts, list[tuple[str, str]]]] = {
    "nobody": (Claim(), Facts(), [("user_id", "USER_REQUIRED")]),
    "only a group": (
        Claim(group_id=2100), Facts(by_gid=HPC), [("user_id", "USER_REQUIRED")],
    ),
    "unknown uid": (Claim(7777), Facts(), [("user_id", "USER_UNKNOWN")]),
    "unknown name": (Claim(user="nemo"), Facts(), [("user", "USER_UNKNOWN")]),
    "both unknown": (
        Claim(7777, "nemo"), Facts(), [("user_id", "USER_UNKNOWN"), ("user", "USER_UNKNOWN")],
    ),
    "unknown uid of a known name": (
        Claim(7777, "jiangli"), replace(MINE, by_name=JIANGLI), [("user_id", "USER_UNKNOWN")],
    ),
    "unknown name of a known uid": (
        Claim(1870, "nemo"), replace(MINE, by_uid=JIANGLI), [("user", "USER_UNKNOWN")],
    ),
    "uid and name of two users": (
        Claim(1870, "alice"),
        replace(MINE, by_uid=JIANGLI, by_name=ALICE),
        [("user", "USER_MISMATCH")],
    ),
    "unknown group": (
        Claim(1870, group="nope"), replace(MINE, by_uid=JIANGLI), [("group", "GROUP_UNKNOWN")],
    ),
    "gid and group of two groups": (
        Claim(1870, group_id=1884, group="hpc"),
        replace(MINE, by_uid=JIANGLI, by_gid=OWN, by_group=HPC),
        [("group", "GROUP_MISMATCH")],
    ),
    "gid of another group": (
        Claim(1870, group_id=2200),
        replace(MINE, by_uid=JIANGLI, by_gid=OTHER),
        [("group_id", "GROUP_NOT_A_MEMBER")],
    ),
    "name of another group": (
        Claim(1870, group="other"),
        replace(MINE, by_uid=JIANGLI, by_group=OTHER),
        [("group", "GROUP_NOT_A_MEMBER")],
    ),
    "root's group": (
        Claim(1870, group_id=0),
        replace(MINE, by_uid=JIANGLI, by_gid=Group(0, "root")),
        [("group_id", "GROUP_NOT_A_MEMBER")],
    ),
    "everything wrong": (
        Claim(7777, "nemo", 1, "nope"),
        Facts(),
        [("user_id", "USER_UNKNOWN"), ("user", "USER_UNKNOWN"), ("group", "GROUP_UNKNOWN")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("claim", "facts", "expected"), REFUSED.values(), ids=REFUSED)
def test_a_claim_that_does_not_fit_is_refused_with_every_fault(
    claim: Claim, facts: Facts, expected: list[tuple[str, str]]
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        settle(claim, facts, POLICY)
    assert [(fault.field, fault.reason) for fault in refused.value.violations] == expected


@pytest.mark.parametrize(
    ("claim", "user", "min_uid", "field"),
    [
        (Claim(0), ROOT, 1000, "user_id"),
        (Claim(0), ROOT, 0, "user_id"),
        (Claim(user="root"), ROOT, 0, "user"),
        (Claim(user="toor"), User(0, "toor", 100), 0, "user"),
        (Claim(999), DAEMON, 1000, "user_id"),
        (Claim(1999), User(1999, "u", 1), 2000, "user_id"),
        (Claim(MAX_ID + 1), User(MAX_ID + 1, "nfsnobody", 1), 1000, "user_id"),
    ],
)
def test_an_account_that_is_not_served_is_forbidden(
    claim: Claim, user: User, min_uid: int, field: str
) -> None:
    facts = Facts(
        by_uid=None if claim.user_id is None else user,
        by_name=user if claim.user else None,
        groups=(user.gid,),
    )
    with pytest.raises(Forbidden) as refused:
        settle(claim, facts, IdentityPolicy(min_uid))
    assert refused.value.reason == "USER_NOT_SERVED"
    assert [violation.field for violation in refused.value.violations] == [field]


def test_the_least_uid_that_is_served_is_served() -> None:
    user = User(1000, "u", 1000)
    assert settle(Claim(1000), Facts(by_uid=user, groups=(1000,)), POLICY).uid == 1000


users = st.builds(User, st.integers(0, 3), st.sampled_from("ab"), st.integers(0, 3))
groups = st.builds(Group, st.integers(0, 3), st.sampled_from("gh"))
numbers = st.none() | st.integers(0, 3)


@given(data=st.data())
def test_whoever_is_settled_on_is_who_was_claimed_and_in_that_group(data: st.DataObject) -> None:
    """With facts as NSS gives them, and policies of any kind."""
    accounts, known = data.draw(st.lists(users)), data.draw(st.lists(groups))
    claim = data.draw(
        st.builds(Claim, numbers, st.sampled_from(["", "a", "b"]), numbers,
                  st.sampled_from(["", "g", "h"]))
    )  # fmt: skip
    by_uid = next((u for u in accounts if u.uid == claim.user_id), None)
    by_name = next((u for u in accounts if u.name == claim.user), None)
    user = by_uid or by_name
    facts = Facts(
        by_uid=by_uid,
        by_name=by_name,
        by_gid=next((g for g in known if g.gid == claim.group_id), None),
        by_group=next((g for g in known if g.name == claim.group), None),
        primary=next((g for g in known if user and g.gid == user.gid), None),
        groups=(user.gid, *data.draw(st.lists(st.integers(0, 3)))) if user else (),
    )
    policy = IdentityPolicy(data.draw(st.integers(0, 2)))
    try:
        identity = settle(claim, facts, policy)
    except (InvalidRequest, Forbidden):
        return
    assert identity.uid >= max(1, policy.min_uid)
    assert claim.user_id in {None, identity.uid}
    assert claim.group_id in {None, identity.gid}
    assert identity.gid in facts.groups
    assert not claim.user or by_name is not None
    assert identity.group in {"", *(group.name for group in known if group.gid == identity.gid)}
