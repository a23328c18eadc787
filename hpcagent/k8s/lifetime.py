"""The Kubernetes backend from its start to its end, and what is made for it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from hpcagent import config
from hpcagent.changelog import open_log
from hpcagent.jobs.identity import IdentityPolicy
from hpcagent.jobs.watch import ChangeLog, MemoryLog
from hpcagent.k8s.directories.making import Directories
from hpcagent.k8s.directories.owed import OwedFile
from hpcagent.k8s.directories.staging import Staging
from hpcagent.k8s.preparation import Preparer
from hpcagent.k8s.scheduler import KubernetesScheduler
from hpcagent.k8s.users import NssUsers, RequestUsers

MADE_DIRECTORIES = "kubernetes-directories.db"
"""The file of the state directory that has the directories of tasks that the agent made."""

CHANGES = "kubernetes-changes.db"
"""The file that has the changes of jobs, for watchers who come back."""


@contextmanager
def running(
    settings: config.Kubernetes, rules: config.Policy, threads: int, state: Path | None
) -> Iterator[KubernetesScheduler]:
    """Give the backend, for ``threads`` calls at once. No API server need be there.

    ``state`` is the directory of what outlives the daemon. Raises sqlite3.Error if a file in it
    cannot be used.
    """
    allowed = IdentityPolicy(rules.min_uid)
    users = NssUsers(allowed) if settings.users == "nss" else RequestUsers(allowed)
    with (
        closing(OwedFile(state / MADE_DIRECTORIES if state else None)) as owed,
        closing(users),
        closing(Staging(Directories(settings.work_dir_roots), owed)) as staging,
        _changes(state) as changes,
        closing(
            KubernetesScheduler(
                settings, Preparer(settings, users), staging, changes, threads=threads
            )
        ) as scheduler,
    ):
        scheduler.start()
        yield scheduler


@contextmanager
def _changes(state: Path | None) -> Iterator[ChangeLog]:
    if state is None:
        yield MemoryLog()
        return
    with closing(open_log(state / CHANGES)) as kept:
        yield kept
