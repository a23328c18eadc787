"""The Kubernetes backend from its start to its end, and what is made for it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from hpcagent import config
from hpcagent.jobs.identity import IdentityPolicy
from hpcagent.jobs.watch import ChangeLog
from hpcagent.k8s.directories.making import Directories
from hpcagent.k8s.directories.owed import OwedFile
from hpcagent.k8s.directories.staging import Staging
from hpcagent.k8s.preparation import Preparer
from hpcagent.k8s.scheduler import KubernetesScheduler
from hpcagent.k8s.users import NssUsers, RequestUsers

MADE_DIRECTORIES = "kubernetes-directories.db"
"""The file of the state directory that has the directories of tasks that the agent made."""


@contextmanager
def running(
    settings: config.Kubernetes,
    rules: config.Policy,
    threads: int,
    changes: ChangeLog,
    state: Path | None,
) -> Iterator[KubernetesScheduler]:
    """Give the backend, for ``threads`` calls at once. No API server need be there.

    ``changes`` is for watchers who come back, ``state`` the directory of what else outlives the
    daemon. Raises sqlite3.Error if a file in it cannot be used.
    """
    allowed = IdentityPolicy(rules.min_uid)
    users = NssUsers(allowed) if settings.users == "nss" else RequestUsers(allowed)
    with (
        closing(OwedFile(state / MADE_DIRECTORIES if state else None)) as owed,
        closing(users),
        closing(Staging(Directories(settings.work_dir_roots), owed)) as staging,
        closing(
            KubernetesScheduler(
                settings, Preparer(settings, users), staging, changes, threads=threads
            )
        ) as scheduler,
    ):
        scheduler.start()
        yield scheduler
