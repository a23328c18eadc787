"""``hpcagent sandbox up --kubernetes``: Kubernetes' own control plane, nodes that run commands."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from fix_daemon import hpcagent
from fix_kubernetes import OWN_CLUSTER, Cluster

from hpcagent.sandbox import ControlPlane

pytestmark = pytest.mark.skipif(OWN_CLUSTER in os.environ, reason="judges the sandbox's own nodes")

Object: TypeAlias = dict[str, Any]
PATIENCE = 60.0


def pod(script: str, **spec: object) -> Object:
    """A pod that runs a shell script once."""
    image = spec.pop("image", "busybox")
    container = {"name": "main", "image": image, "command": ["/bin/sh", "-c", script]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "one"},
        "spec": {"restartPolicy": "Never", "containers": [container], **spec},
    }


def run(cluster: Cluster, namespace: str, manifest: Object) -> str:
    """Create a pod as soon as the namespace has its service account; returns its path."""
    accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    until(cluster, accounts, lambda found: bool(found["items"]))
    cluster.call("POST", f"/api/v1/namespaces/{namespace}/pods", manifest)
    return f"/api/v1/namespaces/{namespace}/pods/one"


def until(cluster: Cluster, path: str, is_so: Callable[[Object], bool]) -> Object:
    """Look until it is so."""
    deadline = time.monotonic() + PATIENCE
    while not is_so(found := cluster.call("GET", path)):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found  # type: ignore[no-any-return]


def state(found: Object) -> Object:
    """The state of its only container."""
    statuses = found["status"].get("containerStatuses") or [{"state": {}}]
    return statuses[0]["state"]  # type: ignore[no-any-return]


def command_line(pid: int) -> bytes:
    """Of a process that runs; a zombie has none."""
    path = Path(f"/proc/{pid}/cmdline")
    return path.read_bytes() if path.exists() else b""


@pytest.fixture
def directory(short_path: Path) -> Iterator[Path]:
    path = short_path / "k"
    yield path
    if path.exists():
        ControlPlane.open(path).down()


def test_up_says_how_to_go_on_and_down_leaves_nothing(kubeconfig: Path, directory: Path) -> None:
    up = hpcagent("sandbox", "up", "--kubernetes", "--nodes=3", directory)
    assert up.returncode == 0, up.stderr
    assert f'eval "$(hpcagent sandbox env {directory})"' in up.stdout
    status = json.loads(hpcagent("sandbox", "status", "--json", directory).stdout)
    assert {facts["state"] for facts in status.values()} == {"running"}
    environment = json.loads(hpcagent("sandbox", "env", "--json", directory).stdout)
    assert Path(environment["KUBECONFIG"]).stat().st_mode & 0o077 == 0
    assert hpcagent("sandbox", "down", directory).returncode == 0
    assert not directory.exists()
    assert not [facts for facts in status.values() if command_line(facts["pid"])]


@pytest.mark.parametrize("option", ["--conf=MessageTimeout=4", "--accounting", "--names-in-jobs"])
def test_options_of_slurm_are_refused_for_kubernetes(directory: Path, option: str) -> None:
    up = hpcagent("sandbox", "up", "--kubernetes", option, directory)
    assert up.returncode == 1
    assert "for Slurm only" in up.stderr
    assert not directory.exists()


def test_a_command_runs_with_its_environment_and_its_output_is_the_log(
    cluster: Cluster, namespace: str
) -> None:
    manifest = pod("echo $WHO; exit 7")
    variables = [{"name": "A", "value": "you"}, {"name": "WHO", "value": "me and $(A)"}]
    manifest["spec"]["containers"][0]["env"] = variables
    path = run(cluster, namespace, manifest)
    ended = until(cluster, path, lambda found: found["status"]["phase"] == "Failed")
    assert state(ended)["terminated"]["exitCode"] == 7
    assert cluster.read(f"{path}/log") == b"me and you\n"


def test_a_secret_reaches_the_environment(cluster: Cluster, namespace: str) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "stringData": {"word": "hush"},
    }
    cluster.call("POST", f"/api/v1/namespaces/{namespace}/secrets", secret)
    manifest = pod('test "$WORD" = hush')
    source = {"secretKeyRef": {"name": "s", "key": "word"}}
    manifest["spec"]["containers"][0]["env"] = [{"name": "WORD", "valueFrom": source}]
    path = run(cluster, namespace, manifest)
    until(cluster, path, lambda found: found["status"]["phase"] == "Succeeded")


def test_a_process_that_is_killed_for_its_memory_says_so(cluster: Cluster, namespace: str) -> None:
    manifest = pod("kill -KILL $$$$")  # of two, Kubernetes takes one
    path = run(cluster, namespace, manifest)
    ended = until(cluster, path, lambda found: found["status"]["phase"] == "Failed")
    assert state(ended)["terminated"]["reason"] == "OOMKilled"
    assert state(ended)["terminated"]["exitCode"] == 137


def test_an_image_that_is_missing_cannot_be_pulled(cluster: Cluster, namespace: str) -> None:
    path = run(cluster, namespace, pod("true", image="registry.example/app:missing"))
    waiting = until(cluster, path, lambda found: "waiting" in state(found))
    assert state(waiting)["waiting"]["reason"] == "ErrImagePull"
    assert "registry.example/app:missing: not found" in state(waiting)["waiting"]["message"]


def test_a_pod_that_is_deleted_gets_its_grace(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    script = f"trap 'echo bye > {tmp_path}/said; exit' TERM; echo on; while :; do sleep 0.05; done"
    path = run(cluster, namespace, pod(script, terminationGracePeriodSeconds=20))
    until(cluster, path, lambda found: found["status"]["phase"] == "Running")
    until(cluster, f"{path.removesuffix('/one')}", lambda found: bool(found["items"]))
    cluster.call("DELETE", path)
    until(cluster, path.removesuffix("/one"), lambda found: not found["items"])
    assert (tmp_path / "said").read_text() == "bye\n"


def test_without_go_and_without_a_build_the_reason_is_said(tmp_path: Path) -> None:
    without = {
        **os.environ,
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "XDG_CACHE_HOME": str(tmp_path),
    }
    up = subprocess.run(
        [sys.executable, "-m", "hpcagent.cli", "sandbox", "up", "--kubernetes"],
        env=without,
        capture_output=True,
        text=True,
        check=False,
    )
    assert up.returncode == 1
    assert "Go is not installed" in up.stderr
