"""What the agent tells of itself is so."""

import socket
from importlib import metadata

import grpc
import pytest
from fix_daemon import Daemon
from google.protobuf.descriptor import FieldDescriptor
from server.refusals import refusal
from slurm.caller import DEADLINE
from slurm_commands import command

from hpcagent.v1 import agent_pb2, slurm_agent_pb2
from hpcagent.v1.agent_pb2 import GetAgentInfoRequest, GetAgentInfoResponse
from hpcagent.v1.job_options_pb2 import JobOptions
from hpcagent.v1.slurm_agent_pb2 import SubmitJobRequest

SERVICES = (
    slurm_agent_pb2.DESCRIPTOR.services_by_name["SlurmAgent"],
    agent_pb2.DESCRIPTOR.services_by_name["Agent"],
)
OPTIONS = JobOptions.DESCRIPTOR.fields
NOTHING = b""
"""An empty message of any type."""


@pytest.fixture(scope="module")
def told(daemon: Daemon) -> GetAgentInfoResponse:
    daemon.wait_until_serving()
    return daemon.agent.GetAgentInfo(GetAgentInfoRequest(), timeout=DEADLINE)


def test_the_cluster_is_that_of_scontrol(daemon: Daemon, told: GetAgentInfoResponse) -> None:
    shown = command(daemon.sandbox, "scontrol", "show", "config").stdout.splitlines()
    lines = (line.partition("=") for line in shown)
    conf = {name.strip(): value.strip() for name, _, value in lines}
    assert told.slurm.cluster == conf["ClusterName"]
    assert told.slurm.controller_version == conf["SLURM_VERSION"]
    assert told.slurm.library_version == told.slurm.controller_version
    assert conf["SlurmctldHost[0]"].startswith(f"{told.slurm.controllers[0]}(")
    assert told.slurm.identity == "privileged"


def test_the_agent_is_this_one(daemon: Daemon, told: GetAgentInfoResponse) -> None:
    assert told.agent_version == metadata.version("hpcagent")
    assert told.hostname == socket.gethostname()
    assert told.start_time.seconds > daemon.config.stat().st_mtime - 1
    assert not told.HasField("kubernetes")


def test_the_methods_that_are_told_are_those_that_are_served(
    daemon: Daemon, told: GetAgentInfoResponse
) -> None:
    methods = (method for service in SERVICES for method in service.methods)
    names = {f"{method.containing_service.full_name}/{method.name}" for method in methods}
    assert {name for name in names if is_served(daemon.channel, name)} == set(told.methods)


def is_served(channel: grpc.Channel, name: str) -> bool:
    """Whether a method does not answer UNIMPLEMENTED; all kinds of calls look alike on the wire."""
    call: grpc.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(f"/{name}")
    try:
        list(call(NOTHING, timeout=DEADLINE))
    except grpc.RpcError as error:
        return error.code() is not grpc.StatusCode.UNIMPLEMENTED
    return True


def test_the_options_that_are_told_are_those_that_are_taken(
    daemon: Daemon, told: GetAgentInfoResponse
) -> None:
    refused = {field.name for field in OPTIONS if not is_taken(daemon, field)}
    assert {field.name for field in OPTIONS} - refused == set(told.job_options)


def is_taken(daemon: Daemon, field: FieldDescriptor) -> bool:
    """Whether an option is not refused by name; its value may well be."""
    asked = SubmitJobRequest()
    set_somehow(asked.options["slurm"], field)
    blamed = refusal(lambda: daemon.stub.SubmitJob(asked, timeout=DEADLINE)).violations
    return blamed.get(f'options["slurm"].{field.name}') != "OPTION_NOT_SUPPORTED"


def set_somehow(options: JobOptions, field: FieldDescriptor) -> None:
    """Give an option any value."""
    value = field.enum_type.values[1].number if field.enum_type else field.default_value
    if field.is_repeated:
        values = getattr(options, field.name)
        values.add() if field.message_type else values.append(value or "a")
    elif field.message_type:
        getattr(options, field.name).SetInParent()
        if field.message_type.name == "TimeLimit":  # refused as such where it says nothing
            getattr(options, field.name).unlimited.SetInParent()
    else:
        setattr(options, field.name, value)
