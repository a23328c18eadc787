"""A scheduler's programmers write Go: what they build and what they type, on a real Slurm.

Whether a job is what the request says is judged by Slurm's own `scontrol`.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import fix_go
import pytest
import tree
from fix_daemon import Daemon
from slurm_commands import DEADLINE, command

from hpcagent.sandbox import Sandbox

REQUEST = tree.ROOT / "examples/origin_request.json"
RECORD = {
    "UserId": "nscc-gz_jiangli(1870)",
    "GroupId": "nscc-gz(1884)",
    "Partition": "power",
    "JobName": "simpleHpcJ-2162247",
    "WorkDir": "/GPUFS/nscc-gz_jiangli/.bihu/wfda97f4b-5923-415f-9951-a7dca9b54c9f",
    "Comment": '{"sid":"wfda97f4b-5923-415f-9951-a7dca9b54c9f","app":"simpleHpcJobHour"}',
}
"""What `scontrol show job` has to say of the original request."""
SUBMIT_JOB = "hpcagent.v1.SlurmAgent/SubmitJob"
INVALID_ARGUMENT = 3

Done = subprocess.CompletedProcess[str]


def start(program: str | Path, *arguments: str, stdin: str = "") -> Done:
    return subprocess.run(
        [program, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


class Grpcurl:
    """grpcurl, which knows nothing of the contract but what the daemon's reflection tells."""

    def __init__(self, program: str, socket: Path) -> None:
        self._start = (program, "-plaintext", "-unix")
        self._socket = str(socket)

    def ask(self, *words: str) -> str:
        """Return what there is to say about services, methods and messages."""
        done = start(*self._start, self._socket, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def call(self, method: str, request: str) -> Done:
        """Call a method; the answer is JSON, and so is an error."""
        return start(*self._start, "-format-error", "-d", "@", self._socket, method, stdin=request)


@pytest.fixture
def agent(grpcurl: str, daemon: Daemon) -> Grpcurl:
    return Grpcurl(grpcurl, daemon.socket)


@pytest.fixture(autouse=True)
def no_job_is_left(sandbox: Sandbox) -> Iterator[None]:
    """The original job sleeps for an hour, where its working directory exists."""
    yield
    command(sandbox, "scancel", "--user=nscc-gz_jiangli")


@pytest.fixture
def refused_request(tmp_path: Path) -> Path:
    """The original request, but for a partition that there is not."""
    changed = tmp_path / "request.json"
    changed.write_text(json.dumps(json.loads(REQUEST.read_text()) | {"partition": "no-such"}))
    return changed


def record(sandbox: Sandbox, job: str) -> dict[str, str]:
    """The members in RECORD of what Slurm says of a job."""
    printed = command(sandbox, "scontrol", "--oneliner", "show", "job", job).stdout
    members = dict(word.split("=", 1) for word in printed.split() if "=" in word)
    return {name: members[name] for name in RECORD}


def check_refusal(status: str) -> None:
    """A google.rpc.Status as JSON has slurmctld's reason, and blames the partition."""
    said = json.loads(status)
    assert said["code"] == INVALID_ARGUMENT
    details = {detail["@type"].rpartition(".")[2]: detail for detail in said["details"]}
    assert details["ErrorInfo"]["reason"] == "ESLURM_INVALID_PARTITION_NAME"
    bad = details["BadRequest"]
    violations = bad.get("fieldViolations") or bad["field_violations"]  # JSON's name, proto's name
    assert [violation["field"] for violation in violations] == ["partition"]


def test_the_program_submits_the_original_request(
    go_program: Path, daemon: Daemon, sandbox: Sandbox
) -> None:
    done = start(go_program, daemon.address, str(REQUEST))
    assert done.returncode == 0, done.stderr
    assert record(sandbox, done.stdout.strip()) == RECORD


def test_grpcurl_submits_the_original_request(agent: Grpcurl, sandbox: Sandbox) -> None:
    done = agent.call(SUBMIT_JOB, REQUEST.read_text())
    assert done.returncode == 0, done.stderr
    assert record(sandbox, json.loads(done.stdout)["job_id"]["id"]) == RECORD


def test_the_program_prints_why_slurm_refused(
    go_program: Path, daemon: Daemon, refused_request: Path
) -> None:
    done = start(go_program, daemon.address, str(refused_request))
    assert done.returncode == 1
    check_refusal(done.stderr)


def test_grpcurl_prints_why_slurm_refused(agent: Grpcurl, refused_request: Path) -> None:
    done = agent.call(SUBMIT_JOB, refused_request.read_text())
    assert done.returncode == 64 + INVALID_ARGUMENT
    check_refusal(done.stderr)


def test_reflection_tells_every_service(agent: Grpcurl) -> None:
    services = {"grpc.health.v1.Health", "hpcagent.v1.Agent", "hpcagent.v1.SlurmAgent"}
    assert services <= set(agent.ask("list").split())


def test_reflection_tells_what_a_method_takes_and_answers(agent: Grpcurl) -> None:
    takes, answers = ".hpcagent.v1.SubmitJobRequest", ".hpcagent.v1.SubmitJobResponse"
    described = agent.ask("describe", "hpcagent.v1.SlurmAgent")
    assert f"rpc SubmitJob ( {takes} ) returns ( {answers} )" in described


@pytest.mark.parametrize("service", ["hpcagent.v1.Agent", "hpcagent.v1.SlurmAgent"])
def test_a_service_says_that_it_is_well(agent: Grpcurl, service: str) -> None:
    done = agent.call("grpc.health.v1.Health/Check", json.dumps({"service": service}))
    assert json.loads(done.stdout) == {"status": "SERVING"}


def test_the_program_is_as_go_wants_it(go_program: Path) -> None:
    assert fix_go.run("gofmt", "-l", fix_go.EXAMPLE) == ""
    fix_go.run("go", "vet", ".", directory=go_program.parent)
