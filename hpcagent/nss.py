"""What the host's name services (passwd, LDAP, SSSD...) know of users and groups.

A name service may hang for as long as its server does. So this is called where a call can be
abandoned at its deadline, in a worker process, and never in the process that serves gRPC.
"""

import grp
import os
import pwd
from dataclasses import replace
from typing import TypeVar

from hpcagent.jobs.identity import Claim, Facts, Group, User

_Entry = TypeVar("_Entry", User, Group)


def look_up(claim: Claim) -> Facts:
    """Ask NSS for everything that is needed to decide who a claim means."""
    by_uid = None if claim.user_id is None else _user_by_uid(claim.user_id)
    by_name = _user_by_name(claim.user) if claim.user else None
    user = by_uid or by_name
    return Facts(
        by_uid=_shown(by_uid),
        by_name=_shown(by_name),
        by_gid=None if claim.group_id is None else _shown(_group_by_gid(claim.group_id)),
        by_group=_shown(_group_by_name(claim.group)) if claim.group else None,
        primary=_shown(_group_by_gid(user.gid)) if user else None,
        groups=_groups(user) if user else (),
    )


def _groups(user: User) -> tuple[int, ...]:
    try:
        return tuple(os.getgrouplist(user.name, user.gid))
    except UnicodeEncodeError:  # Python cannot ask for a name that is not UTF-8
        return (user.gid,)


def user_names(uids: list[int]) -> dict[int, str]:
    """Return the names of those uids that have one."""
    return {uid: user.name for uid in uids if (user := _shown(_user_by_uid(uid)))}


def group_names(gids: list[int]) -> dict[int, str]:
    """Return the names of those gids that have one."""
    return {gid: group.name for gid in gids if (group := _shown(_group_by_gid(gid)))}


def _shown(entry: _Entry | None) -> _Entry | None:
    """Make the bytes of a name that are not UTF-8 visible, as `_slurm` does: it will be sent."""
    if entry is None:
        return None
    name = entry.name.encode(errors="surrogateescape").decode(errors="backslashreplace")
    return replace(entry, name=name)


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
    # A home whose bytes are no UTF-8 cannot be named to Kubernetes, nor sent to whoever asked; and
    # one that is relative is nowhere.
    usable = entry.pw_dir.startswith("/") and entry.pw_dir.isprintable()
    return User(entry.pw_uid, entry.pw_name, entry.pw_gid, entry.pw_dir if usable else "")


def _group(entry: grp.struct_group) -> Group:
    return Group(entry.gr_gid, entry.gr_name)
