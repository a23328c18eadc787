"""ReadOutput on a real Slurm: what a job writes, every byte once, and nobody else's."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from fix_daemon import running
from server.refusals import refusal
from slurm.caller import Caller, calling, job_id
from slurm_commands import command

from hpcagent.sandbox import Sandbox
from hpcagent.v1 import job_pb2
from hpcagent.v1.job_requests_pb2 import (
    OUTPUT_STREAM_STDERR,
    OUTPUT_STREAM_STDIN,
    OutputChunk,
    ReadOutputRequest,
)

ENDED = (job_pb2.JOB_STATE_COMPLETED, job_pb2.JOB_STATE_FAILED, job_pb2.JOB_STATE_CANCELLED)
TIMEOUT = 120.0


@pytest.fixture
def home(sandbox: Sandbox) -> Path:
    """A directory of the jobs' user."""
    user = next(user for user in sandbox.users if user.uid == 1870)
    path = Path(user.home, f"out-{os.urandom(4).hex()}")
    path.mkdir()
    os.chown(path, user.uid, 1884)
    return path


def read(caller: Caller, job: job_pb2.JobId, **fields: Any) -> list[OutputChunk]:  # noqa: ANN401
    return list(caller.stub.ReadOutput(ReadOutputRequest(job_id=job, **fields), timeout=TIMEOUT))


def data(chunks: list[OutputChunk]) -> bytes:
    return b"".join(chunk.data for chunk in chunks)


def notices(chunks: list[OutputChunk]) -> list[str]:
    names = [OutputChunk.Notice.Name(chunk.notice) for chunk in chunks]
    return [name.removeprefix("NOTICE_") for name in names if name != "NOTICE_UNSPECIFIED"]


def ended(caller: Caller, script: str, home: Path, **options: object) -> job_pb2.JobId:
    """A job that has run to its end in that directory."""
    job = caller.run(script, {"work_dir": str(home)}, **{"output": "out-%j", **options})
    caller.wait(job, *ENDED)
    return job


def test_the_output_of_a_job_that_has_ended_is_read_to_its_end(caller: Caller, home: Path) -> None:
    job = ended(caller, "echo one; echo two", home)
    chunks = read(caller, job)
    assert data(chunks) == b"one\ntwo\n"
    assert chunks[0].path == str(home / f"out-{job.id}")
    assert notices(chunks) == ["END"]
    assert chunks[-1].offset == 8


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"offset": 4}, b"two\nthree\n"),
        ({"offset": 4, "length": 3}, b"two"),
        ({"lines": 1}, b"three\n"),
        ({"lines": 2, "length": 3}, b"two"),
        ({"offset": 14}, b""),
    ],
)
def test_a_part_of_it_is_read_by_place_or_by_lines(
    caller: Caller, home: Path, fields: dict[str, int], part: bytes
) -> None:
    job = ended(caller, "echo one; echo two; echo three", home)
    assert data(read(caller, job, **fields)) == part


def test_each_stream_is_read(caller: Caller, home: Path) -> None:
    (home / "in").write_text("said")
    job = ended(caller, "cat; echo wrong >&2", home, input="in", error="err")
    assert data(read(caller, job)) == b"said"
    assert data(read(caller, job, stream=OUTPUT_STREAM_STDERR)) == b"wrong\n"
    assert data(read(caller, job, stream=OUTPUT_STREAM_STDIN)) == b"said"


def test_no_chunk_is_larger_than_64_kib_and_each_tells_its_place(
    caller: Caller, home: Path
) -> None:
    job = ended(caller, "head -c 200000 /dev/zero", home)
    chunks = read(caller, job)
    place = 0
    for chunk in chunks:
        assert chunk.offset == place
        assert len(chunk.data) <= 65536
        place += len(chunk.data)
    assert place == 200_000


def release(sandbox: Sandbox, job: job_pb2.JobId) -> None:
    command(sandbox, "scontrol", "release", job.id)


class Follower:
    """One who follows in the background."""

    def __init__(self, caller: Caller, job: job_pb2.JobId, **fields: Any) -> None:  # noqa: ANN401
        request = ReadOutputRequest(job_id=job, follow=True, **fields)
        self.call: Any = caller.stub.ReadOutput(request, timeout=TIMEOUT)
        self.chunks: list[OutputChunk] = []
        self._news = threading.Condition()
        self._pool = ThreadPoolExecutor(1)
        self._following = self._pool.submit(self._follow)

    def wait_for(self, said: bytes) -> None:
        """Wait until this was the last that was heard."""
        with self._news:
            assert self._news.wait_for(lambda: data(self.chunks).endswith(said), TIMEOUT), (
                self.chunks
            )

    def wait(self) -> None:
        """Wait for the end of the stream."""
        self._following.result(TIMEOUT)
        self._pool.shutdown()

    def _follow(self) -> None:
        for chunk in self.call:
            with self._news:
                self.chunks.append(chunk)
                self._news.notify_all()


@pytest.fixture
def go(home: Path) -> Path:
    """Where a job reads what to say next."""
    path = home / "go"
    os.mkfifo(path)
    path.chmod(0o666)
    return path


ECHO = "echo begun; while read word < go && [ $word != end ]; do eval $word; done"
"""A script that does what is written to its pipe, without blanks, until that is "end"."""


def test_one_who_follows_hears_what_comes_and_then_that_it_was_all(
    sandbox: Sandbox, caller: Caller, home: Path, go: Path
) -> None:
    """From before the job starts."""
    job = caller.run(ECHO, {"work_dir": str(home)}, output="out", hold=True)
    follower = Follower(caller, job)
    release(sandbox, job)
    follower.wait_for(b"begun\n")
    go.write_bytes(b"echo${IFS}one\n")
    follower.wait_for(b"one\n")
    go.write_bytes(b"end\n")
    follower.wait()
    assert data(follower.chunks) == b"begun\none\n"
    assert notices(follower.chunks) == ["END"]


def test_a_file_that_is_cut_or_replaced_is_read_anew_and_that_is_said(
    caller: Caller, home: Path, go: Path
) -> None:
    job = caller.run(ECHO, {"work_dir": str(home)}, output="out")
    follower = Follower(caller, job)
    follower.wait_for(b"begun\n")
    os.truncate(home / "out", 0)
    with (home / "out").open("ab") as out:
        out.write(b"new\n")
    follower.wait_for(b"new\n")
    (home / "out").unlink()
    (home / "out").write_bytes(b"other\n")
    follower.wait_for(b"other\n")
    go.write_bytes(b"end\n")
    follower.wait()
    assert notices(follower.chunks) == ["TRUNCATED", "ROTATED", "END"]
    assert data(follower.chunks) == b"begun\nnew\nother\n"


def test_the_tasks_of_an_array_have_outputs_of_their_own(caller: Caller, home: Path) -> None:
    options = {"array": "1-2%1", "output": "%A-%a"}
    array = caller.run("echo $SLURM_ARRAY_TASK_ID", {"work_dir": str(home)}, **options)
    for task in (2, 1):
        chunks = read(caller, job_id(f"{array.id}_{task}"), follow=True)
        assert (data(chunks), notices(chunks)) == (f"{task}\n".encode(), ["END"])
    refused = refusal(lambda: read(caller, array))
    assert refused.violations == {"job_id": "ARRAY_TASK_REQUIRED"}


def test_a_heterogeneous_job_has_the_output_of_its_one_script(caller: Caller, home: Path) -> None:
    fields = {"work_dir": str(home), "components": [{"nodes": 1}]}
    job = caller.run("echo $SLURM_HET_SIZE", fields, output="out-%j")
    chunks = read(caller, job, follow=True)
    assert (data(chunks), notices(chunks)) == (b"2\n", ["END"])


# ------------------------------------------------------------------ what is not read


def test_a_job_that_is_not_there_has_no_output(caller: Caller) -> None:
    for follow in (False, True):
        refused = refusal(lambda follow=follow: read(caller, job_id("999999"), follow=follow))  # type: ignore[misc]
        assert refused.code is grpc.StatusCode.NOT_FOUND


def test_a_job_that_has_not_started_has_written_nothing(caller: Caller) -> None:
    refused = refusal(lambda: read(caller, caller.hold()))
    assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "OUTPUT_NOT_FOUND")


def test_a_job_that_is_cancelled_before_its_start_ends_the_wait_for_its_output(
    caller: Caller,
) -> None:
    job = caller.hold()
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(refusal, lambda: read(caller, job, follow=True))
        caller.cancel(job)
        refused = following.result(TIMEOUT)
    assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "OUTPUT_NOT_FOUND")


def test_only_a_regular_file_is_read(caller: Caller, home: Path) -> None:
    job = ended(caller, "exit 0", home, output="/dev/null")
    refused = refusal(lambda: read(caller, job))
    assert refused.code is grpc.StatusCode.FAILED_PRECONDITION
    assert refused.reason == "OUTPUT_NOT_REGULAR"


def test_a_pipe_in_the_outputs_place_is_not_waited_for(caller: Caller, home: Path) -> None:
    job = ended(caller, "echo mine", home, output="out")
    (home / "out").unlink()
    os.mkfifo(home / "out")
    os.chown(home / "out", 1870, 1884)
    assert refusal(lambda: read(caller, job)).reason == "OUTPUT_NOT_REGULAR"


def test_what_the_jobs_user_may_not_read_is_not_read_though_the_agent_could(
    caller: Caller, home: Path
) -> None:
    job = ended(caller, "echo mine", home)
    (out,) = home.glob("out-*")
    os.chown(out, 0, 0)
    out.chmod(0o600)
    refused = refusal(lambda: read(caller, job))
    assert refused.code is grpc.StatusCode.PERMISSION_DENIED
    assert refused.reason == "OUTPUT_FORBIDDEN"


@pytest.mark.parametrize(("owner", "reason"), [(0, None), (1870, None), (2001, "OUTPUT_IS_LINK")])
def test_a_link_on_the_way_is_followed_only_if_root_or_the_user_made_it(
    caller: Caller, home: Path, owner: int, reason: str | None
) -> None:
    (home / "logs").mkdir()
    os.chown(home / "logs", 1870, 1884)
    job = ended(caller, "echo mine", home, output="logs/out")
    (home / "logs").rename(home / "elsewhere")
    (home / "logs").symlink_to("elsewhere")
    os.lchown(home / "logs", owner, owner)
    if reason is None:
        assert data(read(caller, job)) == b"mine\n"
    else:
        refused = refusal(lambda: read(caller, job))
        assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, reason)


def test_a_file_that_is_itself_a_link_is_not_read(caller: Caller, home: Path) -> None:
    job = ended(caller, "echo mine", home, output="out")
    (home / "out").rename(home / "other")
    (home / "out").symlink_to("other")
    os.lchown(home / "out", 1870, 1884)
    assert refusal(lambda: read(caller, job)).reason == "OUTPUT_IS_LINK"


def test_everything_that_is_wrong_is_said_at_once(caller: Caller) -> None:
    fields: dict[str, Any] = {
        "offset": 1 << 63, "lines": 0, "container": "c", "previous": True, "stream": 9,
    }  # fmt: skip
    refused = refusal(lambda: read(caller, job_id("x"), **fields))
    assert refused.violations == {
        "job_id.id": "JOB_ID_FORM", "container": "FIELD_NOT_SUPPORTED",
        "previous": "FIELD_NOT_SUPPORTED", "lines": "CONFLICT", "offset": "OUT_OF_RANGE",
        "stream": "UNKNOWN_VALUE",
    }  # fmt: skip


# ------------------------------------------------------------------ many at once


def test_followers_keep_no_worker_busy_and_leave_with_the_daemon(
    private_sandbox: Sandbox,
) -> None:
    """One native slot, ten who follow; and a stop tells each where to go on."""
    narrow = {"slurm": {"processes": 1, "threads": 1}, "server": {"threads": 4}}
    with running(private_sandbox, narrow) as daemon, calling(daemon.stub) as caller:
        home = next(user.home for user in private_sandbox.users if user.uid == 1870)
        job = caller.run("echo begun; exec sleep 600", {"work_dir": home}, output="out")
        followers = [Follower(caller, job) for _ in range(10)]
        for follower in followers:
            follower.wait_for(b"begun\n")
        assert caller.get(job).state == job_pb2.JOB_STATE_RUNNING
        followers[0].call.cancel()
        daemon.stop()
        caller.made.clear()
        for follower in followers[1:]:
            refused = refusal(follower.wait)
            assert (refused.code, refused.reason) == (
                grpc.StatusCode.UNAVAILABLE,
                "OUTPUT_ENDED",
            )
            assert refused.metadata["offset"] == "6"
