import random
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from hpcagent.changelog import FileLog, open_log
from hpcagent.jobs.errors import AgentError
from hpcagent.jobs.model import (
    ExitStatus,
    HetJob,
    Job,
    JobArray,
    JobFilter,
    JobId,
    JobReason,
    JobState,
    JobStateFlag,
    Tres,
)
from hpcagent.jobs.watch import Change, ChangeLog, Hub, MemoryLog

JOB = Job(
    job_id=JobId(7, 3, cluster="c"),
    state=JobState.RUNNING,
    backend_state="RUNNING",
    as_of_time=100.5,
    state_flags=(JobStateFlag.COMPLETING, JobStateFlag.REQUEUED),
    reason=JobReason("None", "text", "JOB"),
    exit_status=ExitStatus(1, 9, core_dumped=True),
    time_limit=float("inf"),
    requested_tres=(Tres("gres", "gpu", 2), Tres("mem", "", 1 << 40)),
    array=JobArray(7, "1-3", 2),
    het_job=HetJob(7, 1, "7-9"),
    name="\u00e9t\u00e9",
)


@contextmanager
def opened(path: Path, **limits: int) -> Iterator[FileLog]:
    log = FileLog(path, **limits)
    yield log
    log.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "watch.db"


def test_a_job_comes_back_as_it_was(path: Path) -> None:
    with opened(path) as log:
        log.append([Change(1, "7_3", JOB)])
        epoch = log.epoch
    with opened(path) as log:
        assert (log.epoch, log.number, log.jobs()) == (epoch, 1, {"7_3": JOB})
        assert list(log.since(0, 1, 9)) == [Change(1, "7_3", JOB)]


def test_a_watch_goes_on_with_another_daemon(path: Path) -> None:
    """Also over what changed while there was none."""
    with opened(path) as log:
        hub = Hub(log, quiet=0.01)
        hub.publish([JOB, replace(JOB, job_id=JobId(8))], [], 100.0)
        watch = hub.watch(JobFilter())
        *_, last = (next(events) for events in [watch.events()] for _ in range(3))
        hub.publish([replace(JOB, job_id=JobId(9))], [], 101.0)
    with opened(path) as log:
        hub = Hub(log, quiet=0.01)
        assert set(hub.jobs) == {"7_3", "8", "9"}
        hub.publish([], [replace(JOB, state=JobState.COMPLETED)], 102.0)
        resumed = hub.watch(JobFilter(), last.token).events()
        told = [next(resumed) for _ in range(3)]
        assert [(e.kind.name, e.job and str(e.job.job_id)) for e in told] == [
            ("CHANGED", "9"), ("GONE", "7_3"), ("BOOKMARK", None),
        ]  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_it_tells_what_an_endless_memory_would_and_keeps_little(path: Path, seed: int) -> None:
    """Whatever happens: all jobs that are there, and each change behind the floor with its past."""
    chance = random.Random(seed)
    endless = MemoryLog(most=10**6)
    hub = Hub(endless)
    with opened(path, most=30, step=10) as log:
        for _ in range(200):
            job = replace(JOB, job_id=JobId(chance.randrange(1, 12)), priority=chance.randrange(9))
            gone = chance.random() < 0.3
            number = endless.number
            hub.publish([] if gone else [job], [job] if gone else [], 100.0)
            log.append(endless.since(number, endless.number, 9))
        begin = log.floor
        assert endless.number - 40 <= begin <= endless.number - 30
        assert list(log.since(begin, log.number, 999)) == list(
            endless.since(begin, endless.number, 999)
        )
        rows = log._one("SELECT count(*) FROM changes")[0]
        assert rows <= 40 + 11
        newest = dict(hub.jobs)
    with opened(path) as log:
        assert (log.floor, log.number, dict(log.jobs())) == (begin, endless.number, newest)


def test_a_change_that_cannot_be_kept_leaves_the_log_as_it_was(path: Path) -> None:
    with opened(path) as log:
        log.append([Change(1, "7_3", JOB)])
        with pytest.raises(sqlite3.IntegrityError):
            log.append([Change(2, "8", JOB), Change(2, "9", JOB)])
        assert log.number == 1
        log.append([Change(2, "7_3", JOB, gone=True, before=JOB)])
    with opened(path) as log:
        assert dict(log.jobs()) == {}


def test_jobs_in_the_form_of_another_release_are_dropped_and_tokens_expire(path: Path) -> None:
    with opened(path) as log:
        log.append([Change(1, "7_3", JOB)])
        token = next(Hub(log).watch(JobFilter()).events()).token
        log._store.execute("UPDATE about SET form = 'older'")
    with opened(path) as log:
        assert (log.number, log.jobs()) == (0, {})
        with pytest.raises(AgentError, match="watch anew"):
            Hub(log).watch(JobFilter(), token)


def test_a_damaged_file_is_begun_anew(path: Path) -> None:
    path.write_bytes(b"This is no database." * 1000)
    log = open_log(path)
    assert log.number == 0
    log.close()


def test_a_second_daemon_cannot_use_the_file(path: Path) -> None:
    with opened(path) as log:
        log.append([Change(1, "7_3", JOB)])
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            sqlite3.connect(path, timeout=0).execute("SELECT * FROM changes")
        kept: ChangeLog = log
        assert kept.number == 1
