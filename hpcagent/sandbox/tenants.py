"""The accounts, users and QOS of a sandbox with accounting, and what they may use.

Each limit is there to be met: by one job more than it allows, or by a job that is too large. What
is refused at once (DenyOnLimit, numbers of submitted jobs) and what only waits (everything else)
are both there.
"""

from collections.abc import Iterator, Mapping

CLUSTER = "sandbox"

QOS: Mapping[str, tuple[str, ...]] = {
    "low": ("Priority=1", "PreemptMode=requeue"),
    "high": ("Priority=1000", "Preempt=low"),
    "short": ("MaxWall=00:10:00", "Flags=DenyOnLimit"),
    "tiny": ("MaxSubmitJobsPerUser=1", "MaxTRESPerUser=cpu=2"),
}
"""Beside ``normal``, which Slurm makes itself; with sacctmgr(1)'s words for what each allows."""

ACCOUNTS: Mapping[str, tuple[str, ...]] = {
    "physics": ("GrpTRES=cpu=12",),
    "chemistry": (),
}

USERS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("alice", "physics"): ("QOS=normal,low,high,short,tiny", "DefaultQOS=normal"),
    ("bob", "chemistry"): (
        "QOS=normal,low",
        "DefaultQOS=normal",
        "MaxJobs=1",
        "MaxSubmitJobs=3",
        "MaxWall=01:00:00",
    ),
    ("nscc-gz_jiangli", "physics"): ("QOS=normal", "DefaultQOS=normal"),
    ("alice", "chemistry"): ("QOS=normal", "DefaultQOS=normal", "Fairshare=7"),
}
"""By user and account; a user's first account is the default. Others have no right to any."""


def commands(cluster: str) -> Iterator[tuple[str, ...]]:
    """What to tell sacctmgr(1) about a new cluster, in this order."""
    yield ("add", "cluster", cluster)
    for name, limits in QOS.items():
        yield ("add", "qos", name, *limits)
    for name, limits in ACCOUNTS.items():
        yield ("add", "account", name, f"Cluster={cluster}", f"Description={name}", *limits)
    for (user, account), limits in USERS.items():
        yield ("add", "user", user, f"Cluster={cluster}", f"Account={account}", *limits)
