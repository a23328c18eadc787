"""How the command line reaches an agent, and what it says of an answer that does not come."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health, health_pb2_grpc

from hpcagent.sandbox.controlplane import certificates
from hpcagent.v1 import (
    cluster_pb2,
    job_pb2,
    job_requests_pb2,
    slurm_agent_pb2,
    slurm_agent_pb2_grpc,
)

PATIENCE = 20.0
SUBMIT = ("job", "submit", "--uid=alice", "--chdir=/tmp", "--wrap=exit 0")


# ruff: noqa: ARG002, N802 - the methods are gRPC's


class Silent(slurm_agent_pb2_grpc.SlurmAgentServicer):
    """Tells about its cluster, but takes a submission and never answers."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.over = threading.Event()
        self.callers: list[str] = []

    def GetCluster(
        self, request: cluster_pb2.GetClusterRequest, context: grpc.ServicerContext
    ) -> cluster_pb2.Cluster:
        """Answer, and note the names in the caller's certificate."""
        self.callers += map(str, context.auth_context().get("x509_common_name", ()))
        return cluster_pb2.Cluster(name="other")

    def ListJobs(
        self, request: job_requests_pb2.ListJobsRequest, context: grpc.ServicerContext
    ) -> job_requests_pb2.ListJobsResponse:
        """Answer with a job that somebody has named to deceive whoever lists it."""
        name = "\x1b[2J\x9b31m名前"
        return job_requests_pb2.ListJobsResponse(jobs=[job_pb2.Job(name=name)] * 5000)

    def SubmitJob(
        self, request: slurm_agent_pb2.SubmitJobRequest, context: grpc.ServicerContext
    ) -> job_requests_pb2.SubmitJobResponse:
        """Keep the caller waiting until the test is over."""
        self.asked.set()
        self.over.wait(PATIENCE)
        return job_requests_pb2.SubmitJobResponse()


@pytest.fixture
def silent() -> Iterator[Silent]:
    servicer = Silent()  # type: ignore[abstract] # gRPC's answer UNIMPLEMENTED
    yield servicer
    servicer.over.set()


Listen = Callable[..., int]


@pytest.fixture
def listen(silent: Silent) -> Iterator[Listen]:
    """Serves it at an address, and returns the port."""
    servers: list[grpc.Server] = []

    def start(address: str, credentials: grpc.ServerCredentials | None = None) -> int:
        server = grpc.server(ThreadPoolExecutor(4))
        slurm_agent_pb2_grpc.add_SlurmAgentServicer_to_server(silent, server)
        health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)
        if credentials is None:
            port = server.add_insecure_port(address)
        else:
            port = server.add_secure_port(address, credentials)
        server.start()
        servers.append(server)
        return port

    yield start
    silent.over.set()
    for server in servers:
        server.stop(None).wait(PATIENCE)


@pytest.fixture
def address(listen: Listen, tmp_path: Path) -> str:
    """Where it is served in plaintext."""
    found = f"unix:{tmp_path}/agent.sock"
    listen(found)
    return found


def started(*arguments: str, stdout: int = subprocess.PIPE) -> "subprocess.Popen[str]":
    # A shell starts what is to run behind it with SIGINT ignored, and that is inherited.
    argv = ["env", "--default-signal=INT", sys.executable, "-m", "hpcagent.cli", *arguments]
    return subprocess.Popen(argv, stdout=stdout, stderr=subprocess.PIPE, text=True)


def run(*arguments: str) -> tuple[int, str, str]:
    """Exit status, output and errors."""
    with started(*arguments) as process:
        stdout, stderr = process.communicate(timeout=PATIENCE)
    return process.returncode, stdout, stderr


# ------------------------------------------------------------------- answers that do not come


def test_a_submission_that_is_not_answered_may_have_been_done(address: str) -> None:
    status, stdout, stderr = run(*SUBMIT, "--timeout=2", "--request-id=mine", "--address", address)
    assert (status, stdout) == (7, "")
    assert "may or may not have been carried out" in stderr
    assert "--request-id=mine" in stderr


def test_the_id_of_an_interrupted_submission_is_told(address: str, silent: Silent) -> None:
    with started(*SUBMIT, "--address", address) as process:
        assert silent.asked.wait(PATIENCE)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 7
    assert "--request-id=" in stderr
    assert "Traceback" not in stderr


def test_what_only_checks_has_changed_nothing(address: str) -> None:
    status, _, stderr = run(*SUBMIT, "--timeout=2", "--validate-only", "--address", address)
    assert status == 5
    assert "--request-id" not in stderr


def test_an_address_that_nobody_listens_at_is_told(tmp_path: Path) -> None:
    status, stdout, stderr = run(*SUBMIT, "--address", f"unix:{tmp_path}/none.sock")
    assert (status, stdout) == (os.EX_UNAVAILABLE, "")
    assert f"no agent answers at unix:{tmp_path}/none.sock" in stderr
    assert "--request-id" not in stderr


# -------------------------------------------------------------------------------- terminals


def test_a_reader_who_has_seen_enough_is_no_error(address: str) -> None:
    with started("job", "list", "--address", address) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "[\n"
        process.stdout.close()
        assert process.stderr is not None
        stderr = process.stderr.read()
    assert (process.returncode, stderr) == (1, "")


def test_json_has_nothing_that_a_terminal_obeys(address: str) -> None:
    status, stdout, _ = run("job", "list", "--address", address)
    assert status == 0
    assert "\x1b" not in stdout
    assert "\x9b" not in stdout
    assert json.loads(stdout)[0]["name"] == "\x1b[2J\x9b31m名前"


# -------------------------------------------------------------------------------------- TLS


@pytest.fixture
def tls(listen: Listen, tmp_path: Path) -> tuple[str, Path]:
    """An address where callers must show a certificate, and where the files for that are."""
    certificates.write("openssl", tmp_path)
    ca, certificate, key = (tmp_path / name for name in ("ca.crt", "server.crt", "server.key"))
    pair = (key.read_bytes(), certificate.read_bytes())
    credentials = grpc.ssl_server_credentials([pair], ca.read_bytes(), require_client_auth=True)
    return f"localhost:{listen('localhost:0', credentials)}", tmp_path


def files(directory: Path, *names: str) -> list[str]:
    """Options for files of a directory, by what they are."""
    kinds = {"ca": "ca.crt", "cert": "server.crt", "key": "server.key"}
    return [f"--{name}={directory / kinds[name]}" for name in names]


def test_an_agent_is_reached_over_mutual_tls(tls: tuple[str, Path], silent: Silent) -> None:
    address, directory = tls
    status, stdout, stderr = run(
        "cluster", "--address", address, *files(directory, "ca", "cert", "key")
    )
    assert status == 0, stderr
    assert json.loads(stdout)["name"] == "other"
    assert silent.callers == ["b'kube-apiserver'"]


@pytest.mark.parametrize("names", [("ca",), ("cert", "key"), ()], ids=str)
def test_an_agent_that_is_not_trusted_or_trusts_not_is_not_reached(
    tls: tuple[str, Path], names: tuple[str, ...], silent: Silent
) -> None:
    address, directory = tls
    status, _, stderr = run(
        "cluster", "--timeout=5", "--address", address, *files(directory, *names)
    )
    assert status == os.EX_UNAVAILABLE
    assert f"no agent answers at {address}" in stderr
    assert silent.callers == []


@pytest.mark.parametrize(
    ("names", "content", "said"),
    [
        (("ca",), "not a certificate", "ca.crt: is no PEM"),
        (("ca",), None, "ca.crt: No such file or directory"),
        (("cert",), "-----BEGIN CERTIFICATE-----", "belong together"),
        (("key",), "-----BEGIN PRIVATE KEY-----", "belong together"),
    ],
)
def test_files_that_are_of_no_use_are_told(
    tmp_path: Path, names: tuple[str, ...], content: str | None, said: str
) -> None:
    arguments = files(tmp_path, *names)
    for argument in arguments:
        if content is not None:
            Path(argument.partition("=")[2]).write_text(content)
    status, _, stderr = run("cluster", "--address=localhost:1", *arguments)
    assert status == 2
    assert said in stderr
