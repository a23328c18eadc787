"""The Kubernetes backend from its start to its end, and what is made for it."""

from collections.abc import Iterator
from contextlib import contextmanager

from hpcagent import config
from hpcagent.jobs.identity import IdentityPolicy
from hpcagent.k8s.preparation import Preparer
from hpcagent.k8s.scheduler import KubernetesScheduler
from hpcagent.k8s.users import NssUsers, RequestUsers


@contextmanager
def running(
    settings: config.Kubernetes, rules: config.Policy, threads: int
) -> Iterator[KubernetesScheduler]:
    """Give the backend, for ``threads`` calls at once. No API server need be there."""
    allowed = IdentityPolicy(rules.min_uid)
    users = NssUsers(allowed) if settings.users == "nss" else RequestUsers(allowed)
    scheduler = KubernetesScheduler(settings, Preparer(settings, users), threads=threads)
    scheduler.start()
    try:
        yield scheduler
    finally:
        scheduler.close()
        users.close()
