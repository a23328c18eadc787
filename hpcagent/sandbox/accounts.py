"""The users and groups of a sandbox, which exist in files of its own only.

Debian's libnss-wrapper, preloaded into the daemons and the clients, answers getpwnam(3) and its
kin from these files, so that nothing is added to the machine's accounts.
"""

import grp
import os
import pwd
from dataclasses import dataclass

from hpcagent.sandbox.layout import Layout


@dataclass(frozen=True, slots=True)
class User:
    """A line of passwd(5)."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str = "/bin/bash"

    def passwd_line(self) -> str:
        """As passwd(5) has it; with ``*``, no password, su(1) does not look for a shadow entry."""
        return f"{self.name}:*:{self.uid}:{self.gid}:{self.name}:{self.home}:{self.shell}"

    def login_environment(self) -> dict[str, str]:
        """What a login gives this user."""
        names = {"USER": self.name, "LOGNAME": self.name}
        path = "/usr/local/bin:/usr/bin:/bin"
        return {"HOME": self.home, **names, "SHELL": self.shell, "PATH": path}


@dataclass(frozen=True, slots=True)
class Group:
    """A line of group(5)."""

    name: str
    gid: int
    members: tuple[str, ...] = ()

    def group_line(self) -> str:
        """As group(5) has it."""
        return f"{self.name}:x:{self.gid}:{','.join(self.members)}"


NOBODY = 65534
"""Linux's overflow uid and gid, Debian's nobody and nogroup."""

SHARED_GROUP = Group("hpc", 2100, ("alice", "bob"))
"""A supplementary group, the only one that may use the partition ``restricted``."""

_PEOPLE = (("nscc-gz_jiangli", 1870, 1884), ("alice", 2001, 2001), ("bob", 2002, 2002))
_GROUPS = (
    Group("nscc-gz", 1884),
    Group("alice", 2001),
    Group("bob", 2002),
    SHARED_GROUP,
)


def people(layout: Layout) -> tuple[User, ...]:
    """The users of a sandbox who are not this machine's, with homes in the sandbox."""
    return tuple(User(name, uid, gid, f"{layout.home}/{name}") for name, uid, gid in _PEOPLE)


def all_users(layout: Layout) -> tuple[User, ...]:
    """Every user of a sandbox; where names or numbers meet, the calling user is the one kept."""
    users: list[User] = []
    nobody = User("nobody", NOBODY, NOBODY, "/", "/usr/sbin/nologin")
    for user in (User("root", 0, 0, "/root"), caller(), *people(layout), nobody):
        if all(user.uid != other.uid and user.name != other.name for other in users):
            users.append(user)
    return tuple(users)


def all_groups() -> tuple[Group, ...]:
    """Every group of a sandbox, those of the calling user among them."""
    groups: list[Group] = []
    callers = (Group(_group_name(gid), gid) for gid in (os.getgid(), *os.getgroups()))
    for group in (Group("root", 0), *callers, *_GROUPS, Group("nogroup", NOBODY)):
        if all(group.gid != other.gid and group.name != other.name for other in groups):
            groups.append(group)
    return tuple(groups)


def environment(layout: Layout, nss_wrapper: str) -> dict[str, str]:
    """What makes these users and groups, and the name of this machine, known to a process."""
    return {
        "LD_PRELOAD": nss_wrapper,
        "NSS_WRAPPER_PASSWD": str(layout.passwd),
        "NSS_WRAPPER_GROUP": str(layout.group),
        "NSS_WRAPPER_HOSTS": str(layout.hosts),
    }


def caller() -> User:
    """Whoever runs this process; the daemons run as that user, too."""
    uid = os.getuid()
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:  # a container's uid without a name: Slurm needs one
        return User(f"user{uid}", uid, os.getgid(), "/")
    return User(entry.pw_name, uid, entry.pw_gid, entry.pw_dir, entry.pw_shell)


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return f"group{gid}"
