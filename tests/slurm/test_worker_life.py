"""Worker processes that are started, renewed and ended, and the daemon with them."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
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
from hpcagent.slurm import wire
from hpcagent.slurm.pool.process import PoolSettings
from hpcagent.slurm.pool.workers import NoWorkerError, WorkerDiedError, WorkerPool


@pytest.fixture
def ctld(tmp_path: Path) -> Iterator[Silent]:
    with silent(tmp_path) as listener:
        yield listener


@contextmanager
def closing(pool: WorkerPool) -> Iterator[None]:
    try:
        yield
    finally:
        pool.close(Deadline.after(0))


# ---------------------------------------------------------------------- starts


@pytest.mark.parametrize(
    ("text", "words"),
    [("NoSuchKey=1\n", "NoSuchKey"), ("ClusterName=x\n", "SlurmctldHost"), (None, "slurm.conf")],
)
def test_a_worker_that_cannot_start_says_so_in_libslurms_words(
    tmp_path: Path, text: str | None, words: str
) -> None:
    conf = tmp_path / "slurm.conf"
    if text is not None:
        conf.write_text(text)
    own = WorkerPool(PoolSettings(conf=str(conf), processes=1, threads=1), os.environ)
    with closing(own), pytest.raises(NoWorkerError) as none:
        own.start()
    assert not none.value.alive
    assert words in own.last_failure
    assert own.misfit is (text is None)


def test_a_worker_that_does_not_become_ready_is_ended(tmp_path: Path) -> None:
    """Libslurm waits a minute for a slurm.conf that its environment names and that is not there."""
    settings = PoolSettings(processes=1, threads=1, start_timeout=0.5)
    own = WorkerPool(settings, {**os.environ, "SLURM_CONF": str(tmp_path / "slurm.conf")})
    with closing(own), pytest.raises(NoWorkerError):
        own.start()
    assert "stuck" in own.last_failure


def test_where_no_process_can_be_started_it_is_tried_again(
    ctld: Silent, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = PoolSettings(conf=str(ctld.conf), processes=1, threads=1, restart_delay=0.05)
    own = WorkerPool(settings, os.environ)
    with closing(own):
        with monkeypatch.context() as without:
            without.setattr(sys, "executable", "/nonexistent/python")
            with pytest.raises(NoWorkerError):
                own.start()
            assert "/nonexistent/python" in own.last_failure
        assert isinstance(ask(own), wire.Done)


def test_renewing_replaces_every_worker_and_loses_no_call(ctld: Silent) -> None:
    """Twice, the second time while the workers of the first are still starting."""
    with pool_of(ctld.conf) as own:
        before = set(own.pids())
        stop = threading.Event()

        def call() -> int:
            calls = 0
            while not stop.is_set():
                assert isinstance(ask(own), wire.Done)
                calls += 1
            return calls

        with ThreadPoolExecutor(8) as threads:
            callers = [threads.submit(call) for _ in range(8)]
            try:
                own.renew()
                own.renew()
                wait_until(
                    lambda: len(own.pids()) == 2 and before.isdisjoint(own.pids()), "renewed"
                )
            finally:
                stop.set()
            assert min(caller.result() for caller in callers) > 0
        becomes_whole(own)
        assert own.last_failure == ""


def test_a_retired_worker_ends_its_calls_first(ctld: Silent) -> None:
    with pool_of(ctld.conf, processes=1) as own:
        before = own.pids()
        asked = ctld.ask(own, 1, PATIENCE)
        own.renew()
        wait_until(lambda: own.pids() != before, "renewed")
        assert not asked[0].done()
        ctld.hang_up()
        assert isinstance(asked[0].result(AT_ONCE), wire.Done)
        becomes_whole(own)


def test_a_slurm_conf_that_is_broken_when_renewed_costs_nothing(ctld: Silent) -> None:
    good = ctld.conf.read_text()
    with pool_of(ctld.conf, restart_delay=0.05) as own:
        before = sorted(own.pids())
        ctld.conf.write_text("NoSuchKey=1\n")
        own.renew()
        wait_until(lambda: "NoSuchKey" in own.last_failure, "the new ones fail")
        assert sorted(own.pids()) == before
        assert isinstance(ask(own), wire.Done)
        ctld.conf.write_text(good)
        wait_until(lambda: len(own.pids()) == 2 and not {*before} & {*own.pids()}, "renewed")
        becomes_whole(own)


# ---------------------------------------------------------------------- ends


def test_closing_leaves_no_process_and_no_descriptor(ctld: Silent) -> None:
    """With calls that are answered, that run, and whose callers have left."""
    before = descriptors()
    with pool_of(ctld.conf, threads=4) as own:
        pids = own.pids()
        left = ctld.ask(own, 2, 0.1)
        wait(left)
        running = ctld.ask(own, 2, PATIENCE)
        ask(own)
        os.kill(pids[0], signal.SIGKILL)
        answered(own)
        pids += own.pids()
    for call in running:
        with pytest.raises(WorkerDiedError):
            call.result(AT_ONCE)
    ctld.hang_up()
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
    assert descriptors() - before == set()


def test_closing_waits_for_calls_until_its_deadline(ctld: Silent) -> None:
    with pool_of(ctld.conf, processes=1) as own:
        (call,) = ctld.ask(own, 1, PATIENCE)
        closing = threading.Thread(target=own.close, args=(Deadline.after(PATIENCE),))
        closing.start()
        ctld.hang_up()
        assert isinstance(call.result(AT_ONCE), wire.Done)
        closing.join(AT_ONCE)
        assert not closing.is_alive()


def test_closing_turns_away_whoever_waits(ctld: Silent) -> None:
    with pool_of(ctld.conf, processes=1, threads=1) as own, ThreadPoolExecutor(1) as threads:
        (running,) = ctld.ask(own, 1, PATIENCE)
        waiting = threads.submit(ask, own)
        wait_until(lambda: bool(own._freed._waiters), "it waits")  # type: ignore[attr-defined]
        own.close(Deadline.after(0))
        with pytest.raises(NoWorkerError):
            waiting.result(AT_ONCE)
        with pytest.raises(WorkerDiedError):
            running.result(AT_ONCE)
        with pytest.raises(NoWorkerError):
            ask(own)


def test_a_pool_that_was_never_started_can_be_closed() -> None:
    before = descriptors()
    own = WorkerPool(PoolSettings(), os.environ)
    own.close(Deadline.after(0))
    own.close(Deadline.after(0))
    assert descriptors() == before
