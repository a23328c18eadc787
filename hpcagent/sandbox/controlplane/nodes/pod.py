"""One pod on a node: a thread that starts its containers, reports on them, and ends them."""

import base64
import os
import signal
import threading
import time
import urllib.error
from collections.abc import Iterator

from hpcagent.sandbox.controlplane.nodes import probes
from hpcagent.sandbox.controlplane.nodes.api import Api, Object
from hpcagent.sandbox.controlplane.nodes.container import Container, expand, now
from hpcagent.sandbox.ports import LOOPBACK

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_INHERITED = "HPCAGENT_SANDBOX_DAEMON"
"""By which ``down`` finds what containers have left behind."""
_RETRY = 1.0


class Pod:
    """Plays the kubelet for one pod until it is deleted."""

    def __init__(self, api: Api, manifest: Object) -> None:
        self._api = api
        self._manifest = manifest
        self._path = f"/api/v1/namespaces/{self.namespace}/pods/{self.name}"
        self._news = threading.Event()
        self._deleted: int | None = None
        self._gone = False
        self._reported: Object = {}
        self._probes = probes.Readiness(manifest["spec"]["containers"])
        self._since: dict[str, tuple[bool, str]] = {}
        self.containers: tuple[Container, ...] = ()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def name(self) -> str:
        """Its name."""
        return str(self._manifest["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return str(self._manifest["metadata"]["namespace"])

    def take(self, manifest: Object) -> None:
        """Hear that it has changed: that it is to end, and how soon."""
        metadata = manifest["metadata"]
        if "deletionTimestamp" in metadata:
            self._deleted = int(metadata.get("deletionGracePeriodSeconds") or 0)
            self._news.set()

    def forget(self) -> None:
        """Hear that it is gone."""
        self._gone, self._deleted = True, 0
        self._news.set()

    # ----------------------------------------------------------------------- its own thread

    def _run(self) -> None:
        while self._deleted is None and not self.containers:
            try:
                self.containers = tuple(self._new_containers())
            except urllib.error.URLError:  # a Secret that is not there yet, or the API server
                self._news.wait(_RETRY)
        while self._deleted is None:
            for container in self.containers:
                container.step()
            self._report()
            self._news.wait(self._patience())
            self._news.clear()
        self._end()

    def _patience(self) -> float | None:
        waits = [one.wait for one in self.containers]
        waits.append(self._probes.patience if self._probes.probed else None)
        return min((wait for wait in waits if wait is not None), default=None)

    def _end(self) -> None:
        """Give the processes their time, kill them, and take the pod off the API server."""
        began = time.monotonic()
        for container in self.containers:
            container.stop(signal.SIGTERM)
        # How long that is may be shortened meanwhile.
        while any(one.pid for one in self.containers) and (left := self._grace_left(began)) > 0:
            self._news.wait(left)
            self._news.clear()
            for container in self.containers:
                container.step()
        for container in self.containers:
            container.stop(signal.SIGKILL)
        if not self._gone:
            uid = self._manifest["metadata"]["uid"]
            self._patiently(
                lambda: self._api.delete(
                    self._path, {"gracePeriodSeconds": 0, "preconditions": {"uid": uid}}
                )
            )

    def _grace_left(self, began: float) -> float:
        return began + (self._deleted or 0) - time.monotonic()

    def _report(self) -> None:
        """Write its status, if that has changed."""
        status = self._status()
        if status == self._reported:
            return
        self._patiently(lambda: self._api.merge(f"{self._path}/status", {"status": status}))
        self._reported = status

    def _patiently(self, call: "probes.Call") -> None:
        """Do it again until the API server, which may be down, has answered."""
        while True:
            try:
                call()
            except urllib.error.HTTPError:
                return  # it has decided, for instance that the namespace is gone
            except OSError:
                time.sleep(_RETRY)
            else:
                return

    # ---------------------------------------------------------------------------- its status

    def _status(self) -> Object:
        statuses = [one.status(ready=self._probes.is_ready(one)) for one in self.containers]
        ready = all(one["ready"] for one in statuses)
        phase = self._phase()
        conditions = {
            "PodReadyToStartContainers": True,
            "Initialized": True,
            "Ready": ready,
            "ContainersReady": ready,
            "PodScheduled": True,
        }
        return {
            "phase": phase,
            "conditions": [self._condition(kind, value) for kind, value in conditions.items()],
            "hostIP": LOOPBACK,
            "podIP": LOOPBACK,
            "podIPs": [{"ip": LOOPBACK}],
            "startTime": self._started,
            "containerStatuses": statuses,
        }

    @property
    def _started(self) -> str:
        return self._since.setdefault("start", (True, now()))[1]

    def _condition(self, kind: str, value: bool) -> Object:  # noqa: FBT001 - of a table
        if self._since.get(kind, (None,))[0] != value:
            self._since[kind] = (value, now())
        status, time_ = str(value), self._since[kind][1]
        return {"type": kind, "status": status, "lastTransitionTime": time_}

    def _phase(self) -> str:
        if not all(one.ended for one in self.containers):
            ran = any(one.log is not None for one in self.containers)
            return "Running" if ran else "Pending"
        codes = [one.state["terminated"]["exitCode"] for one in self.containers]
        return "Failed" if any(codes) else "Succeeded"

    # ------------------------------------------------------------------------ its containers

    def _new_containers(self) -> Iterator[Container]:
        spec = self._manifest["spec"]
        for container in spec["containers"]:
            context = {**spec.get("securityContext", {}), **container.get("securityContext", {})}
            yield Container(
                spec=container,
                environment=self._environment(container),
                restart_policy=spec["restartPolicy"],
                user=context.get("runAsUser"),
                changed=self._news.set,
            )

    def _environment(self, container: Object) -> dict[str, str]:
        known = {"PATH": _PATH, "HOSTNAME": self.name}
        if mark := os.environ.get(_INHERITED):
            known[_INHERITED] = mark
        for source in container.get("envFrom", ()):
            known |= self._secret(source["secretRef"]["name"])
        for variable in container.get("env", ()):
            known[variable["name"]] = self._value(variable, known)
        return known

    def _value(self, variable: Object, known: dict[str, str]) -> str:
        if (source := variable.get("valueFrom", {}).get("secretKeyRef")) is not None:
            return self._secret(source["name"])[source["key"]]
        return expand(variable.get("value", ""), known)

    def _secret(self, name: str) -> dict[str, str]:
        found = self._api.get(f"/api/v1/namespaces/{self.namespace}/secrets/{name}")
        return {key: base64.b64decode(value).decode() for key, value in found["data"].items()}
