import pytest
import task_requests

from hpcagent.jobs import task as domain
from hpcagent.jobs.identity import Claim
from hpcagent.server.decode.task import task_spec
from hpcagent.v1 import k8s_agent_pb2

FULL = task_requests.request(
    {
        "user_id": 1870,
        "group_id": 1884,
        "user": "u",
        "group": "g",
        "partition": "power",
        "job_name": "n",
        "app": "a",
        "cluster": "c",
        "namespace": "ns",
        "home": "/home/u",
        "request_id": "r-1",
        "validate_only": True,
        "workload": "WORKLOAD_JOB",
        "replicas": 0,
        "image_pull_policy": "IMAGE_PULL_POLICY_NEVER",
        "image_pull_secrets": ["s"],
        "node_selector": {"gpu": "a100"},
        "run_as_user": False,
        "secret_env": {"TOKEN": "t"},
        "termination_grace_period": "5s",
        "labels": {"l": "v"},
        "task": {
            "stage": {
                "dir": "/d",
                "run_dir": "/r",
                "mode": 0o750,
                "leave_dir": True,
                "create": False,
                "parents": True,
            },
            "plan": {
                "id": "t1",
                "container_image": "i:1",
                "command": ["c", "$(X)"],
                "env": {"X": "1"},
                "workdir": "/w",
                "volumes": [
                    {"name": "v", "host_path": "/h", "read_only": True, "mount_path": "/m"}
                ],
                "inputs": [{"path": "/i", "url": "u", "directory": True}],
                "outputs": [{"path": "/o"}],
                "stdin": "in",
                "stdout": "out",
                "stderr": "err",
            },
            "inputs": [{"path": "/i2"}],
            "outputs": [{"path": "/o2"}],
            "volumes": ["/a:/b:ro"],
            "stdin": "in2",
            "stdout": "out2",
            "stderr": "err2",
        },
        "resources": {
            "cpu_millis": 1500,
            "memory_bytes": 1,
            "devices": [{"name": "d/x", "count": 2}],
            "shm_size_bytes": 0,
            "ephemeral_storage_bytes": 3,
        },
        "batch": {"time": {"value": "60s"}, "backoff_limit": 0, "ttl_after_finished": "0s"},
        "endpoints": [
            {
                "name": "e",
                "protocol": "PROTOCOL_UDP",
                "source_port": 1,
                "target_port": 2,
                "control": 3,
                "type": 4,
            }
        ],
        "tolerations": [
            {
                "key": "k",
                "operator": "OPERATOR_EXISTS",
                "value": "v",
                "effect": "TAINT_EFFECT_NO_EXECUTE",
                "period": "7s",
            }
        ],
        "capabilities": {"add": ["SYS_ADMIN"], "drop": ["ALL"]},
        "liveness_probe": {"exec": {"command": ["true"]}, "initial_delay": "1s"},
        "readiness_probe": {
            "http_get": {"path": "/", "port": 80, "https": True, "headers": {"A": "b"}},
            "period": "2s",
            "timeout": "3s",
            "success_threshold": 4,
            "failure_threshold": 5,
        },
        "startup_probe": {"tcp_port": 81},
    }
)


READ = domain.TaskSpec(
    claim=Claim(1870, "u", 1884, "g"),
    task=domain.StagedTask(
        plan=domain.StageTaskPlan(
            id="t1",
            container_image="i:1",
            command=("c", "$(X)"),
            env={"X": "1"},
            workdir="/w",
            volumes=(domain.Volume(name="v", host_path="/h", read_only=True, mount_path="/m"),),
            inputs=(domain.File(path="/i", url="u", directory=True),),
            outputs=(domain.File(path="/o"),),
            stdin="in",
            stdout="out",
            stderr="err",
        ),
        stage=domain.Stage(
            dir="/d", run_dir="/r", mode=0o750, leave_dir=True, create=False, parents=True
        ),
        inputs=(domain.File(path="/i2"),),
        outputs=(domain.File(path="/o2"),),
        volumes=("/a:/b:ro",),
        stdin="in2",
        stdout="out2",
        stderr="err2",
    ),
    home="/home/u",
    cluster="c",
    namespace="ns",
    partition="power",
    job_name="n",
    app="a",
    resources=domain.TaskResources(
        cpu_millis=1500,
        memory_bytes=1,
        devices=(domain.Device("d/x", 2),),
        shm_size_bytes=0,
        ephemeral_storage_bytes=3,
    ),
    workload=domain.Workload.JOB,
    replicas=0,
    batch=domain.Batch(seconds=60, backoff_limit=0, ttl_after_finished=0),
    endpoints=(
        domain.Endpoint(name="e", protocol="UDP", source_port=1, target_port=2, control=3, type=4),
    ),
    image_pull_policy="NEVER",
    image_pull_secrets=("s",),
    node_selector={"gpu": "a100"},
    tolerations=(
        domain.Toleration(key="k", operator="EXISTS", value="v", effect="NO_EXECUTE", seconds=7),
    ),
    capabilities=domain.Capabilities(("SYS_ADMIN",), ("ALL",)),
    run_as_user=False,
    secret_env={"TOKEN": "t"},
    liveness_probe=domain.Probe(handler=domain.ExecAction(("true",)), initial_delay=1),
    readiness_probe=domain.Probe(
        handler=domain.HttpGetAction(80, "/", https=True, headers={"A": "b"}),
        period=2,
        timeout=3,
        success_threshold=4,
        failure_threshold=5,
    ),
    startup_probe=domain.Probe(handler=domain.TcpAction(81)),
    termination_grace_period=5,
    labels={"l": "v"},
    request_id="r-1",
    validate_only=True,
)


def test_every_field_of_a_task_arrives() -> None:
    assert task_spec(FULL) == READ


def test_every_field_of_the_contract_is_in_the_example_above() -> None:
    unset = {
        f"{message.DESCRIPTOR.name}.{name}"
        for message in (FULL, FULL.task, FULL.task.plan, FULL.task.stage, FULL.resources)
        for name in message.DESCRIPTOR.fields_by_name
        if name not in {field.name for field, _ in message.ListFields()}
    }
    assert not unset


def test_what_is_left_out_is_the_domains_default() -> None:
    said = task_spec(k8s_agent_pb2.SubmitTaskRequest())
    plan = domain.StageTaskPlan()
    assert said == domain.TaskSpec(claim=Claim(), task=domain.StagedTask(plan=plan))


def test_a_time_without_limit_is_none() -> None:
    request = task_requests.request({"batch": {"time": {"unlimited": {}}}})
    assert task_spec(request).batch == domain.Batch()


BAD: dict[str, tuple[dict[str, object], str]] = {
    "batch.time": ({"batch": {"time": {}}}, "REQUIRED"),
    "batch.time.value": ({"batch": {"time": {"value": "-1s"}}}, "DURATION_FORM"),
    "batch.ttl_after_finished": ({"batch": {"ttl_after_finished": "0.1s"}}, "NOT_WHOLE"),
    "endpoints[0].protocol": ({"endpoints": [{"protocol": 9}]}, "UNKNOWN_VALUE"),
    "image_pull_policy": ({"image_pull_policy": 9}, "UNKNOWN_VALUE"),
    "liveness_probe": ({"liveness_probe": {"period": "1s"}}, "REQUIRED"),
    "request_id": ({"request_id": "a b"}, "REQUEST_ID_FORM"),
    "startup_probe.timeout": (
        {"startup_probe": {"tcp_port": 1, "timeout": "0.5s"}},
        "NOT_WHOLE",
    ),
    "termination_grace_period": ({"termination_grace_period": "-5s"}, "DURATION_FORM"),
    "tolerations[0].effect": ({"tolerations": [{"effect": 9}]}, "UNKNOWN_VALUE"),
    "tolerations[0].operator": ({"tolerations": [{"operator": 9}]}, "UNKNOWN_VALUE"),
    "workload": ({"workload": 9}, "UNKNOWN_VALUE"),
}


def faults(request: k8s_agent_pb2.SubmitTaskRequest) -> dict[str, str]:
    return {fault.field: fault.reason for fault in task_spec(request).faults}


@pytest.mark.parametrize("path", BAD)
def test_what_cannot_be_read_is_told_by_its_path(path: str) -> None:
    fields, reason = BAD[path]
    assert faults(task_requests.request(fields)) == {path: reason}


def test_everything_that_cannot_be_read_is_told_at_once() -> None:
    request = k8s_agent_pb2.SubmitTaskRequest()
    for path in ("workload", "image_pull_policy", "request_id", "startup_probe.timeout"):
        request.MergeFrom(task_requests.request(BAD[path][0]))
    assert faults(request) == {
        "workload": "UNKNOWN_VALUE",
        "image_pull_policy": "UNKNOWN_VALUE",
        "request_id": "REQUEST_ID_FORM",
        "startup_probe.timeout": "NOT_WHOLE",
    }


def test_a_field_that_this_release_does_not_know_is_refused() -> None:
    request = k8s_agent_pb2.SubmitTaskRequest()
    request.task.plan.MergeFromString(b"\xf8\x3f\x01")  # field 1023
    assert faults(request) == {"task.plan.1023": "UNKNOWN_FIELD"}


def test_the_originals_request_has_nothing_that_cannot_be_read() -> None:
    spec = task_spec(task_requests.request(task_requests.ORIGIN))
    assert spec.faults == ()
    assert spec.resources.devices == (domain.Device("nvidia.com/gpu", 0),)
