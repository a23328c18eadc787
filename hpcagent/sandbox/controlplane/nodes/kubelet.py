"""The nodes themselves: registered, and with a ``Pod`` for each pod that is bound to one."""

import sys
import time
import traceback
from collections.abc import Iterable

from hpcagent.sandbox.controlplane.nodes.api import Api, Object
from hpcagent.sandbox.controlplane.nodes.container import now
from hpcagent.sandbox.controlplane.nodes.pod import Pod
from hpcagent.sandbox.ports import LOOPBACK

_PODS = "/api/v1/pods"
_RETRY = 0.5
_CAPACITY = {
    "cpu": "8",
    "memory": "16000Mi",
    "ephemeral-storage": "100Gi",
    "pods": "110",
    "nvidia.com/gpu": "2",
}
_LABELS = {
    "kubernetes.io/os": "linux",
    "kubernetes.io/arch": "amd64",
    "partition": "power",
}


def node_names(count: int) -> tuple[str, ...]:
    """node1, node2..., as in a Slurm sandbox."""
    return tuple(f"node{number}" for number in range(1, count + 1))


class Kubelet:
    """Plays all nodes of a sandbox."""

    def __init__(self, api: Api, nodes: Iterable[str], port: int) -> None:
        self._api = api
        self._nodes = frozenset(nodes)
        self._port = port
        self._pods: dict[str, Pod] = {}

    def find(self, namespace: str, name: str) -> Pod | None:
        """Return a pod of one of the nodes."""
        for pod in tuple(self._pods.values()):
            if (pod.namespace, pod.name) == (namespace, name):
                return pod
        return None

    def register(self) -> None:
        """Make the nodes known and ready."""
        for name in sorted(self._nodes):
            labels = {**_LABELS, "kubernetes.io/hostname": name}
            node = {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": name, "labels": labels},
            }
            self._api.create("/api/v1/nodes", node)
            self._api.merge(f"/api/v1/nodes/{name}/status", {"status": self._status(name)})

    def run(self) -> None:
        """Follow the pods for ever, whatever becomes of the API server."""
        while True:
            try:
                self._follow()
            except (OSError, KeyError, ValueError):
                traceback.print_exc(limit=1, file=sys.stderr)
                time.sleep(_RETRY)

    def _follow(self) -> None:
        listed = self._api.get(_PODS)
        for pod in listed["items"]:
            self._take(pod)
        there = {pod["metadata"]["uid"] for pod in listed["items"]}
        for uid in self._pods.keys() - there:
            self._pods.pop(uid).forget()
        for kind, pod in self._api.watch(_PODS, listed["metadata"]["resourceVersion"]):
            if kind == "DELETED":
                if gone := self._pods.pop(pod["metadata"]["uid"], None):
                    gone.forget()
            elif kind in {"ADDED", "MODIFIED"}:
                self._take(pod)
            else:
                return  # 410: list again

    def _take(self, manifest: Object) -> None:
        uid = manifest["metadata"]["uid"]
        if manifest["spec"].get("nodeName") not in self._nodes:
            return
        if uid not in self._pods:
            if _has_ended(manifest):  # before this process began
                return
            self._pods[uid] = Pod(self._api, manifest)
        self._pods[uid].take(manifest)

    def _status(self, name: str) -> Object:
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
        times = {"lastHeartbeatTime": now(), "lastTransitionTime": now()}
        return {
            "capacity": _CAPACITY,
            "allocatable": _CAPACITY,
            "conditions": [{**ready, **times, "message": "the sandbox says so"}],
            "addresses": [
                {"type": "InternalIP", "address": LOOPBACK},
                {"type": "Hostname", "address": name},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self._port}},
            "nodeInfo": dict.fromkeys(_NODE_INFO, "sandbox")
            | {"architecture": "amd64", "operatingSystem": "linux"},
        }


def _has_ended(manifest: Object) -> bool:
    ended = manifest["status"].get("phase") in {"Succeeded", "Failed"}
    return ended and "deletionTimestamp" not in manifest["metadata"]


_NODE_INFO = (
    "machineID",
    "systemUUID",
    "bootID",
    "kernelVersion",
    "osImage",
    "containerRuntimeVersion",
    "kubeletVersion",
    "kubeProxyVersion",
)
