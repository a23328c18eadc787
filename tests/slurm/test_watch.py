"""WatchJobs on a real Slurm: what happens there, told in order and without a gap."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from fix_daemon import running
from server.refusals import Refusal, refusal
from slurm.caller import Caller, calling, fresh
from slurm.fates import ALICE
from slurm.watcher import watching
from slurm_commands import command, wait_until

from hpcagent.sandbox import Sandbox
from hpcagent.v1 import job_pb2
from hpcagent.v1.job_requests_pb2 import JobFilter, WatchJobsRequest

QUICK = {"slurm": {"watch_interval": 0.2}}


def test_a_watch_begins_with_the_jobs_that_are_there_and_tells_each_step(caller: Caller) -> None:
    name = fresh("steps")
    there = caller.hold({"name": name})
    caller.hold({"name": fresh("other")})
    with watching(caller.stub, JobFilter(names=[name])) as watcher:
        watcher.wait_until_complete()
        assert watcher.kinds(there) == ["snapshot"]
        runs = caller.run("sleep 600", {"name": name})
        watcher.wait_for_state(runs, "RUNNING")
        caller.cancel(runs)
        watcher.wait_for_state(runs, "CANCELLED")
        caller.cancel(there)
        watcher.wait_for_state(there, "CANCELLED")
    assert set(watcher.states) == {there.id, runs.id}
    assert watcher.states[there.id] == ["PENDING", "CANCELLED"]
    assert [word for word in watcher.states[runs.id] if "+" not in word][-2:] == [
        "RUNNING",
        "CANCELLED",
    ]


def test_what_the_agent_itself_does_is_told_at_once(sandbox: Sandbox) -> None:
    """Though it looks only twice a minute by itself."""
    with (
        running(sandbox, {"slurm": {"watch_interval": 3600}}) as daemon,
        calling(daemon.stub) as caller,
        watching(caller.stub, JobFilter(users=["nscc-gz_jiangli"])) as watcher,
    ):
        watcher.wait_until_complete()
        job = caller.hold()
        watcher.wait_for_state(job, "PENDING")
        caller.cancel(job)
        watcher.wait_for_state(job, "CANCELLED")
        first, *_, last = (event.as_of_time.seconds for event in watcher.events)
        assert last - first < 20


def test_each_task_of_an_array_is_told_by_its_own_id(caller: Caller) -> None:
    array = caller.run("exit $SLURM_ARRAY_TASK_ID", array="0-2%1")
    wanted = JobFilter(job_ids=[job_pb2.JobId(id=array.id)])
    tasks = [f"{array.id}_{task}" for task in range(3)]
    with watching(caller.stub, wanted) as watcher:
        watcher.wait_for(
            lambda: (
                all(watcher.states.get(task, [""])[-1] in {"COMPLETED", "FAILED"} for task in tasks)
                and array.id in watcher.gone
            )
        )
    assert [watcher.states[task][-1] for task in tasks] == ["COMPLETED", "FAILED", "FAILED"]


def test_each_component_of_a_heterogeneous_job_is_told_by_its_own_id(caller: Caller) -> None:
    job = caller.run("exit 0", {"components": [{"nodes": 1}]})
    ids = [f"{job.job_id}+{offset}" for offset in range(2)]
    with watching(caller.stub, JobFilter(job_ids=[job])) as watcher:
        watcher.wait_for(
            lambda: all(watcher.states.get(one, [""])[-1] == "COMPLETED" for one in ids)
        )
    assert set(watcher.states) == set(ids)


def test_a_filter_of_states_sees_jobs_come_and_go(caller: Caller) -> None:
    wanted = JobFilter(states=[job_pb2.JOB_STATE_RUNNING], names=[fresh("running")])
    with watching(caller.stub, wanted) as watcher:
        watcher.wait_until_complete()
        job = caller.run("sleep 600", {"name": wanted.names[0]})
        watcher.wait_for_state(job, "RUNNING")
        caller.cancel(job)
        watcher.wait_for(lambda: job.id in watcher.gone)
    assert watcher.kinds(job)[0] == "changed"
    assert watcher.states[job.id][-1].startswith("CANCELLED")


@pytest.mark.parametrize("by", ["request_ids", "users", "job_ids"])
def test_jobs_are_watched_by_whatever_they_are_known_by(caller: Caller, by: str) -> None:
    request_id = fresh("request")
    job = caller.hold({"request_id": request_id})
    wanted: dict[str, JobFilter] = {
        "request_ids": JobFilter(request_ids=[request_id]),
        "users": JobFilter(users=["1870"]),
        "job_ids": JobFilter(job_ids=[job]),
    }
    with watching(caller.stub, wanted[by]) as watcher:
        watcher.wait_until_complete()
        assert watcher.kinds(job) == ["snapshot"]


def test_a_user_whom_nobody_knows_cannot_be_watched(caller: Caller) -> None:
    request = WatchJobsRequest(filter=JobFilter(users=["nobody-of-that-name"]))
    refused = refusal(lambda: next(caller.stub.WatchJobs(request)))
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.violations == {"filter.users[0]": "USER_UNKNOWN"}


def test_a_watch_goes_on_with_a_daemon_that_was_restarted(
    private_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """And tells what happened while there was none, also of a job that slurmctld forgot since."""
    state = {"state": {"directory": str(tmp_path_factory.mktemp("state"))}, **QUICK}
    with running(private_sandbox, state) as daemon, calling(daemon.stub) as caller:
        with watching(daemon.stub) as watcher:
            watcher.wait_until_complete()
            runs, waits = caller.run("sleep 600"), caller.hold()
            watcher.wait_for_state(runs, "RUNNING")
            watcher.wait_for_state(waits, "PENDING")
            daemon.stop()
            watcher.wait_for(lambda: watcher.call is None)
        caller.made.clear()
    assert refusal_of(watcher.error).metadata["resume_token"] == watcher.token
    command(private_sandbox, "scancel", runs.id)
    with running(private_sandbox, state) as daemon:
        with watching(daemon.stub, resume_token=watcher.token) as resumed:
            resumed.wait_for_state(runs, "CANCELLED")
        assert resumed.kinds(runs)[0] == "changed"
        assert resumed.kinds(waits) == []


def refusal_of(error: grpc.RpcError | None) -> Refusal:
    def fail() -> None:
        assert error is not None
        raise error

    return refusal(fail)


@pytest.fixture
def forgetful(tmp_path: Path) -> Iterator[Sandbox]:
    """A cluster that forgets jobs which have ended as soon as it can."""
    with Sandbox.up(conf={"MinJobAge": "2"}) as own:
        yield own


def test_a_job_that_slurmctld_forgets_is_gone_and_never_called_done_unseen(
    sandbox: Sandbox, forgetful: Sandbox, tmp_path: Path
) -> None:
    """Whose end was seen is gone as it ended; who ended while nobody looked is UNKNOWN."""
    state = {"state": {"directory": str(tmp_path)}, **QUICK}
    with running(forgetful, state) as daemon, calling(daemon.stub) as caller:
        with watching(daemon.stub) as watcher:
            watcher.wait_until_complete()
            seen, unseen = caller.run("exit 0"), caller.run("sleep 600")
            watcher.wait_for_state(unseen, "RUNNING")
            watcher.wait_for_state(seen, "COMPLETED")
            watcher.wait_for(lambda: seen.id in watcher.gone)
            daemon.stop()
            watcher.wait_for(lambda: watcher.call is None)
        caller.made.clear()
    assert watcher.states[seen.id][-1] == "COMPLETED"
    command(forgetful, "scancel", unseen.id)
    wait_until(lambda: not knows(forgetful, unseen), "slurmctld forgets the job", 90)
    with running(forgetful, state) as daemon:
        with watching(daemon.stub, resume_token=watcher.token) as resumed:
            resumed.wait_for(lambda: unseen.id in resumed.gone)
        assert resumed.states == {unseen.id: ["UNKNOWN"]}


def test_an_end_that_slurmdbd_learns_late_is_told_and_holds_up_nothing(
    accounting_sandbox: Sandbox, tmp_path: Path
) -> None:
    """While it is down slurmctld forgets the job, and a watcher comes back and hears of another."""
    state = {"state": {"directory": str(tmp_path)}, **QUICK}
    with Sandbox.up(conf={"MinJobAge": "2"}, accounting=True) as own:
        with running(own, state) as daemon, calling(daemon.stub) as caller:
            with watching(daemon.stub) as watcher:
                runs = caller.run("sleep 600", ALICE)
                watcher.wait_for_state(runs, "RUNNING")
            caller.made.clear()
        own.slurmdbd.stop()
        command(own, "scancel", runs.id)
        wait_until(lambda: not knows(own, runs), "slurmctld forgets the job", 90)
        with (
            running(own, state) as daemon,
            calling(daemon.stub) as caller,
            watching(daemon.stub, resume_token=watcher.token) as resumed,
        ):
            other = caller.hold(ALICE)
            resumed.wait_for_state(other, "PENDING")
            assert resumed.kinds(runs) == []
            own.slurmdbd.start()
            resumed.wait_for(lambda: runs.id in resumed.gone)
    assert resumed.states[runs.id] == ["CANCELLED"]


def knows(sandbox: Sandbox, job: job_pb2.JobId) -> bool:
    argv = ("squeue", "--states=all", f"--jobs={job.id}", "--noheader")
    return bool(command(sandbox, *argv, check=False).stdout)
