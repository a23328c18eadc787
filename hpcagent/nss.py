"""What the host's name services (passwd, LDAP, SSSD...) know of users and groups.

A name service may hang for as long as its server does. So this is called where a call can be
abandoned at its deadline, in a worker process, and never in the process that serves gRPC.
"""

import grp
import os
import pwd

from hpcagent.jobs.identity import Claim, Facts, Group, User


def look_up(claim: Claim) -> Facts:
    """Ask NSS for everything that is needed to decide who a claim means."""
    by_uid = None if claim.user_id is None else _user_by_uid(claim.user_id)
    by_name = _user_by_name(claim.user) if claim.user else None
    user = by_uid or by_name
    return Facts(
        by_uid=by_uid,
        by_name=by_name,
        by_gid=None if claim.group_id is None else _group_by_gid(claim.group_id),
        by_group=_group_by_name(claim.group) if claim.group else None,
        primary=_group_by_gid(user.gid) if user else None,
        groups=tuple(os.getgrouplist(user.name, user.gid)) if user else (),
    )


def user_names(uids: list[int]) -> dict[int, str]:
    """Return the names of those uids that have one."""
    return {uid: user.name for uid in uids if (user := _user_by_uid(uid))}


def group_names(gids: list[int]) -> dict[int, str]:
    """Return the names of those gids that have one."""
    return {gid: group.name for gid in gids if (group := _group_by_gid(gid))}


def _user_by_uid(uid: int) -> User | None:
    try:
        return _user(pwd.getpwuid(uid))
    except (KeyError, OverflowError):
        return None


def _user_by_name(name: str) -> User | None:
    try:
        return _user(pwd.getpwnam(name))
    except (KeyError, ValueError):  # ValueError: a NUL or a lone surrogate in the name
        return None


def _group_by_gid(gid: int) -> Group | None:
    try:
        return _group(grp.getgrgid(gid))
    except (KeyError, OverflowError):
        return None


def _group_by_name(name: str) -> Group | None:
    try:
        return _group(grp.getgrnam(name))
    except (KeyError, ValueError):
        return None


def _user(entry: pwd.struct_passwd) -> User:
    return User(entry.pw_uid, entry.pw_name, entry.pw_gid)


def _group(entry: grp.struct_group) -> Group:
    return Group(entry.gr_gid, entry.gr_name)
