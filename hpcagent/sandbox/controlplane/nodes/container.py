"""One container of a pod: its processes one after another, and its state in the API's words."""

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from hpcagent.sandbox.controlplane.nodes.api import Object
from hpcagent.sandbox.controlplane.nodes.log import Log

_NO_COMMAND = ("/bin/sleep", "infinity")
_FIRST_BACK_OFF, _LONGEST_BACK_OFF = 1.0, 5.0
_PULL_RETRY = 2.0
_CANNOT_START = 128
"""Exit code of a container whose command does not exist (runc)."""

_MISSING_IMAGE = re.compile(r".*:missing[^/:@]*")
_REFERENCE = re.compile(r"\$\$|\$\(([-._a-zA-Z][-._a-zA-Z0-9]*)\)")


@dataclass
class Container:
    """What became of a container so far."""

    spec: Object
    environment: Mapping[str, str]
    restart_policy: str
    user: int | None
    changed: Callable[[], None]
    """Called from any thread when there is something to look at."""
    state: Object = field(default_factory=lambda: {"waiting": {"reason": "ContainerCreating"}})
    last_state: Object = field(default_factory=dict)
    restarts: int = 0
    log: Log | None = None
    previous_log: Log | None = None
    ended: bool = False
    """It will not run again."""
    _process: "subprocess.Popen[bytes] | None" = None
    _killed: bool = False
    _not_before: float = 0.0

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.spec["name"])

    @property
    def pid(self) -> int | None:
        """Of its process while it runs."""
        return None if self._process is None else self._process.pid

    @property
    def wait(self) -> float | None:
        """Seconds after which there is something to do without being told."""
        if self.ended or self._process is not None:
            return None
        return max(0.0, self._not_before - time.monotonic())

    def step(self) -> None:
        """Do what is due."""
        if self._process is not None:
            if (status := self._process.poll()) is not None:
                self._has_ended(status)
        elif not self.ended and time.monotonic() >= self._not_before:
            self._pull_and_start()

    def stop(self, number: signal.Signals) -> None:
        """Signal its processes, and do not start it again."""
        self.ended = True
        if self._process is not None and self._process.poll() is None:
            self._killed = True
            try:
                os.killpg(self._process.pid, number)
            except ProcessLookupError:
                return

    def status(self, *, ready: bool) -> Object:
        """Its ContainerStatus."""
        image = self.spec["image"]
        return {
            "name": self.name,
            "image": image,
            "imageID": f"sandbox://{image}",
            "containerID": f"sandbox://{self.name}-{self.restarts}",
            "restartCount": self.restarts,
            "ready": ready,
            "started": "running" in self.state,
            "state": self.state,
            "lastState": self.last_state,
        }

    # ------------------------------------------------------------------------------ starting

    def _pull_and_start(self) -> None:
        if _MISSING_IMAGE.fullmatch(self.spec["image"]):
            self._cannot_pull()
            return
        if self.log is not None:
            self.restarts += 1
            self.previous_log = self.log
        try:
            self._process = self._spawn()
        except OSError as error:
            self._has_failed_to_start(error)
            return
        self.state = {"running": {"startedAt": now()}}
        self.log = Log()
        log, stream = self.log, self._process.stdout
        if stream is not None:
            threading.Thread(target=log.take, args=(stream,), daemon=True).start()
        threading.Thread(target=self._wait, args=(self._process,), daemon=True).start()

    def _wait(self, process: "subprocess.Popen[bytes]") -> None:
        process.wait()
        self.changed()

    def _spawn(self) -> "subprocess.Popen[bytes]":
        known = self.environment
        command = [*self.spec.get("command", ()), *self.spec.get("args", ())] or _NO_COMMAND
        directory = Path(self.spec.get("workingDir", "/"))
        return subprocess.Popen(
            [expand(word, known) for word in command],
            env=dict(known),
            cwd=directory if directory.is_dir() else "/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=self.user if os.getuid() == 0 else None,
        )

    def _cannot_pull(self) -> None:
        first = self.state["waiting"]["reason"] == "ContainerCreating"
        image = self.spec["image"]
        said = (
            f'failed to pull and unpack image "{image}": failed to resolve reference "{image}": '
            f"{image}: not found"
        )
        reason = "ErrImagePull" if first else "ImagePullBackOff"
        message = said if first else f'Back-off pulling image "{image}": ErrImagePull: {said}'
        self.state = {"waiting": {"reason": reason, "message": message}}
        self._not_before = time.monotonic() + _PULL_RETRY

    # ------------------------------------------------------------------------------ its end

    def _has_failed_to_start(self, error: OSError) -> None:
        self.log = Log()
        said = f"failed to create containerd task: {error.strerror}: {error.filename}"
        self._is_terminated(_CANNOT_START, {"reason": "StartError", "message": said}, now())

    def _has_ended(self, status: int) -> None:
        self._process = None
        facts: Object = {"reason": "Completed" if status == 0 else "Error"}
        if status == -signal.SIGKILL and not self._killed:
            facts["reason"] = "OOMKilled"
        code = status if status >= 0 else 128 - status
        self._is_terminated(code, facts, self.state["running"]["startedAt"])

    def _is_terminated(self, code: int, facts: Object, started: str) -> None:
        end = {"exitCode": code, "startedAt": started, "finishedAt": now(), **facts}
        if self.ended or not self._is_restarted(code):
            self.ended = True
            self.state = {"terminated": end}
            return
        back_off = min(_FIRST_BACK_OFF * 2**self.restarts, _LONGEST_BACK_OFF)
        self._not_before = time.monotonic() + back_off
        self.last_state = {"terminated": end}
        said = f"back-off {back_off:g}s restarting failed container={self.name}"
        self.state = {"waiting": {"reason": "CrashLoopBackOff", "message": said}}

    def _is_restarted(self, code: int) -> bool:
        return self.restart_policy == "Always" or (self.restart_policy == "OnFailure" and code != 0)


def expand(text: str, known: Mapping[str, str]) -> str:
    """Replace ``$(NAME)``, as Kubernetes does in commands and in values of variables."""

    def value(form: "re.Match[str]") -> str:
        return "$" if form[0] == "$$" else known.get(form[1], form[0])

    return _REFERENCE.sub(value, text)


def now() -> str:
    """The time as the API writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
