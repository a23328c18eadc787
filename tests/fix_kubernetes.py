"""A real Kubernetes for tests: one control plane for the whole run, a namespace for each test.

``HPCAGENT_TEST_KUBECONFIG`` names a kubeconfig of a cluster to test on instead: an administrator's,
since tests make namespaces, quotas and roles. Tests that break the control plane start their own.
"""

import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tree
import yaml
from kubernetes import client, config

from hpcagent.config import ClusterAccess
from hpcagent.sandbox import ControlPlane, MissingPackagesError
from hpcagent.sandbox.controlplane.build import is_built

OWN_CLUSTER = "HPCAGENT_TEST_KUBECONFIG"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


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
        answer = self._answer(path, method, body, **query)
        text: bytes = answer.read()
        assert answer.status < 300, text
        return text

    def takes(self, method: str, path: str, body: object = None, **query: str) -> bool:
        """Try as an administrator; tells whether the API server does it."""
        answer = self._answer(path, method, body, **query)
        answer.read()
        return bool(answer.status < 300)

    def _answer(self, path: str, method: str, body: object, **query: str) -> Any:  # noqa: ANN401 - of the client
        content = "application/merge-patch+json" if method == "PATCH" else "application/json"
        request = self.admin.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params={"Accept": "application/json", "Content-Type": content},
            body=body,
            auth_settings=["BearerToken"],
        )
        return self.admin.call_api(*request, _request_timeout=30)


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


@dataclass(frozen=True)
class Agent:
    """An account with the agent's rights in one namespace."""

    cluster: Cluster
    namespace: str
    access: ClusterAccess
    """Reaches the cluster with a token in a file."""

    def new_token(self, seconds: int = 3600) -> str:
        """A token of the account, which is good for so long; ten minutes at least."""
        path = f"/api/v1/namespaces/{self.namespace}/serviceaccounts/hpcagent/token"
        body = {"spec": {"expirationSeconds": seconds}}
        return str(self.cluster.call("POST", path, body)["status"]["token"])

    def quota(self, hard: dict[str, str]) -> None:
        """Limit the namespace, and wait until the API server counts."""
        path = f"/api/v1/namespaces/{self.namespace}/resourcequotas"
        self.cluster.call("POST", path, {"metadata": {"name": "test"}, "spec": {"hard": hard}})
        deadline = time.monotonic() + 30
        while "used" not in self.cluster.call("GET", f"{path}/test").get("status", {}):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def lift_quota(self) -> None:
        """Limit the namespace no more."""
        path = f"/api/v1/namespaces/{self.namespace}/resourcequotas/test"
        self.cluster.call("DELETE", path)

    @property
    def admin_access(self) -> ClusterAccess:
        """How an administrator reaches the cluster."""
        return ClusterAccess(kubeconfig=str(self.cluster.kubeconfig))

    @contextmanager
    def admission_policy(self, expression: str, message: str) -> Iterator[None]:
        """Have the API server refuse Deployments of the namespace unless an expression holds."""
        api = "/apis/admissionregistration.k8s.io/v1"
        kinds = ("validatingadmissionpolicies", "validatingadmissionpolicybindings")
        name = self.namespace
        rule = {
            "apiGroups": ["apps"],
            "apiVersions": ["v1"],
            "resources": ["deployments"],
            "operations": ["CREATE"],
        }
        chosen = {"matchLabels": {"kubernetes.io/metadata.name": name}}
        policy = {
            "matchConstraints": {"resourceRules": [rule], "namespaceSelector": chosen},
            "validations": [{"expression": expression, "message": message}],
        }
        binding = {"policyName": name, "validationActions": ["Deny"]}
        for kind, spec in zip(kinds, (policy, binding), strict=True):
            self.cluster.call("POST", f"{api}/{kind}", {"metadata": {"name": name}, "spec": spec})
        self._until_refused()
        yield
        for kind in kinds:
            self.cluster.call("DELETE", f"{api}/{kind}/{name}")

    @contextmanager
    def rights_everywhere(self) -> Iterator[None]:
        """Give the account the rights in the whole cluster that are shipped."""
        name = self.namespace
        role = yaml.safe_load(tree.text("docs/kubernetes/cluster-role.yaml"))
        role["metadata"]["name"] = name
        subject = {"kind": "ServiceAccount", "name": "hpcagent", "namespace": name}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
        binding = {"metadata": {"name": name}, "subjects": [subject], "roleRef": reference}
        self.cluster.call("POST", f"{RBAC}/clusterroles", role)
        self.cluster.call("POST", f"{RBAC}/clusterrolebindings", binding)
        yield
        for kind in ("clusterrolebindings", "clusterroles"):
            self.cluster.call("DELETE", f"{RBAC}/{kind}/{name}")

    def _until_refused(self) -> None:
        """Wait until the policy is in force, which the API server does not tell."""
        path = f"/apis/apps/v1/namespaces/{self.namespace}/deployments"
        labels = {"probe": "probe"}
        container = {"name": "main", "image": "registry.example/probe:1"}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
        spec = {"replicas": 99, "selector": {"matchLabels": labels}, "template": template}
        body = {"metadata": {"name": "probe"}, "spec": spec}
        deadline = time.monotonic() + 30
        while self.cluster.takes("POST", path, body, dryRun="All"):
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def write_token(self, token: str) -> None:
        """Put a token where the agent reads it."""
        Path(self.access.token_file).write_text(token)


def new_agent(cluster: Cluster, namespace: str, directory: Path) -> Agent:
    """Make a service account with the Role that is shipped, and a file with its token."""
    account = {"metadata": {"name": "hpcagent"}}
    cluster.call("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", account)
    role = yaml.safe_load(tree.text("docs/kubernetes/role.yaml"))
    rbac = f"{RBAC}/namespaces/{namespace}"
    cluster.call("POST", f"{rbac}/roles", role)
    subject = {"kind": "ServiceAccount", "name": "hpcagent", "namespace": namespace}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "hpcagent"}
    binding = {"metadata": {"name": "hpcagent"}, "subjects": [subject], "roleRef": reference}
    cluster.call("POST", f"{rbac}/rolebindings", binding)
    _until_allowed(cluster, namespace)
    settings = cluster.admin.configuration
    access = ClusterAccess(
        server=settings.host,
        ca_file=str(settings.ssl_ca_cert or ""),
        token_file=str(directory / "token"),
    )
    made = Agent(cluster, namespace, access)
    made.write_token(made.new_token())
    return made


def _until_allowed(cluster: Cluster, namespace: str) -> None:
    """Wait until the API server, which follows roles and their bindings, has come to these."""
    asked = {"namespace": namespace, "verb": "create", "group": "apps", "resource": "deployments"}
    user = f"system:serviceaccount:{namespace}:hpcagent"
    review = {"spec": {"user": user, "resourceAttributes": asked}}
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    deadline = time.monotonic() + 30
    while not cluster.call("POST", path, review)["status"]["allowed"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


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
