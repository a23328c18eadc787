"""No bad request becomes a job, and its caller is told all that is wrong with it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from fix_daemon import Daemon, running
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from server.refusals import Refusal, refusal
from slurm.bad import Bad
from slurm.bad_requests import CONF, LONGEST, MADE_WORK_DIR, PARTITIONS, PLACE, PLACES, ROWS
from slurm.caller import DEADLINE, Caller, fresh, request
from slurm_commands import command

from hpcagent.jobs.errors import DOMAIN
from hpcagent.sandbox import Sandbox
from hpcagent.v1 import agent_pb2, slurm_agent_pb2
from hpcagent.v1.agent_pb2 import GetAgentInfoRequest
from hpcagent.v1.job_pb2 import JOB_STATE_FAILED, Job
from hpcagent.v1.slurm_agent_pb2 import SubmitJobRequest

TRIED = [row for row in ROWS if row not in MADE_WORK_DIR[1:]]
"""What is refused before anything is done: a trial makes no directory."""


@pytest.fixture(scope="module")
def strict(sandbox: Sandbox) -> Iterator[Daemon]:
    """A daemon of the module's own, on a cluster that refuses what it can never run.

    (`sandbox` is asked for because it says why there is none.)
    """
    with Sandbox.up(conf=CONF) as own, running(own) as daemon:
        for partition in PARTITIONS:
            command(own, "scontrol", "create", *partition, "Nodes=ALL")
        daemon.wait_until_serving()
        yield daemon


@pytest.fixture(scope="module")
def caller(strict: Daemon) -> Caller:
    return Caller(strict.stub)


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """What the table says of PLACE; other users must get there, so it is not pytest's."""
    with tempfile.TemporaryDirectory(prefix="hpcagent-place-") as name:
        made = Path(name).resolve()
        made.chmod(0o755)
        for directory, mode in PLACES.items():
            made.joinpath(directory).mkdir()
            made.joinpath(directory).chmod(mode)
        made.joinpath("link").symlink_to("open")
        made.joinpath("file").touch()
        yield made


def build(bad: Bad, place: Path, **more: object) -> SubmitJobRequest:
    """Make the request of a row."""
    built = request({**bad.fields, **more}, bad.options)
    built.work_dir = built.work_dir.replace(PLACE, str(place))
    return built


def send(caller: Caller, asked: SubmitJobRequest) -> Refusal:
    """Submit it in vain."""
    return refusal(lambda: caller.stub.SubmitJob(asked, timeout=DEADLINE))


def named(rows: list[Bad] | tuple[Bad, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("bad", rows, ids=[row.why for row in rows])


@named(ROWS)
def test_a_bad_request_is_refused_with_all_that_is_wrong(
    bad: Bad, caller: Caller, place: Path
) -> None:
    told = send(caller, build(bad, place))
    assert (told.code, told.domain, told.reason) == (bad.code, bad.domain, bad.reason)
    assert told.violations == bad.violations


@named(TRIED)
def test_a_trial_is_refused_as_the_request_itself_would_be(
    bad: Bad, caller: Caller, place: Path
) -> None:
    trial = send(caller, build(bad, place, validate_only=True))
    assert (trial.code, trial.domain, trial.reason) == (bad.code, bad.domain, bad.reason)
    assert trial.violations == bad.violations


def test_slurmctld_has_no_job_of_any_bad_request(
    strict: Daemon, caller: Caller, place: Path
) -> None:
    kept = set()
    for row in ROWS:
        mark = row.asked.get("request_id", fresh("bad"))
        send(caller, build(row, place, request_id=mark))
        kept |= {mark} if row.recorded else set()
    left = caller.jobs()
    assert [job for job in left if not is_record_of_a_refusal(job)] == []
    assert {job.request_id for job in left} >= kept
    shown = command(strict.sandbox, "scontrol", "--oneliner", "show", "jobs").stdout
    assert len(left) == shown.count("JobId=") == shown.count("JobState=FAILED Reason=BadConstr")


def is_record_of_a_refusal(job: Job) -> bool:
    """Whether it is what slurmctld keeps of a job that it refused after it had made it."""
    never_ran = not job.node_list and not job.run_time.ToNanoseconds()
    return job.state == JOB_STATE_FAILED and job.reason.name == "BadConstraints" and never_ran


def test_the_longest_script_is_taken_and_is_what_the_agent_tells(
    strict: Daemon, caller: Caller
) -> None:
    answer = caller.submit({"script": LONGEST, "validate_only": True})
    assert answer.request_digest
    told = strict.agent.GetAgentInfo(GetAgentInfoRequest(), timeout=DEADLINE)
    assert told.limits.max_script_bytes == len(LONGEST)


# ------------------------------------------------------------------ requests that say nothing

SERVICES = (
    slurm_agent_pb2.DESCRIPTOR.services_by_name["SlurmAgent"],
    agent_pb2.DESCRIPTOR.services_by_name["Agent"],
)
METHODS = [
    method
    for service in SERVICES
    for method in service.methods
    if method.name != "SubmitJobs"  # it answers a bad item within the stream
]
TAKE_NOTHING = {
    "GetAgentInfo", "GetCluster", "ListJobs", "ListLicenses", "ListNodes", "ListPartitions",
    "ListReservations", "WatchJobs",
}  # fmt: skip
"""Methods to which an empty message is a good request."""
OURS = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.FAILED_PRECONDITION,  # ListAccounts: this cluster has no accounting
}


@pytest.mark.parametrize("method", METHODS, ids=[method.name for method in METHODS])
def test_an_empty_message_is_told_what_it_lacks(method: MethodDescriptor, strict: Daemon) -> None:
    if method.name in TAKE_NOTHING:
        call(method, strict.channel)
        return
    told = refusal(lambda: call(method, strict.channel))
    assert told.code in OURS
    assert told.domain == DOMAIN
    assert bool(told.violations) == (told.code is grpc.StatusCode.INVALID_ARGUMENT)


def call(method: MethodDescriptor, channel: grpc.Channel) -> object:
    """Call a method of whatever kind with one empty message; return the first answer."""
    sends, answers = method.client_streaming, method.server_streaming
    kind = f"{'stream' if sends else 'unary'}_{'stream' if answers else 'unary'}"
    invoke = getattr(channel, kind)(
        f"/{method.containing_service.full_name}/{method.name}",
        request_serializer=GetMessageClass(method.input_type).SerializeToString,
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
    empty = GetMessageClass(method.input_type)()
    answer = invoke(iter([empty]) if sends else empty, timeout=DEADLINE)
    if not answers:
        return answer
    try:
        return next(answer)
    finally:
        answer.cancel()  # a watch has no end of its own
