"""Answering for jobs that slurmctld has forgotten, whatever happened to the daemon meanwhile."""

import resource
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from fix_daemon import Daemon, running
from server.refusals import refusal
from slurm.bell import bell
from slurm.caller import DEADLINE, Caller, fresh, request
from slurm_commands import command, wait_until

from hpcagent.sandbox import Sandbox
from hpcagent.v1.job_pb2 import (
    JOB_SOURCE_JOURNAL,
    JOB_SOURCE_LIVE,
    JOB_STATE_CANCELLED,
    JOB_STATE_COMPLETED,
    JOB_STATE_FAILED,
    JOB_STATE_RUNNING,
    JOB_STATE_UNKNOWN,
    JobId,
)
from hpcagent.v1.job_requests_pb2 import HoldJobRequest

UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


@pytest.fixture(scope="module")
def forgetful(sandbox: Sandbox) -> Iterator[Sandbox]:
    """A cluster that forgets jobs within seconds (`sandbox` says why there is none)."""
    with Sandbox.up(conf={"MinJobAge": "2"}) as own:
        yield own


@pytest.fixture
def state(tmp_path: Path) -> dict[str, dict[str, object]]:
    """Settings of a daemon that looks at its jobs all the time, and keeps what it saw here."""
    return {"state": {"directory": str(tmp_path)}, "slurm": {"settle_interval": 0.2}}


def forgotten(sandbox: Sandbox, job: JobId) -> None:
    """Wait until slurmctld does not know a job any more."""
    argv = ("scontrol", "show", "job", str(job.job_id))
    wait_until(lambda: command(sandbox, *argv, check=False).returncode != 0, f"{job.id} is purged")


def ready(daemon: Daemon) -> Caller:
    daemon.wait_until_serving()
    return Caller(daemon.stub)


@dataclass(frozen=True)
class Past:
    """Jobs that slurmctld has forgotten, and a daemon that was started after that."""

    daemon: Daemon
    caller: Caller
    mark: str
    """``request_id`` of the one that failed."""
    jobs: Mapping[str, JobId]


@pytest.fixture(scope="module")
def past(forgetful: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    settings = {
        "state": {"directory": str(tmp_path_factory.mktemp("state"))},
        "slurm": {"settle_interval": 0.2},
    }
    mark = fresh("ends")
    sbatch = ("sbatch", "--parsable", "--uid=bob", "--gid=bob", "--output=/dev/null")
    with running(forgetful, settings) as daemon:
        caller = ready(daemon)
        jobs = {
            "done": caller.run("exit 0"),
            "failed": caller.run("exit 3", {"request_id": mark}),
            "array": caller.run("exit $SLURM_ARRAY_TASK_ID", array="0-2"),
            "bob's": JobId(job_id=int(command(forgetful, *sbatch, "--wrap=true").stdout)),
        }
        assert {caller.get(job).source for job in jobs.values()} == {JOB_SOURCE_LIVE}
        for job in jobs.values():
            forgotten(forgetful, job)
    with running(forgetful, settings) as daemon:
        yield Past(daemon, ready(daemon), mark, jobs)


def test_how_a_job_ended_is_told_when_slurmctld_has_forgotten_it(past: Past) -> None:
    done, failed = (past.caller.get(past.jobs[name]) for name in ("done", "failed"))
    assert (done.state, done.source) == (JOB_STATE_COMPLETED, JOB_SOURCE_JOURNAL)
    assert (failed.state, failed.exit_status.code, failed.source) == (
        JOB_STATE_FAILED, 3, JOB_SOURCE_JOURNAL,
    )  # fmt: skip
    assert (failed.user_id, failed.partition, failed.node_list != "") == (1870, "power", True)


def test_it_is_found_by_its_request_id(past: Past) -> None:
    assert past.caller.made_by(past.mark) == past.caller.get(past.jobs["failed"])
    other = refusal(lambda: past.caller.made_by(fresh("other")))
    assert other.code.name == "NOT_FOUND"


def test_to_cancel_it_is_a_warning_and_to_hold_it_a_refusal(past: Past) -> None:
    (result,) = past.caller.cancel(past.jobs["done"]).results
    assert (result.job_id, result.status.code) == (past.jobs["done"], 0)
    assert [warning.name for warning in result.warnings] == ["ESLURM_ALREADY_DONE"]
    request = HoldJobRequest(job_id=past.jobs["done"])
    held = refusal(lambda: past.daemon.stub.HoldJob(request, timeout=DEADLINE))
    assert (held.code.name, held.reason) == ("FAILED_PRECONDITION", "ESLURM_JOB_FINISHED")


def test_every_task_of_an_array_is_answered_for(past: Past) -> None:
    array = past.jobs["array"]
    told = [past.caller.get(f"{array.id}_{task}") for task in range(3)]
    assert [job.exit_status.code for job in told] == [0, 1, 2]
    assert {job.source for job in told} == {JOB_SOURCE_JOURNAL}
    assert past.caller.get(array).source == JOB_SOURCE_JOURNAL
    assert refusal(lambda: past.caller.get(f"{array.id}_3")).code.name == "NOT_FOUND"


def test_a_job_that_is_not_the_agents_is_not_found_once_it_is_forgotten(past: Past) -> None:
    assert refusal(lambda: past.caller.get(past.jobs["bob's"])).code.name == "NOT_FOUND"


def test_a_job_whose_end_nobody_saw_is_unknown_and_never_done(
    forgetful: Sandbox, state: dict[str, dict[str, object]]
) -> None:
    state["slurm"] = {"settle_interval": 3600}
    with running(forgetful, state) as daemon, bell() as rung:
        caller = ready(daemon)
        seen = caller.run(f"echo > {rung.path}\nexec sleep 60")
        unseen = caller.run("exit 0")
        rung.wait()
        assert caller.get(seen).state == JOB_STATE_RUNNING
        command(forgetful, "scancel", seen.id)
        for job in (seen, unseen):
            forgotten(forgetful, job)
        told = caller.get(seen)
        assert (told.state, told.source) == (JOB_STATE_UNKNOWN, JOB_SOURCE_JOURNAL)
        assert (told.backend_state, told.reason.name) == ("RUNNING", "NotSeenToEnd")
        told = caller.get(unseen)
        assert (told.state, told.source) == (JOB_STATE_UNKNOWN, JOB_SOURCE_JOURNAL)
        assert (told.backend_state, told.user, told.user_id) == ("", "nscc-gz_jiangli", 1870)


def test_an_end_that_accounting_learns_late_is_written_down(
    state: dict[str, dict[str, object]], accounting_sandbox: Sandbox
) -> None:
    """As when slurmctld could not tell slurmdbd, and the job is purged when the daemon is back."""
    with Sandbox.up(accounting=True, conf={"MinJobAge": "2"}) as own:
        with running(own, state) as daemon, bell() as rung:
            alice = {"user": "alice", "user_id": None, "group": None, "group_id": None}
            job = ready(daemon).run(f"echo > {rung.path}\nread go < {rung.path}", alice)
            rung.wait()
            daemon.process.kill()
            daemon.process.wait()
            Path(rung.path).write_text("go\n")
            forgotten(own, job)
        in_database(own, job, "state=1, time_end=0")
        with running(own, state) as daemon:
            ready(daemon)
            daemon.log.wait_for("job_end_not_known_yet", job_id=job.id)
            in_database(own, job, "state=3, time_end=time_start")
            daemon.log.wait_for("job_end_known_at_last", job_id=job.id)
            own.slurmdbd.stop()
            told = Caller(daemon.stub).get(job)
            assert (told.state, told.source) == (JOB_STATE_COMPLETED, JOB_SOURCE_JOURNAL)


def in_database(sandbox: Sandbox, job: JobId, changes: str) -> None:
    """Change a job in the accounting database, once slurmdbd has its end."""
    socket = f"--socket={sandbox.directory}/db/socket"

    def tell(statement: str) -> str:
        return command(sandbox, "mariadb", socket, "slurm_acct_db", "-Ne", statement).stdout

    which = f"where id_job={job.job_id}"
    ended = f"select count(*) from sandbox_job_table {which} and time_end > 0"  # noqa: S608 - ours
    if "time_end=0" in changes:
        wait_until(lambda: tell(ended).strip() == "1", "accounting has the end")
    tell(f"update sandbox_job_table set {changes} {which}")  # noqa: S608 - ours


def test_a_daemon_that_was_killed_before_the_answer_finds_its_job_and_keeps_it(
    private_sandbox: Sandbox, state: dict[str, dict[str, object]]
) -> None:
    mark = fresh("killed")
    slurmctld = private_sandbox.slurmctld
    with running(private_sandbox, state) as daemon:
        ready(daemon)
        slurmctld.suspend()
        asked = request(
            {"script": "#!/bin/sh\nexit 4\n", "request_id": mark}, {"output": "/dev/null"}
        )
        call = daemon.stub.SubmitJob.future(asked, timeout=DEADLINE)
        daemon.log.wait_for("intent", verb="submit")
        wait_until(lambda: _is_written(Path(str(state["state"]["directory"])), mark), "it is noted")
        daemon.process.kill()
        assert isinstance(call.exception(), grpc.RpcError)
        daemon.process.wait()
        slurmctld.resume()
    with running(private_sandbox, state) as daemon:
        caller = ready(daemon)

        def there() -> bool:
            try:
                return caller.made_by(mark).state == JOB_STATE_FAILED
            except grpc.RpcError:
                return False

        wait_until(there, "the job is found by its request_id")
        job = caller.made_by(mark)
        assert (job.exit_status.code, job.request_id) == (4, mark)


def _is_written(directory: Path, mark: str) -> bool:
    """Whether the journal's files have an entry, as whoever finds them after a crash sees it."""
    return any(mark.encode() in file.read_bytes() for file in directory.glob("slurm-journal.db*"))


def test_without_room_for_the_journal_nothing_is_submitted(
    forgetful: Sandbox, state: dict[str, dict[str, object]]
) -> None:
    """And what is there can still be asked for and cancelled."""
    with running(forgetful, state) as daemon:
        caller = ready(daemon)
        job = caller.hold()
        full = (1024, resource.RLIM_INFINITY)
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, full)
        name = fresh("refused")
        refused = refusal(lambda: caller.hold({"name": name}))
        assert (refused.code.name, refused.reason) == ("UNAVAILABLE", "JOURNAL_UNAVAILABLE")
        daemon.wait_until_serving(wanted=False)
        assert caller.jobs(names=[name]) == []
        caller.cancel(job)
        assert caller.get(job).state == JOB_STATE_CANCELLED
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, UNLIMITED)
        daemon.wait_until_serving()
        caller.cancel(caller.hold({"name": name}))
