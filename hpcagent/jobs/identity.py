"""Who a job belongs to, and whom the agent may act for.

slurmctld trusts a privileged submitter with any uid and gid, so this is where "any" ends. A number
and a name must mean the same account, the group must be one of the user's, and uid 0 and the
system's accounts are refused whatever the request says. What NSS knows comes from
``hpcagent.nss``; the decisions here are pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from hpcagent.jobs.errors import Forbidden, InvalidRequest, Violation

MAX_ID = 0xFFFFFFFD
"""Largest uid or gid: 0xffffffff is "unchanged" to the kernel, 0xfffffffe Slurm's NO_VAL."""


@dataclass(frozen=True, slots=True)
class Claim:
    """User and group as a request names them: by number, by name, or both."""

    user_id: int | None = None
    user: str = ""
    group_id: int | None = None
    group: str = ""


@dataclass(frozen=True, slots=True)
class User:
    """An account as NSS has it."""

    uid: int
    name: str
    gid: int
    home: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A group as NSS has it."""

    gid: int
    name: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What NSS knows of a claim; None where it knows nothing or was not asked."""

    by_uid: User | None = None
    by_name: User | None = None
    by_gid: Group | None = None
    by_group: Group | None = None
    primary: Group | None = None
    groups: tuple[int, ...] = ()
    """All gids of the user, the primary one included."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The user and group that a job runs as."""

    uid: int
    gid: int
    user: str
    group: str
    groups: tuple[int, ...]
    home: str = ""


@dataclass(frozen=True, slots=True)
class IdentityPolicy:
    """Whom the agent acts for."""

    min_uid: int = 1000
    """Smallest uid served. 0 is refused even where this is 0."""


def settle(claim: Claim, facts: Facts, policy: IdentityPolicy) -> Identity:
    """Decide who is meant.

    Raises InvalidRequest with every unknown name and disagreement, Forbidden for an account that
    the policy does not serve.
    """
    faults = [*_user_faults(claim, facts), *_group_faults(claim, facts)]
    user = facts.by_uid or facts.by_name
    if faults or user is None:
        raise InvalidRequest(faults)
    _allow(user, claim, policy)
    named = facts.by_gid or facts.by_group
    gid = claim.group_id if claim.group_id is not None else named.gid if named else user.gid
    if named is None and facts.primary and facts.primary.gid == gid:
        named = facts.primary
    group = named.name if named else ""
    return Identity(user.uid, gid, user.name, group, facts.groups, user.home)


def _user_faults(claim: Claim, facts: Facts) -> Iterator[Violation]:
    if claim.user_id is None and not claim.user:
        yield Violation("user_id", "give user_id, user, or both", "USER_REQUIRED")
    if claim.user_id is not None and facts.by_uid is None:
        said = f"uid {claim.user_id} is unknown on the agent's host"
        yield Violation("user_id", said, "USER_UNKNOWN")
    if claim.user and facts.by_name is None:
        said = f"user {claim.user!r} is unknown on the agent's host"
        yield Violation("user", said, "USER_UNKNOWN")
    if facts.by_uid and facts.by_name and facts.by_uid.uid != facts.by_name.uid:
        said = f"user {claim.user!r} has uid {facts.by_name.uid}, but user_id is {claim.user_id}"
        yield Violation("user", said, "USER_MISMATCH")


def _group_faults(claim: Claim, facts: Facts) -> Iterator[Violation]:
    user = facts.by_uid or facts.by_name
    if claim.group and facts.by_group is None:
        said = f"group {claim.group!r} is unknown on the agent's host"
        yield Violation("group", said, "GROUP_UNKNOWN")
    elif facts.by_group and claim.group_id not in {None, facts.by_group.gid}:
        said = f"group {claim.group!r} has gid {facts.by_group.gid}, not {claim.group_id}"
        yield Violation("group", said, "GROUP_MISMATCH")
    if user is None:
        return
    for field, gid in (
        ("group_id", claim.group_id),
        ("group", facts.by_group.gid if facts.by_group else None),
    ):
        if gid is not None and gid not in facts.groups:
            said = f"user {user.name!r} is not a member of group {gid}"
            yield Violation(field, said, "GROUP_NOT_A_MEMBER")


def _allow(user: User, claim: Claim, policy: IdentityPolicy) -> None:
    least = max(1, policy.min_uid)
    if least <= user.uid <= MAX_ID:
        return
    field = "user_id" if claim.user_id is not None else "user"
    said = f"the agent does not act for uid {user.uid}: it serves {least} to {MAX_ID}"
    raise Forbidden(
        said, reason="USER_NOT_SERVED", violations=[Violation(field, said, "USER_NOT_SERVED")]
    )
