"""The agent's own view of a cluster: an account with the rights that docs/kubernetes/ ships."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fix_kubernetes import Agent, Cluster, new_agent
from kubernetes_proxy import Proxy, proxy

from hpcagent.k8s.client import ApiServer


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
