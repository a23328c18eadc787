import pytest
from unit.k8s.tasks import SITE

from hpcagent.jobs.errors import Forbidden, InvalidRequest
from hpcagent.jobs.identity import IdentityPolicy
from hpcagent.jobs.model import ObjectId
from hpcagent.jobs.task import Device, TaskUpdate
from hpcagent.k8s.preparation import Preparer
from hpcagent.k8s.users import RequestUsers

PREPARER = Preparer(SITE.kubernetes, RequestUsers(IdentityPolicy()))
JOB = ObjectId(namespace="default", name="t1")
IMAGE = "hub.starlight-dev.nscc-gz.cn/a/b:2"


def test_a_change_that_a_submission_could_have_had_is_taken() -> None:
    change = TaskUpdate(
        replicas=0,
        image=IMAGE,
        cpu_millis=1,
        memory_bytes=1,
        devices=(Device("nvidia.com/gpu", 0),),
    )
    PREPARER.judge_update(JOB, change)


def test_a_change_is_judged_by_the_forms_of_a_submission() -> None:
    change = TaskUpdate(
        replicas=1 << 31,
        image="",
        cpu_millis=0,
        memory_bytes=1 << 63,
        devices=(Device("gpu", 1), Device("a/b", 1), Device("a/b", 2)),
    )
    with pytest.raises(InvalidRequest) as refused:
        PREPARER.judge_update(JOB, change)
    assert {fault.field: fault.reason for fault in refused.value.violations} == {
        "job.replicas": "OUT_OF_RANGE",
        "job.image": "REQUIRED",
        "job.cpu_millis": "OUT_OF_RANGE",
        "job.memory_bytes": "OUT_OF_RANGE",
        "job.devices[0].name": "NAME_FORM",
        "job.devices[2].name": "DUPLICATE",
    }


def test_a_change_does_not_lead_around_the_policy() -> None:
    change = TaskUpdate(replicas=101, image="evil.example/a")
    with pytest.raises(Forbidden) as refused:
        PREPARER.judge_update(JOB, change)
    assert {fault.field: fault.reason for fault in refused.value.violations} == {
        "job.replicas": "TOO_MANY_REPLICAS",
        "job.image": "IMAGE_NOT_ALLOWED",
    }
