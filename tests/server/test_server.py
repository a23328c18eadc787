"""The server as a whole: what it serves, how much at once, and how it ends."""

import os
import queue
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from grpc_channelz.v1 import channelz_pb2, channelz_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from server.conftest import Serve
from server.memory import MemoryBackend
from server.refusals import refusal
from server.requests import original

from hpcagent.v1.job_requests_pb2 import GetJobRequest
from hpcagent.v1.slurm_agent_pb2_grpc import SlurmAgentStub

BUSY = GetJobRequest(request_id="busy")


def occupy(slurm: SlurmAgentStub, backend: MemoryBackend, calls: int) -> list[Any]:
    """Make calls that the backend, which is shut, keeps; wait until all threads have one."""
    busy = [slurm.GetJob.future(BUSY, timeout=30) for _ in range(calls)]
    for _ in range(min(calls, 4)):
        backend.entered.acquire()
    return busy


def test_grpc_is_told_before_it_is_imported_to_leave_forks_alone() -> None:
    program = (
        "import os, sys, hpcagent.server; assert 'grpc' not in sys.modules; "
        "print(os.environ['GRPC_ENABLE_FORK_SUPPORT'])"
    )
    environment = {k: v for k, v in os.environ.items() if k != "GRPC_ENABLE_FORK_SUPPORT"}
    told = subprocess.run(
        [sys.executable, "-c", program],
        env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert told.stdout == "0\n"


def test_reflection_tells_what_is_served(channel: grpc.Channel) -> None:
    database = ProtoReflectionDescriptorDatabase(channel)
    assert set(database.get_services()) == {
        "hpcagent.v1.SlurmAgent",
        "hpcagent.v1.Agent",
        "grpc.health.v1.Health",
        "grpc.channelz.v1.Channelz",
        "grpc.reflection.v1alpha.ServerReflection",
    }
    found = database.FindFileContainingSymbol("hpcagent.v1.JobOptions")
    assert found.name == "hpcagent/v1/job_options.proto"


def test_channelz_counts_the_calls(channel: grpc.Channel, slurm: SlurmAgentStub) -> None:
    slurm.SubmitJob(original())
    found = channelz_pb2_grpc.ChannelzStub(channel).GetServers(channelz_pb2.GetServersRequest())
    assert max(server.data.calls_started for server in found.server) >= 1


def test_reflection_can_be_turned_off(serve: Serve, socket_path: str) -> None:
    serve(reflection=False)
    with grpc.insecure_channel(f"unix:{socket_path}") as channel:
        stub = channelz_pb2_grpc.ChannelzStub(channel)
        refused = refusal(lambda: stub.GetServers(channelz_pb2.GetServersRequest()))
    assert refused.code is grpc.StatusCode.UNIMPLEMENTED


def test_more_calls_than_threads_and_queue_are_refused_at_once(
    serve: Serve, socket_path: str, backend: MemoryBackend
) -> None:
    serve(threads=4, queue=2)
    with grpc.insecure_channel(f"unix:{socket_path}") as channel:
        slurm = SlurmAgentStub(channel)
        gate, ended = backend.shut(), queue.SimpleQueue[Any]()
        busy = occupy(slurm, backend, 7)
        for call in busy:
            call.add_done_callback(ended.put)
        assert ended.get(timeout=5).code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        gate.set()
        codes = [call.code() for call in busy]
    assert codes.count(grpc.StatusCode.NOT_FOUND) == 6


def test_a_request_may_be_as_large_as_the_settings_say(serve: Serve, socket_path: str) -> None:
    serve(max_request_bytes=1 << 20)
    with grpc.insecure_channel(f"unix:{socket_path}") as channel:
        slurm = SlurmAgentStub(channel)
        request = original()
        request.script = "#!/bin/sh\n" + "x" * (1 << 20)
        refused = refusal(lambda: slurm.SubmitJob(request))
        assert refused.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        request.script = request.script[: 1 << 19]
        assert slurm.SubmitJob(request).job_id.id == "1"


def test_a_stop_lets_calls_under_way_and_in_the_queue_end(
    serve: Serve, socket_path: str, backend: MemoryBackend
) -> None:
    server, gate = serve(), backend.shut()
    with grpc.insecure_channel(f"unix:{socket_path}") as channel, ThreadPoolExecutor(1) as stopping:
        busy = occupy(SlurmAgentStub(channel), backend, 6)
        health = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert next(health).status == health_pb2.HealthCheckResponse.SERVING
        stopped = stopping.submit(server.stop, 30.0)
        assert next(health).status == health_pb2.HealthCheckResponse.NOT_SERVING
        gate.set()
        codes = [call.code() for call in busy]
        stopped.result(timeout=10)
    assert codes == [grpc.StatusCode.NOT_FOUND] * 6


def test_a_stop_takes_no_longer_than_its_grace(
    serve: Serve, socket_path: str, backend: MemoryBackend
) -> None:
    server, gate = serve(), backend.shut()
    with grpc.insecure_channel(f"unix:{socket_path}") as channel:
        busy = occupy(SlurmAgentStub(channel), backend, 1)
        begin = time.monotonic()
        server.stop(0.2)
        assert time.monotonic() - begin < 5
        assert busy[0].code() in {grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE}
        gate.set()


def test_who_follows_health_is_told_of_the_stop_and_does_not_delay_it(
    serve: Serve, socket_path: str
) -> None:
    server = serve()
    with grpc.insecure_channel(f"unix:{socket_path}") as channel:
        stream = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert next(stream).status == health_pb2.HealthCheckResponse.SERVING
        begin = time.monotonic()
        server.stop(30)
        assert time.monotonic() - begin < 5
        assert next(stream).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert list(stream) == []
