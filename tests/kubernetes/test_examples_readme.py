"""What examples/README.md tells to type for Kubernetes works as it stands."""

import re
import shlex
import subprocess

import tree
from fix_task_daemon import TaskDaemon
from kubernetes_tasks import PATIENCE

LINES = [
    line
    for line in re.findall(r"^grpcurl .*$", tree.text("examples/README.md"), re.MULTILINE)
    if "K8sAgent" in line
]


def test_every_grpcurl_command_does_what_is_said(grpcurl: str, origin_daemon: TaskDaemon) -> None:
    agent = str(origin_daemon.config.with_name("hpcagent.sock"))
    said = []
    for line in LINES:
        typed = line.replace("$AGENT", agent).replace("default/", f"{origin_daemon.namespace}/")
        words = shlex.split(typed)
        files = [word.removeprefix("<") for word in words if word.startswith("<")]
        argv = [grpcurl, *(word for word in words[1:] if not word.startswith("<"))]
        given = "".join(map(tree.text, files))
        done = subprocess.run(
            argv, input=given, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        said.append(done.stdout)
    rendered, _, listed, *_ = said
    assert "kind: Deployment" in rendered
    assert "deeplearni-9165855" in listed
