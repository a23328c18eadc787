import hashlib
import json
import re
from dataclasses import replace
from typing import Any

import pytest

from hpcagent.jobs import task as domain
from hpcagent.jobs.errors import Violation
from hpcagent.jobs.identity import Claim

PLAN = domain.StageTaskPlan(
    id="t", container_image="i:1", command=("a", "b"), env={"A": "1", "B": "2"}
)
TASK = domain.TaskSpec(
    claim=Claim(user_id=1870),
    task=domain.StagedTask(plan=PLAN, stage=domain.Stage(dir="/d")),
    secret_env={"TOKEN": "swordfish"},
    liveness_probe=domain.Probe(handler=domain.TcpAction(80)),
)


def with_plan(**changed: object) -> dict[str, object]:
    return {"task": replace(TASK.task, plan=replace(PLAN, **changed))}  # type: ignore[arg-type]


OTHERS: dict[str, dict[str, object]] = {
    "user": {"claim": Claim(user_id=1871)},
    "stage": {"task": replace(TASK.task, stage=None)},
    "image": with_plan(container_image="i:2"),
    "split of the command": with_plan(command=("a b",)),
    "environment": with_plan(env={"A": "1"}),
    "volume": {"task": replace(TASK.task, volumes=("/a:/b",))},
    "replicas": {"replicas": 0},
    "resources": {"resources": domain.TaskResources(cpu_millis=1)},
    "workload": {"workload": domain.Workload.JOB},
    "a secret's value": {"secret_env": {"TOKEN": "swordfisH"}},
    "a secret's name": {"secret_env": {"TOKEM": "swordfish"}},
    "no secret": {"secret_env": {}},
    "the kind of a probe": {"liveness_probe": domain.Probe(handler=domain.GrpcAction(80))},
    "labels": {"labels": {"a": "b"}},
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_requests_for_different_tasks_have_different_digests(other: dict[str, Any]) -> None:
    assert replace(TASK, **other).digest() != TASK.digest()


@pytest.mark.parametrize(
    "asked",
    [
        {"request_id": "a"},
        {"validate_only": True},
        {"faults": (Violation("x", "y", "Z"),)},
        with_plan(env={"B": "2", "A": "1"}),
    ],
)
def test_how_a_task_is_asked_for_does_not_change_its_digest(asked: dict[str, Any]) -> None:
    assert replace(TASK, **asked).digest() == TASK.digest()


def test_a_digest_names_its_method() -> None:
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", TASK.digest())


def test_a_secret_cannot_be_found_by_hashing_likely_values_fast() -> None:
    plain = replace(TASK, secret_env={})
    guesses = [
        f"{plain.digest()}{json.dumps(dict(TASK.secret_env), separators=(',', ':'))}",
        json.dumps(dict(TASK.secret_env), separators=(",", ":")),
    ]
    assert TASK.digest() not in {
        f"sha256:{hashlib.sha256(guess.encode()).hexdigest()}" for guess in guesses
    }
    assert domain.SCRYPT["n"] * domain.SCRYPT["r"] * 128 >= 16 << 20


def test_a_task_that_is_printed_keeps_its_secrets() -> None:
    assert "swordfish" not in repr(TASK)


def test_what_stands_beside_the_plan_is_in_force_in_its_place() -> None:
    task = domain.StagedTask(
        plan=replace(
            PLAN, inputs=(domain.File(path="/p"),), outputs=(domain.File(path="/q"),), stdout="a"
        ),
        inputs=(domain.File(path="/own"),),
        stdin="b",
    )
    assert list(task.files("inputs")) == [("task.inputs[0]", domain.File(path="/own"))]
    assert list(task.files("outputs")) == [("task.plan.outputs[0]", domain.File(path="/q"))]
    assert task.stream("stdin") == ("task.stdin", "b")
    assert task.stream("stdout") == ("task.plan.stdout", "a")


@pytest.mark.parametrize(
    ("text", "volume"),
    [
        ("/a:/b", domain.Volume(host_path="/a", mount_path="/b")),
        ("/a:/b:ro", domain.Volume(host_path="/a", mount_path="/b", read_only=True)),
        ("/a:/b:rw", domain.Volume(host_path="/a", mount_path="/b")),
    ],
)
def test_dockers_short_form_of_a_volume_is_read(text: str, volume: domain.Volume) -> None:
    assert domain.Volume.parse(text) == volume


@pytest.mark.parametrize("text", ["/", "/a", "/a:/b:z", "/a:/b:ro:ro"])
def test_another_form_of_a_volume_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        domain.Volume.parse(text)
