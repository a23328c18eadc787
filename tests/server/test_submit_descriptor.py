"""SubmitDescriptor: the original system's SLURMJobDescMsg makes the job of the equal request."""

import json
from dataclasses import replace
from typing import Any

import grpc
import pytest
from google.protobuf import json_format
from server.memory import MemoryBackend
from server.refusals import refusal

from hpcagent.jobs.identity import Claim
from hpcagent.server.decode.descriptor import KEYS, PATHS
from hpcagent.server.decode.submission import job_spec
from hpcagent.v1.slurm_agent_pb2 import SubmitDescriptorRequest, SubmitJobRequest
from hpcagent.v1.slurm_agent_pb2_grpc import SlurmAgentStub

STRUCT = (
    "job-name", "chdir", "script", "argv", "export", "comment", "deadline", "time", "input",
    "error", "output", "uid", "gid", "account", "partition", "exclude", "nodelist", "nodes",
    "maxnodes", "ntasks-per-node", "cpus-per-task", "ntasks", "mincpus", "mem", "requeue", "reboot",
    "no-kill", "share", "wait-all-nodes", "open-mode", "nice", "MinCPUs", "maxcpus", "envsize",
    "argc",
)  # fmt: skip
"""The keys of the original's Go struct, in its order."""
LEAST = {"script": "#!/bin/sh\n", "uid": 1870, "gid": 1884}
SAME: dict[str, Any] = {"script": LEAST["script"], "user_id": 1870, "group_id": 1884}


def options(**fields: object) -> dict[str, Any]:
    return {"options": {"slurm": fields}}


EQUAL: list[tuple[dict[str, object], dict[str, Any]]] = [
    ({}, {}),
    ({"job-name": "relax"}, {"name": "relax"}),
    ({"chdir": "/work"}, {"work_dir": "/work"}),
    ({"argv": ["a", ""], "argc": 2}, {"argv": ["a", ""]}),
    ({"export": ["A=1", "B="], "envsize": 2}, {"environment": ["A=1", "B="]}),
    ({"comment": '{"ü":1}'}, options(comment='{"ü":1}')),
    ({"deadline": 2_000_000_000}, options(deadline="2033-05-18T03:33:20Z")),
    ({"time": 90}, options(time={"value": "5400s"})),
    ({"time": 4294967295}, options(time={"unlimited": {}})),
    ({"input": "i", "error": "e", "output": "o"}, options(input="i", error="e", output="o")),
    ({"account": "physics"}, options(account="physics")),
    ({"partition": "power"}, {"partition": "power"}),
    ({"exclude": "n1", "nodelist": "n[2-3]"}, options(exclude="n1", nodelist="n[2-3]")),
    ({"nodes": 2}, {"nodes": 2}),
    ({"nodes": 2, "maxnodes": 4}, options(nodes={"min": 2, "max": 4})),
    ({"maxnodes": 4}, options(nodes={"min": 1, "max": 4})),
    (
        {"ntasks": 8, "ntasks-per-node": 4, "cpus-per-task": 2, "mincpus": 8},
        options(ntasks=8, ntasks_per_node=4, cpus_per_task=2, mincpus=8),
    ),
    ({"mem": 1024}, options(mem_bytes=1 << 30)),
    ({"mem": 0}, options(mem_bytes=0)),
    ({"mem": (1 << 63) | 512}, options(mem_per_cpu_bytes=1 << 29)),
    (
        {"requeue": 1, "reboot": 1, "no-kill": 1, "wait-all-nodes": 1},
        options(requeue=True, reboot=True, no_kill=True, wait_all_nodes=True),
    ),
    ({"requeue": 0, "no-kill": 0}, options(requeue=False, no_kill=False)),
    ({"share": 0}, options(exclusive="EXCLUSIVE_JOB")),
    ({"share": 1}, options(oversubscribe=True)),
    ({"share": 2}, options(exclusive="EXCLUSIVE_USER")),
    ({"share": 3}, options(exclusive="EXCLUSIVE_MCS")),
    ({"open-mode": 1}, options(open_mode="OPEN_MODE_APPEND")),
    ({"open-mode": 2}, options(open_mode="OPEN_MODE_TRUNCATE")),
    ({"nice": -5}, options(nice=-5)),
    ({"MinCPUs": 4, "maxcpus": 8}, {"min_cpus": 4, "max_cpus": 8}),
    ({"MinCPUs": 0, "maxcpus": 0, "nodes": 0, "maxnodes": 0, "argc": 0, "envsize": 0}, {}),
]
"""What a key means in a SubmitJobRequest."""


def described(fields: dict[str, object], **more: Any) -> SubmitDescriptorRequest:  # noqa: ANN401
    return SubmitDescriptorRequest(descriptor_json=json.dumps(LEAST | fields), **more)


def test_the_keys_are_those_of_the_original() -> None:
    assert tuple(key.name for key in KEYS) == STRUCT


def test_every_key_is_tried() -> None:
    assert {name for fields, _ in EQUAL for name in fields} | LEAST.keys() == set(STRUCT)


@pytest.mark.parametrize(("fields", "equal"), EQUAL, ids=[",".join(one) for one, _ in EQUAL])
def test_a_descriptor_makes_the_job_of_the_equal_request(
    slurm: SlurmAgentStub, backend: MemoryBackend, fields: dict[str, object], equal: dict[str, Any]
) -> None:
    answer = slurm.SubmitDescriptor(described(fields))
    request = json_format.ParseDict(SAME | equal, SubmitJobRequest())
    (spec,) = backend.specs
    expected = job_spec(request, backend.cluster)
    assert replace(spec, paths={}) == expected
    assert answer.request_digest == expected.digest()
    assert answer.job_id.id == "1"


def test_how_to_ask_is_beside_the_description(
    slurm: SlurmAgentStub, backend: MemoryBackend
) -> None:
    answer = slurm.SubmitDescriptor(described({}, request_id="one", validate_only=True))
    assert (answer.request_id, answer.HasField("job_id")) == ("one", False)
    assert (backend.specs[0].request_id, backend.specs[0].validate_only) == ("one", True)
    assert backend.specs[0].claim == Claim(user_id=1870, group_id=1884)


def violations(slurm: SlurmAgentStub, text: str, **more: Any) -> dict[str, str]:  # noqa: ANN401
    """What is wrong with a description: reasons by key."""
    request = SubmitDescriptorRequest(descriptor_json=text, **more)
    refused = refusal(lambda: slurm.SubmitDescriptor(request))
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    return refused.violations


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "1", "null", '"{}"', "[[]]", '{"uid": NaN}', '{"uid": 1,}', "[" * 100_000,
     '{"uid": ' + "9" * 5000 + "}"],
)  # fmt: skip
def test_what_is_no_json_object_is_refused(slurm: SlurmAgentStub, text: str) -> None:
    assert violations(slurm, text) == {"descriptor_json": "JSON_FORM"}


def test_everything_wrong_is_told_at_once_by_key(slurm: SlurmAgentStub) -> None:
    fields = {
        "uid": "1870", "gid": -1, "timelimit": 5, "job_name": "x", "time": 1.5, "ntasks": True,
        "argv": "a b", "export": {}, "comment": None, "share": 4, "open-mode": 0, "argc": 3,
        "nice": 1 << 31, "Nodes": 1,
    }  # fmt: skip
    assert violations(slurm, json.dumps(fields), request_id="a b") == {
        "script": "REQUIRED",
        "uid": "WRONG_TYPE",
        "gid": "WRONG_TYPE",
        "timelimit": "UNKNOWN_KEY",
        "job_name": "UNKNOWN_KEY",
        "Nodes": "UNKNOWN_KEY",
        "time": "WRONG_TYPE",
        "ntasks": "WRONG_TYPE",
        "argv": "WRONG_TYPE",
        "export": "WRONG_TYPE",
        "comment": "WRONG_TYPE",
        "nice": "WRONG_TYPE",
        "share": "UNKNOWN_VALUE",
        "open-mode": "UNKNOWN_VALUE",
        "argc": "COUNT_MISMATCH",
        "request_id": "REQUEST_ID_FORM",
    }


def test_what_is_required_is_told(slurm: SlurmAgentStub) -> None:
    required = dict.fromkeys(("script", "uid", "gid"), "REQUIRED")
    assert violations(slurm, "{}") == required


def test_a_key_that_is_given_twice_is_refused(slurm: SlurmAgentStub) -> None:
    text = json.dumps(LEAST)[:-1] + ', "time": 1, "time": 2}'
    assert violations(slurm, text) == {"time": "CONFLICT"}


def test_half_a_character_is_refused(slurm: SlurmAgentStub) -> None:
    text = json.dumps(LEAST | {"comment": "\ud800", "argv": ["\udfff"], "\ud800": 1})
    assert violations(slurm, text) == {
        "comment": "WRONG_TYPE", "argv": "WRONG_TYPE", "?": "UNKNOWN_KEY"
    }  # fmt: skip


def test_every_field_has_its_key() -> None:
    """So that what the backend finds wrong is told by key, too."""
    fields = {field for _, equal in EQUAL for field in _names(equal)}
    assert fields - PATHS.keys() == set()


def _names(equal: dict[str, Any]) -> set[str]:
    inner: dict[str, Any] = equal.get("options", {}).get("slurm", {})
    return {*equal, *inner} - {"options"}
