"""The agent's own view of a cluster: an account with the rights that docs/kubernetes/ ships."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from fix_kubernetes import Agent, Cluster, new_agent
from fix_task_daemon import CLUSTER, settings_for
from kubernetes_proxy import Proxy, proxy

from hpcagent import config
from hpcagent.jobs.identity import IdentityPolicy
from hpcagent.jobs.watch import MemoryLog
from hpcagent.k8s.client import ApiServer
from hpcagent.k8s.directories.making import Directories
from hpcagent.k8s.directories.owed import OwedFile
from hpcagent.k8s.directories.staging import Staging
from hpcagent.k8s.preparation import Preparer
from hpcagent.k8s.scheduler import KubernetesScheduler
from hpcagent.k8s.users import RequestUsers


@pytest.fixture
def agent(cluster: Cluster, namespace: str, tmp_path: Path) -> Agent:
    """The agent's account in a namespace of the test's own."""
    return new_agent(cluster, namespace, tmp_path)


@pytest.fixture
def server(agent: Agent) -> Iterator[ApiServer]:
    """The agent's client."""
    made = ApiServer("test", agent.access, pool=16, longest=30)
    yield made
    made.close()


@pytest.fixture
def faults(agent: Agent) -> Iterator[Proxy]:
    """What stands between the agent and the API server, and can break."""
    with proxy(agent.access) as made:
        yield made


@pytest.fixture
def faulty(agent: Agent, faults: Proxy) -> Iterator[ApiServer]:
    """The agent's client, through what can break."""
    made = ApiServer("test", faults.access(agent.access), pool=16, longest=30)
    yield made
    made.close()


@pytest.fixture
def backend(agent: Agent, faults: Proxy) -> Iterator[KubernetesScheduler]:
    """The backend, through what can break."""
    settings = msgspec.convert(settings_for(agent)["kubernetes"], config.Kubernetes)
    clusters = {CLUSTER: faults.access(agent.access)}
    settings = msgspec.structs.replace(settings, clusters=clusters)
    users = RequestUsers(IdentityPolicy())
    with (
        closing(OwedFile(None)) as owed,
        closing(Staging(Directories(()), owed)) as staging,
        closing(
            KubernetesScheduler(
                settings, Preparer(settings, users), staging, MemoryLog(), threads=4
            )
        ) as made,
    ):
        yield made


@pytest.fixture
def everywhere(agent: Agent) -> Iterator[None]:
    """The account has the rights in the whole cluster that are shipped."""
    with agent.rights_everywhere():
        yield
