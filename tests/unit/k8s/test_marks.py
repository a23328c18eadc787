import copy
import re
from dataclasses import replace

import pytest
from unit.k8s.tasks import ORIGIN, ORIGIN_PROFILE, ORIGIN_USER, planned, task

from hpcagent.config import kubernetes_names
from hpcagent.k8s import marks, quantities
from hpcagent.k8s.manifests.manifest import render
from hpcagent.k8s.marks import JobFacts


def test_the_tasks_id_is_its_name() -> None:
    assert marks.name_of(planned(id="t1")) == "t1"


def test_a_request_without_id_has_always_the_same_name() -> None:
    spec = planned(id="")
    first, other = (replace(spec, request_id=f"R:{'x' * 120}{n}") for n in (1, 2))
    assert re.fullmatch(r"hpc-[a-z2-7]{20}", marks.name_of(first))
    assert marks.name_of(first) == marks.name_of(replace(first))
    assert marks.name_of(first) != marks.name_of(other)


def test_marks_leave_what_the_task_describes_alone() -> None:
    bare = render(ORIGIN, ORIGIN_USER, ORIGIN_PROFILE).workload
    before = copy.deepcopy(bare)
    spec = replace(ORIGIN, request_id="r:1")
    facts = JobFacts.of(spec, ORIGIN_USER, "power")
    marked = marks.mark(bare, spec, facts, "ns")
    assert bare == before
    assert marked["spec"] == bare["spec"]
    assert marked["metadata"] == {
        "name": bare["metadata"]["name"],
        "namespace": "ns",
        "labels": {
            **bare["metadata"]["labels"],
            "app.kubernetes.io/managed-by": "hpcagent",
            "hpcagent/request": marks.short("r:1"),
        },
        "annotations": {
            "hpcagent/request-id": "r:1",
            "hpcagent/digest": ORIGIN.digest(),
            "hpcagent/job": facts.write(),
        },
    }


def test_a_request_without_request_id_has_no_mark_of_it() -> None:
    marked = marks.mark(
        render(ORIGIN, ORIGIN_USER, ORIGIN_PROFILE).workload,
        ORIGIN,
        JobFacts.of(ORIGIN, ORIGIN_USER, "power"),
        "ns",
    )
    assert marks.REQUEST_ID not in marked["metadata"]["annotations"]
    assert marks.REQUEST_LABEL not in marked["metadata"]["labels"]


def test_the_facts_of_a_job_are_read_as_they_were_written() -> None:
    facts = JobFacts.of(replace(ORIGIN, replicas=0), ORIGIN_USER, "power")
    assert JobFacts.read({marks.JOB: facts.write()}) == facts
    assert facts.replicas == 0
    assert ORIGIN.task.stage
    assert facts.work_dir == ORIGIN.task.stage.dir
    assert JobFacts.read({}) is None


def test_facts_of_a_later_release_are_passed_over() -> None:
    assert JobFacts.read({marks.JOB: '{"user_id":1,"group_id":2,"new":3}'}) == JobFacts(
        user_id=1, group_id=2
    )


def test_what_the_agent_writes_has_the_forms_that_kubernetes_demands() -> None:
    for key in marks.OWN_KEYS:
        assert not kubernetes_names.qualified_name(key)
    assert not kubernetes_names.label_value(marks.short("x"))
    assert not kubernetes_names.dns_1035_label(marks.name_of(replace(task(), request_id="r")))


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (0, "0"),
        (1, "1"),
        (1023, "1023"),
        (1024, "1Ki"),
        (4 << 30, "4Gi"),
        (5 << 20, "5Mi"),
        ((1 << 63) - 1, "9223372036854775807"),
        (1 << 62, "4Ei"),
    ],
)
def test_bytes_have_the_largest_suffix_that_loses_nothing(amount: int, written: str) -> None:
    assert quantities.memory(amount) == written


@pytest.mark.parametrize(("millis", "written"), [(1, "1m"), (1000, "1"), (1500, "1500m")])
def test_processors_are_whole_or_in_thousandths(millis: int, written: str) -> None:
    assert quantities.cpu(millis) == written
