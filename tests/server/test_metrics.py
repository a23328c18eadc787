from prometheus_client import REGISTRY
from server.refusals import refusal
from server.requests import original

from hpcagent.v1.job_pb2 import JobId
from hpcagent.v1.job_requests_pb2 import CancelJobRequest
from hpcagent.v1.slurm_agent_pb2_grpc import SlurmAgentStub

SERVICE = {"grpc_type": "unary", "grpc_service": "hpcagent.v1.SlurmAgent"}


def value(name: str, method: str, **labels: str) -> float:
    wanted = SERVICE | {"grpc_method": method} | labels
    return REGISTRY.get_sample_value(name, wanted) or 0.0


def test_a_call_is_counted_with_its_code_and_measured(slurm: SlurmAgentStub) -> None:
    handled = value("grpc_server_handled_total", "SubmitJob", grpc_code="OK")
    measured = value("grpc_server_handling_seconds_count", "SubmitJob")
    slurm.SubmitJob(original())
    assert value("grpc_server_handled_total", "SubmitJob", grpc_code="OK") == handled + 1
    assert value("grpc_server_handling_seconds_count", "SubmitJob") == measured + 1


def test_a_failed_call_is_counted_under_go_s_name_of_its_code(slurm: SlurmAgentStub) -> None:
    before = value("grpc_server_handled_total", "CancelJob", grpc_code="InvalidArgument")
    started = value("grpc_server_started_total", "CancelJob")
    refusal(lambda: slurm.CancelJob(CancelJobRequest(job_id=JobId(id="x"))))
    assert (
        value("grpc_server_handled_total", "CancelJob", grpc_code="InvalidArgument") == before + 1
    )
    assert value("grpc_server_started_total", "CancelJob") == started + 1
