"""A real Kubernetes for tests: one control plane for the whole run, a namespace for each test.

``HPCAGENT_TEST_KUBECONFIG`` names a kubeconfig of a cluster to test on instead: an administrator's,
since tests make namespaces, quotas and roles. Tests that break the control plane start their own.
"""

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config

from hpcagent.sandbox import ControlPlane, MissingPackagesError
from hpcagent.sandbox.controlplane.build import is_built

OWN_CLUSTER = "HPCAGENT_TEST_KUBECONFIG"


@dataclass(frozen=True)
class Cluster:
    """A cluster for tests, and an administrator's client of it."""

    kubeconfig: Path
    admin: client.ApiClient

    def call(self, method: str, path: str, body: object = None, **query: str) -> Any:  # noqa: ANN401 - JSON
        """Do as an administrator; returns the object that is answered."""
        return json.loads(self.read(path, method, body, **query))

    def read(self, path: str, method: str = "GET", body: object = None, **query: str) -> bytes:
        """Do as an administrator; returns what is answered."""
        content = "application/merge-patch+json" if method == "PATCH" else "application/json"
        request = self.admin.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params={"Accept": "application/json", "Content-Type": content},
            body=body,
            auth_settings=["BearerToken"],
        )
        answer = self.admin.call_api(*request, _request_timeout=30)
        text: bytes = answer.read()
        assert answer.status < 300, text
        return text


def client_of(kubeconfig: Path) -> client.ApiClient:
    """A client of what a kubeconfig names."""
    settings = client.Configuration()
    config.load_kube_config(str(kubeconfig), client_configuration=settings)
    return client.ApiClient(settings)


def up_or_skip() -> ControlPlane:
    """Start a control plane, or tell why that cannot be done here."""
    if shutil.which("go") is not None and not is_built():  # takes longer than a test may
        pytest.skip("Kubernetes is not built here; `make control-plane` does it")
    try:
        return ControlPlane.up()
    except MissingPackagesError as missing:
        pytest.skip(str(missing))


@contextmanager
def shared(directory: Path) -> Iterator[Path]:
    """The kubeconfig of a control plane that all workers of a run have in common.

    The first that needs it starts it, the last that has done with it takes it down.
    """
    users = directory / "control-plane-users"
    with _locked(directory):
        known = json.loads(users.read_text()) if users.exists() else {"pids": []}
        if not known["pids"]:
            known["directory"] = str(up_or_skip().directory)
        known["pids"].append(os.getpid())
        users.write_text(json.dumps(known))
    plane = ControlPlane.open(known["directory"])
    try:
        yield plane.kubeconfig
    finally:
        with _locked(directory):
            known = json.loads(users.read_text())
            known["pids"].remove(os.getpid())
            users.write_text(json.dumps(known))
            if not any(Path(f"/proc/{pid}").exists() for pid in known["pids"]):
                plane.down()


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    with (directory / "control-plane-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An administrator's kubeconfig of the cluster to test on."""
    if own := os.environ.get(OWN_CLUSTER):
        yield Path(own)
        return
    base = tmp_path_factory.getbasetemp()
    with shared(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) as path:
        yield path


@pytest.fixture(scope="session")
def cluster(kubeconfig: Path) -> Iterator[Cluster]:
    """A cluster for tests that leave its control plane alone."""
    with client_of(kubeconfig) as admin:
        yield Cluster(kubeconfig, admin)


@pytest.fixture
def private_control_plane() -> Iterator[ControlPlane]:
    """A control plane for one test, which may stop, freeze and kill what it likes."""
    with up_or_skip() as private:
        yield private


@contextmanager
def new_namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace that nobody else has."""
    name = f"test-{secrets.token_hex(4)}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    cluster.call("POST", "/api/v1/namespaces", body)
    yield name
    cluster.call("DELETE", f"/api/v1/namespaces/{name}")


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace for one test."""
    with new_namespace(cluster) as name:
        yield name
