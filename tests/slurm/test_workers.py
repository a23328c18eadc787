"""Worker processes that are killed, stopped, stuck and replaced while calls run."""

import os
import random
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from slurm.pools import (
    AT_ONCE,
    PATIENCE,
    Silent,
    answered,
    ask,
    becomes_whole,
    descriptors,
    pool_of,
    silent,
)
from slurm_commands import wait_until

from hpcagent.jobs.deadline import Deadline
from hpcagent.sandbox import Sandbox
from hpcagent.slurm import wire
from hpcagent.slurm.pool.workers import (
    CallOverranError,
    NotSentError,
    NoWorkerError,
    WorkerDiedError,
    WorkerPool,
)

LATE = 0.4
"""Seconds past a deadline that are too late even there; 0.2 is the promise."""


@pytest.fixture
def ctld(tmp_path: Path) -> Iterator[Silent]:
    with silent(tmp_path) as listener:
        yield listener


@pytest.fixture(scope="module")
def pool(sandbox: Sandbox) -> Iterator[WorkerPool]:
    """On the shared cluster, for tests that leave the workers alone."""
    with pool_of(sandbox.conf, sandbox.env, threads=4) as shared:
        yield shared


def overran(pool: WorkerPool, seconds: float) -> float:
    """Make a call that is not answered in time; how late the caller was told."""
    deadline = Deadline.after(seconds)
    with pytest.raises(CallOverranError):
        pool.call("ping", deadline)
    return time.monotonic() - deadline.at


# ---------------------------------------------------------------------- answers


def test_a_call_is_answered(pool: WorkerPool) -> None:
    match ask(pool, "ping"):
        case wire.Done([{"code": code, "text": text}]):
            assert (code, text) == (0, "")
        case other:
            pytest.fail(f"{other}")


def test_a_failure_is_an_answer_and_leaves_nothing_behind(pool: WorkerPool) -> None:
    for _ in range(20):
        reply = pool.call("job", Deadline.after(PATIENCE), job_id=99999, members=["job_id"])
        assert isinstance(reply, wire.Failed)
        assert (reply.kind, reply.code) == ("slurm", 2017)
    assert [os.fstat(w.stderr).st_size for w in pool._supervisor._workers] == [0, 0]
    becomes_whole(pool)


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [("no_such_operation", {}), ("hello", {"x": 1}), ("resolve", {"claim": {"shoe_size": 44}})],
)
def test_a_call_that_makes_no_sense_is_answered_as_a_defect(
    pool: WorkerPool, operation: str, arguments: dict[str, object]
) -> None:
    reply = pool.call(operation, Deadline.after(PATIENCE), **arguments)
    assert isinstance(reply, wire.Failed)
    assert reply.kind == "bug"
    becomes_whole(pool)


def test_what_cannot_be_sent_costs_no_channel(pool: WorkerPool) -> None:
    with pytest.raises((TypeError, ValueError)):
        pool.call("names", Deadline.after(PATIENCE), uids=[object()])
    becomes_whole(pool)


def test_two_hundred_threads_call_at_once(pool: WorkerPool) -> None:
    """Each gets its own answer, over eight channels."""
    start = threading.Barrier(200)

    def one(uid: int) -> bool:
        start.wait()
        reply = pool.call("names", Deadline.after(PATIENCE), uids=[0, uid], gids=[])
        return reply == wire.Done({"users": {0: "root"}, "groups": {}})

    with ThreadPoolExecutor(200) as threads:
        assert all(threads.map(one, range(50_000, 50_200)))
    becomes_whole(pool)


def test_a_name_that_is_no_text_does_not_cost_the_worker(sandbox: Sandbox, tmp_path: Path) -> None:
    passwd = tmp_path / "passwd"
    passwd.write_bytes(b"root:*:0:0::/:\nj\xe9r\xf4me:*:3001:3001::/:\n")
    environment = {**sandbox.env, "NSS_WRAPPER_PASSWD": str(passwd)}
    with pool_of(sandbox.conf, environment, processes=1) as own:
        (pid,) = own.pids()
        reply = own.call("names", Deadline.after(PATIENCE), uids=[0, 3001], gids=[])
        assert reply == wire.Done({"users": {0: "root", 3001: r"j\xe9r\xf4me"}, "groups": {}})
        reply = own.call("resolve", Deadline.after(PATIENCE), claim={"user_id": 3001})
        assert isinstance(reply, wire.Done)
        becomes_whole(own)
        assert own.pids() == [pid]


# ---------------------------------------------------------------------- deadlines


def test_a_call_is_over_at_its_deadline_and_its_channel_comes_back(
    private_sandbox: Sandbox,
) -> None:
    with pool_of(private_sandbox.conf, private_sandbox.env) as own:
        pids = sorted(own.pids())
        private_sandbox.slurmctld.suspend()
        with ThreadPoolExecutor(4) as threads:
            assert max(threads.map(overran, [own] * 4, [0.2, 0.3, 0.4, 0.5])) < LATE
        with pytest.raises(NoWorkerError) as turned_away:
            ask(own, seconds=0.1)
        assert turned_away.value.alive
        private_sandbox.slurmctld.resume()
        becomes_whole(own)
        assert isinstance(ask(own, "ping"), wire.Done)
        assert sorted(own.pids()) == pids


def test_a_deadline_that_has_passed_sends_nothing(ctld: Silent) -> None:
    with pool_of(ctld.conf, processes=1, threads=1) as own:
        with pytest.raises(NotSentError):
            ask(own, "ping", seconds=-1)
        becomes_whole(own)


def test_a_worker_that_takes_no_call_is_left_at_the_deadline_and_replaced(ctld: Silent) -> None:
    """Stopped, as a debugger or the freezer of a cgroup does; a large call fills the socket."""
    with pool_of(ctld.conf, processes=1) as own:
        (pid,) = own.pids()
        os.kill(pid, signal.SIGSTOP)
        deadline = Deadline.after(0.2)
        with pytest.raises(NotSentError):
            own.call("resolve", deadline, claim={"user": "x" * (4 << 20)})
        assert time.monotonic() - deadline.at < LATE
        wait_until(lambda: own.pids() != [pid], "it is replaced")
        becomes_whole(own)
        assert isinstance(ask(own), wire.Done)


def test_a_worker_that_answers_again_gets_its_channels_back(ctld: Silent) -> None:
    with pool_of(ctld.conf, processes=1) as own:
        pids = own.pids()
        os.kill(pids[0], signal.SIGSTOP)
        assert overran(own, 0.1) < LATE
        assert overran(own, 0.1) < LATE
        with pytest.raises(NoWorkerError):
            ask(own, seconds=0.1)
        os.kill(pids[0], signal.SIGCONT)
        for _ in range(2):
            ctld._connections.append(ctld._listener.accept()[0])
        ctld.hang_up()
        becomes_whole(own)
        assert own.pids() == pids


def test_a_stuck_worker_is_ended_and_replaced(ctld: Silent) -> None:
    with pool_of(ctld.conf, processes=1, stuck_after=0.3) as own:
        (pid,) = own.pids()
        overrunning = ctld.ask(own, 1, 0.1)
        others = ctld.ask(own, 1, PATIENCE)
        with pytest.raises(CallOverranError):
            overrunning[0].result(AT_ONCE)
        with pytest.raises(WorkerDiedError):
            others[0].result(AT_ONCE)
        wait_until(lambda: pid not in own.pids(), "it is replaced")
        becomes_whole(own)
        assert "stuck" in own.last_failure


# ---------------------------------------------------------------------- deaths


def test_a_killed_worker_costs_its_own_calls_at_once_and_no_others(ctld: Silent) -> None:
    with pool_of(ctld.conf) as own:
        asked = ctld.ask(own, 4, PATIENCE)
        killed, kept = own.pids()
        os.kill(killed, signal.SIGKILL)
        done, going_on = wait(asked, AT_ONCE, "FIRST_COMPLETED")
        while len(done) < 2:
            done, going_on = wait(asked, AT_ONCE, "FIRST_EXCEPTION")
        for call in done:
            with pytest.raises(WorkerDiedError):
                call.result()
        assert len(going_on) == 2
        assert isinstance(answered(own), wire.Done)
        ctld.hang_up()
        assert all(isinstance(call.result(AT_ONCE), wire.Done) for call in going_on)
        becomes_whole(own)
        assert kept in own.pids()
        assert killed not in own.pids()
        assert "signal 9" in own.last_failure


def test_workers_that_are_killed_again_and_again_are_replaced(ctld: Silent) -> None:
    seen: set[int] = set()
    with pool_of(ctld.conf) as own:
        for _ in range(3):
            assert seen.isdisjoint(own.pids())
            seen.update(own.pids())
            for pid in own.pids():
                os.kill(pid, signal.SIGKILL)
            assert isinstance(answered(own), wire.Done)
            becomes_whole(own)


def test_a_worker_killed_while_late_replies_are_awaited_leaves_nothing(ctld: Silent) -> None:
    with pool_of(ctld.conf, processes=1) as own:
        asked = ctld.ask(own, 2, 0.1)
        for call in asked:
            with pytest.raises(CallOverranError):
                call.result(AT_ONCE)
        os.kill(own.pids()[0], signal.SIGKILL)
        assert isinstance(answered(own), wire.Done)
        becomes_whole(own)


DAEMON = """
import os, sys, time
from hpcagent.slurm.pool.process import PoolSettings
from hpcagent.slurm.pool.workers import WorkerPool
pool = WorkerPool(PoolSettings(sys.argv[1], processes=2, threads=1), os.environ)
pool.start()
while len(pool.pids()) < 2:
    time.sleep(0.01)
print(*pool.pids(), file=sys.stderr, flush=True)
sys.stdin.read()
"""


def test_workers_end_with_the_daemon_however_it_ends(ctld: Silent) -> None:
    daemon = subprocess.Popen(
        [sys.executable, "-c", DAEMON, str(ctld.conf)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        assert daemon.stderr
        pids = [int(word) for word in daemon.stderr.readline().split()]
        ends = [os.pidfd_open(pid) for pid in pids]
        assert len(ends) == 2
        assert all(os.getsid(pid) != os.getsid(0) for pid in pids)
    finally:
        daemon.kill()
        daemon.communicate()
    for end in ends:
        assert select.select([end], [], [], PATIENCE)[0]
        os.close(end)


# ---------------------------------------------------------------------- all together


def test_no_channel_is_lost_in_a_storm(sandbox: Sandbox) -> None:
    """Deadlines around the time that a call takes, while workers are killed and renewed."""
    chance = random.Random(7)
    stop = threading.Event()
    kinds: set[str] = set()

    def call(seed: int) -> None:
        lots = random.Random(seed)
        while not stop.is_set():
            operation = lots.choice(["hello", "ping", "cluster"])
            try:
                kinds.add(type(ask(own, operation, lots.uniform(0, 0.02))).__name__)
            except (NoWorkerError, NotSentError, CallOverranError, WorkerDiedError) as error:
                kinds.add(type(error).__name__)

    before = descriptors()
    with pool_of(sandbox.conf, sandbox.env) as own, ThreadPoolExecutor(16) as threads:
        callers = [threads.submit(call, seed) for seed in range(16)]
        try:
            for _ in range(6):
                stop.wait(chance.uniform(0.05, 0.4))
                if pids := own.pids():
                    os.kill(chance.choice(pids), signal.SIGKILL)
                if chance.random() < 0.5:
                    own.renew()
        finally:
            stop.set()
        for caller in callers:
            caller.result(PATIENCE)
        becomes_whole(own)
        assert isinstance(ask(own, "ping"), wire.Done)
    assert descriptors() - before == set()
    assert {"Done", "CallOverranError"} <= kinds <= {
        "Done", "NoWorkerError", "NotSentError", "CallOverranError", "WorkerDiedError",
    }  # fmt: skip
