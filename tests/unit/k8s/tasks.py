"""Tasks and profiles that several tests render."""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import task_requests
import tree

from hpcagent import config
from hpcagent.jobs.identity import Identity
from hpcagent.jobs.task import StagedTask, StageTaskPlan, TaskSpec
from hpcagent.server.decode.task import task_spec

ORIGIN_FILE: dict[str, Any] = tomllib.loads(tree.text("examples/kubernetes.toml"))
SITE = msgspec.convert(ORIGIN_FILE, config.Config)
ORIGIN_PROFILE = SITE.kubernetes.profiles["default"]
ORIGIN = task_spec(task_requests.request(task_requests.ORIGIN))
ORIGIN_USER = Identity(
    10271,
    9865,
    "nscc-gz_yfb_xxhuang",
    "nscc-gz_yfb",
    (9865,),
    "/BIGDATA1/nscc-gz_yfb_xxhuang",
)

USER = Identity(1870, 1884, "jiangli", "nscc", (1884, 5000), "/home/jiangli")


def task(**fields: Any) -> TaskSpec:  # noqa: ANN401 - fields of TaskSpec
    """Return a small task with other fields than the least."""
    plan = StageTaskPlan(id="t1", container_image="registry.example/team/i:1")
    small = TaskSpec(claim=ORIGIN.claim, task=StagedTask(plan=plan))
    return replace(small, **fields)


def planned(**fields: Any) -> TaskSpec:  # noqa: ANN401 - fields of StageTaskPlan
    """Return a small task with another plan than the least."""
    small = task()
    return replace(small, task=StagedTask(plan=replace(small.task.plan, **fields)))


def profile(**settings: Any) -> config.Profile:  # noqa: ANN401 - settings of Profile
    """Return a profile with settings other than the defaults."""
    return msgspec.convert(settings, config.Profile)


def container(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the container of a workload."""
    only: dict[str, Any]
    (only,) = manifest["spec"]["template"]["spec"]["containers"]
    return only
