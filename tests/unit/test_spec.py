import math
import re
from dataclasses import replace

import pytest

from hpcagent.jobs.errors import Violation
from hpcagent.jobs.identity import Claim
from hpcagent.jobs.spec import (
    Dependency,
    DependencyTerm,
    Gres,
    HetComponent,
    JobSpec,
    NodeCount,
    WorkDirRequest,
)

JOB = JobSpec(
    claim=Claim(user_id=1870, group_id=1884),
    work_dir="/w",
    script="#!/bin/sh\n",
    environment=("A=1", "B=2"),
    options={
        "comment": "ü",
        "time": math.inf,
        "gres": (Gres("gpu", "a100", 2),),
        "nodes": NodeCount(2, 4),
        "dependency": Dependency(terms=(DependencyTerm("AFTER", ("1", "2_3"), 60.0),)),
    },
    components=(HetComponent("gpu", 1, {"gres": (Gres("gpu"),)}), HetComponent("p")),
    create_work_dir=WorkDirRequest(),
)

OTHERS = {
    "user": {"claim": Claim(user_id=1871, group_id=1884)},
    "user by name": {"claim": Claim(user="jiangli", group_id=1884)},
    "work_dir": {"work_dir": "/w/"},
    "script": {"script": "#!/bin/sh\n\n"},
    "partition": {"partition": "p"},
    "name": {"name": "n"},
    "order of the environment": {"environment": ("B=2", "A=1")},
    "split of the environment": {"environment": ("A=1,B=2",)},
    "nodes": {"nodes": 2},
    "argv": {"argv": ("a",)},
    "directives": {"directives": "IGNORE"},
    "create_work_dir": {"create_work_dir": None},
    "mode": {"create_work_dir": WorkDirRequest(0o750)},
    "option left out": {"options": {}},
    "option's value": {"options": {**JOB.options, "comment": "u"}},
    "time limit": {"options": {**JOB.options, "time": 3600.0}},
    "gres": {"options": {**JOB.options, "gres": (Gres("gpu", "a100", 3),)}},
    "dependency": {"options": {**JOB.options, "dependency": Dependency(expression="after:1")}},
    "component left out": {"components": JOB.components[:1]},
    "order of the components": {"components": JOB.components[::-1]},
    "component's partition": {"components": (replace(JOB.components[0], partition="q"),)},
    "component's option": {"components": (replace(JOB.components[0], options={}),)},
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_requests_for_different_jobs_have_different_digests(other: dict[str, object]) -> None:
    assert replace(JOB, **other).digest() != JOB.digest()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "asked",
    [
        {"request_id": "a"},
        {"validate_only": True},
        {"faults": (Violation("x", "y", "Z"),)},
        {"options": dict(reversed(list(JOB.options.items())))},
    ],
)
def test_how_a_job_is_asked_for_does_not_change_its_digest(asked: dict[str, object]) -> None:
    assert replace(JOB, **asked).digest() == JOB.digest()  # type: ignore[arg-type]


def test_a_digest_names_its_method() -> None:
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", JOB.digest())
