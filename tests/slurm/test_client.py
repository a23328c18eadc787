"""`hpcagent job` and `hpcagent cluster`: the command line, on a real agent."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from fix_daemon import PATIENCE, Daemon, hpcagent
from slurm.caller import fresh
from slurm_commands import wait_until

Run: TypeAlias = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def run(daemon: Daemon) -> Iterator[Run]:
    """Runs the command line against the shared daemon; what it submits ends with the module."""
    daemon.wait_until_serving()
    made: list[str] = []

    def call(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        done = hpcagent(*arguments, HPCAGENT_ADDRESS=daemon.address)
        if arguments[:2] == ("job", "submit") and done.returncode == 0 and done.stdout:
            made.append(number(done))
        return done

    yield call
    if made:
        call("job", "cancel", *made)


def number(done: "subprocess.CompletedProcess[str]") -> str:
    """The id of the job that was submitted."""
    text = done.stdout.strip()
    return text if text.isdigit() else str(json.loads(text).get("job_id", {}).get("id", ""))


def on_a_terminal(daemon: Daemon, *arguments: str) -> tuple[int, str]:
    """Run the command line on a terminal; returns its exit status and what it showed."""
    ours, its = pty.openpty()
    argv = [sys.executable, "-m", "hpcagent.cli", *arguments]
    env = {**os.environ, "HPCAGENT_ADDRESS": daemon.address, "COLUMNS": "200", "LINES": "50"}
    with subprocess.Popen(argv, stdout=its, stderr=its, env=env) as process:
        os.close(its)
        shown = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # EIO: the other end is closed (Linux)
                part = b""
            if not part:
                break
            shown += part
    os.close(ours)
    return process.returncode, shown.decode().replace("\r\n", "\n")


def watching(daemon: Daemon, *arguments: str) -> "subprocess.Popen[str]":
    """The command line, as it follows jobs; what runs the tests may ignore SIGINT, it does not."""
    argv = ["env", "--default-signal=INT", sys.executable, "-m", "hpcagent.cli", "job", "watch"]
    argv += arguments
    env = {**os.environ, "HPCAGENT_ADDRESS": daemon.address}
    return subprocess.Popen(
        argv, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


ALICE = ("--uid=alice", "--chdir=/tmp", "--output=/dev/null")


def submitted(run: Run, *options: str, wrap: str = "exit 0") -> str:
    done = run("job", "submit", "--parsable", *ALICE, *options, f"--wrap={wrap}")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def told(run: Run, *arguments: str) -> dict[str, object]:
    done = run("job", "get", *arguments)
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_a_script_is_submitted_with_sbatchs_options(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "work.sh"
    script.write_text("#!/bin/sh\n#SBATCH --time=5 --comment=its\n\nexit 0\n")
    options = ("-H", "-t", "7", "--mem=100M", "-n", "2", "--exclusive", '--comment=say "hi" # now')
    done = run("job", "submit", *ALICE, *options, script, "--first", "second")
    assert done.returncode == 0, done.stderr
    job = told(run, number(done))
    assert (job["name"], job["user"], job["work_dir"]) == ("work.sh", "alice", "/tmp")
    assert (job["time_limit"], job["ntasks"]) == ({"value": "420s"}, 2)
    assert job["comment"] == 'say "hi" # now'


def test_a_script_comes_from_standard_input_too(daemon: Daemon) -> None:
    argv = [sys.executable, "-m", "hpcagent.cli", "job", "submit", "--parsable", "-H", *ALICE]
    env = {**os.environ, "HPCAGENT_ADDRESS": daemon.address}
    done = subprocess.run(
        argv, input="#!/bin/sh\nexit 0\n", capture_output=True, text=True, env=env, check=True
    )
    assert done.stdout.strip().isdigit()
    hpcagent("job", "cancel", done.stdout.strip(), HPCAGENT_ADDRESS=daemon.address)


def test_every_fault_is_told_by_its_field(run: Run) -> None:
    done = run("job", "submit", *ALICE, "--time=never", "--partition=nowhere,", "--wrap=x")
    assert done.returncode == 2
    assert "--time" in done.stderr
    assert done.stdout == ""


def test_a_refusal_of_slurms_is_told_with_its_reason(run: Run) -> None:
    done = run("job", "submit", *ALICE, "--partition=nowhere", "--wrap=x")
    assert done.returncode == 2
    assert "ESLURM_INVALID_PARTITION_NAME" in done.stderr
    assert "partition" in done.stderr


def test_what_slurm_remarks_is_told_beside_the_answer(run: Run) -> None:
    done = run("job", "submit", "--parsable", *ALICE, "--hold", "--wrap=exit 0")
    assert (done.returncode, done.stdout.strip().isdigit()) == (0, True)
    assert "warning" in done.stderr
    assert "ESLURM_JOB_HELD" in done.stderr


def test_the_id_of_a_request_is_the_callers_to_choose(run: Run) -> None:
    mark = fresh("mark")
    assert told(run, submitted(run, "--hold", f"--request-id={mark}"))["request_id"] == mark
    done = run("job", "submit", *ALICE, "--request-id=a b", "--wrap=x")
    assert (done.returncode, "request_id" in done.stderr) == (2, True)


def test_a_job_is_held_released_and_ends(run: Run) -> None:
    job = submitted(run, "--hold")
    done = run("job", "release", job)
    assert done.returncode == 0, done.stderr
    watched = run("job", "watch", job)
    assert watched.returncode == 0, watched.stderr
    assert told(run, job)["state"] == "JOB_STATE_COMPLETED"


def test_a_watch_of_a_job_that_fails_says_so(run: Run) -> None:
    assert run("job", "watch", submitted(run, wrap="exit 3")).returncode == 6


def test_a_watch_of_an_array_ends_when_its_last_task_has(run: Run) -> None:
    assert run("job", "watch", submitted(run, "--array=0-2%1")).returncode == 0


def test_a_watch_of_a_task_ends_when_its_array_is_cancelled(daemon: Daemon, run: Run) -> None:
    array = submitted(run, "--hold", "--array=0-3")
    with watching(daemon, f"{array}_2") as process:
        assert process.stdout is not None
        process.stdout.readline()
        run("job", "cancel", array)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 6


def test_a_watch_of_a_job_that_never_was_ends_at_once(run: Run) -> None:
    done = run("job", "watch", submitted(run), "4000000")
    assert done.returncode == 3
    assert "ESLURM_INVALID_JOB_ID" in done.stderr


def test_each_event_is_a_line_that_comes_as_it_happens(daemon: Daemon, run: Run) -> None:
    job = submitted(run, "--hold")
    with watching(daemon, job) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        assert (first["event"], first["job"]["state"]) == ("snapshot", "JOB_STATE_PENDING")
        run("job", "cancel", job)
        last = json.loads(process.stdout.read().splitlines()[-1])
    assert (last["event"], last["job"]["state"]) == ("changed", "JOB_STATE_CANCELLED")


def test_a_watch_ends_when_it_is_interrupted(daemon: Daemon, run: Run) -> None:
    with watching(daemon, submitted(run, "--hold")) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=PATIENCE)
    assert (process.returncode, stderr) == (130, "")


def test_what_fails_of_one_job_keeps_nothing_from_the_others(run: Run) -> None:
    job = submitted(run, "--hold")
    done = run("job", "cancel", "4000000", "abc", job)
    assert done.returncode == 3
    assert [one["job_id"]["id"] for one in json.loads(done.stdout)] == [job]
    assert "4000000: Invalid job id specified" in done.stderr
    assert "abc: job_id.id: 'abc' is no job id" in done.stderr


def test_jobs_are_cancelled_by_what_they_match(run: Run) -> None:
    name = fresh("matched")
    jobs = [submitted(run, "--hold", f"--job-name={name}") for _ in range(2)]
    done = run("job", "cancel", "--user=alice", f"--name={name}", "--state=pending")
    assert done.returncode == 0, done.stderr
    assert [one["job_id"]["id"] for one in json.loads(done.stdout)] == jobs


@pytest.mark.parametrize(
    "arguments", [("cancel",), ("hold",), ("cancel", "--request-id=a", "1", "2")], ids=str
)
def test_nothing_is_done_with_jobs_that_nobody_named(run: Run, arguments: tuple[str, ...]) -> None:
    done = run("job", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr


def test_jobs_are_listed_by_the_time_of_their_submission(run: Run) -> None:
    job = submitted(run, "--hold", f"--job-name={fresh('timed')}")
    name = str(told(run, job)["name"])
    for window, found in (("--since=2020-01-01", [job]), ("--until=2020-01-01T07:55", [])):
        jobs = json.loads(run("job", "list", f"--name={name}", window).stdout)
        assert [one["job_id"]["id"] for one in jobs] == found
    assert run("job", "list", "--since=yesterday").returncode == 2


def test_faults_are_told_by_the_lines_of_the_callers_script(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "work.sh"
    script.write_text("#!/bin/sh\n\n#SBATCH --mem=much\nexit 0\n#SBATCH --hold\n")
    done = run("job", "submit", *ALICE, "--time=never", script)
    assert done.returncode == 2
    assert "script: line 3: --mem is 'much'" in done.stderr
    assert "command line: --time is 'never'" in done.stderr
    script.write_text(script.read_text().replace("much", "100"))
    done = run("job", "submit", "--parsable", *ALICE, "--begin=now+1hour", script)
    assert done.returncode == 0, done.stderr
    assert "line 5: is not read: the script's commands begin on line 4" in done.stderr


def test_a_cancelled_job_is_cancelled(run: Run) -> None:
    job = submitted(run, "--hold")
    done = run("job", "cancel", job)
    assert (done.returncode, json.loads(done.stdout)[0]["job_id"]["id"]) == (0, job)
    assert told(run, job)["state"] == "JOB_STATE_CANCELLED"


@pytest.mark.parametrize("verb", ["get", "cancel", "hold", "logs"])
def test_an_unknown_job_has_an_exit_status_of_its_own(run: Run, verb: str) -> None:
    done = run("job", verb, "4000000")
    assert done.returncode == 3
    assert "ESLURM_INVALID_JOB_ID" in done.stderr or "no job" in done.stderr


def test_jobs_are_listed_as_json_for_programs(run: Run) -> None:
    job = submitted(run, "--hold", "--job-name=listed-by-name")
    jobs = json.loads(run("job", "list", "--name=listed-by-name", "--state=pending").stdout)
    assert [one["job_id"]["id"] for one in jobs] == [job]


def test_jobs_are_listed_as_a_table_on_a_terminal(daemon: Daemon, run: Run) -> None:
    job = submitted(run, "--hold", "--job-name=tabled", "--time=90")
    status, shown = on_a_terminal(daemon, "job", "list", "--name=tabled")
    head, line = shown.splitlines()
    assert (status, head.split()[:5]) == (0, ["JOBID", "PARTITION", "NAME", "USER", "STATE"])
    assert line.split()[:5] == [job, "power", "tabled", "alice", "PENDING"]
    assert "01:30:00" in line
    assert "(JobHeldUser)" in line


def test_a_watch_is_redrawn_in_place_on_a_terminal(daemon: Daemon, run: Run) -> None:
    job = submitted(run, wrap="sleep 1")
    status, shown = on_a_terminal(daemon, "job", "watch", job)
    assert status == 0
    screens = shown.split("\x1b[H\x1b[J")[1:]
    assert len(screens) > 1
    assert "COMPLETED" in screens[-1]


def test_what_a_job_writes_is_followed_to_its_end(run: Run, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    for parent in tmp_path.parents:
        if parent.owner() == "root" and str(parent).startswith("/tmp/"):
            parent.chmod(0o755)
    options = ("--parsable", "--uid=alice", f"--chdir={tmp_path}", "--output=out")
    job = run("job", "submit", *options, "--wrap=echo one; sleep 1; echo two").stdout.strip()
    wait_until((tmp_path / "out").exists, "the job writes")
    done = run("job", "logs", "-f", job)
    assert (done.returncode, done.stdout) == (0, "one\ntwo\n"), done.stderr


PARTS = {
    "partitions": ("PARTITION", "power*"),
    "nodes": ("NODE", "node1"),
    "reservations": ("RESERVATION", ""),
    "licenses": ("LICENSE", "matlab"),
}


@pytest.mark.parametrize(("part", "words"), PARTS.items())
def test_a_clusters_parts_are_tables_on_a_terminal_and_json_elsewhere(
    daemon: Daemon, run: Run, part: str, words: tuple[str, str]
) -> None:
    status, shown = on_a_terminal(daemon, "cluster", part)
    assert status == 0
    assert shown.startswith(words[0])
    assert words[1] in shown
    items = json.loads(run("cluster", part).stdout)
    assert len(items) == len(shown.splitlines()) - 1


def test_a_cluster_is_told_with_its_controllers(daemon: Daemon, run: Run) -> None:
    cluster = json.loads(run("cluster").stdout)
    assert cluster["name"] == "sandbox"
    assert "responding: True" in on_a_terminal(daemon, "cluster")[1]


def test_parts_of_given_names_only(run: Run) -> None:
    assert [one["name"] for one in json.loads(run("cluster", "nodes", "node2").stdout)] == ["node2"]
    assert [one["name"] for one in json.loads(run("cluster", "licenses", "fluent").stdout)] == [
        "fluent"
    ]


def test_accounts_without_accounting_fail(run: Run) -> None:
    done = run("cluster", "accounts")
    assert done.returncode == 1
    assert "ACCOUNTING_NOT_CONFIGURED" in done.stderr


def test_an_agent_that_is_not_there_is_an_exit_status_of_its_own(tmp_path: Path) -> None:
    done = hpcagent("cluster", "--address", f"unix:{tmp_path}/none.sock")
    assert done.returncode == os.EX_UNAVAILABLE
    assert done.stdout == ""


@pytest.mark.parametrize(
    "arguments", [("job",), ("job", "submit", "--colour=red"), ("cluster", "x")]
)
def test_wrong_arguments_are_exit_status_2(run: Run, arguments: tuple[str, ...]) -> None:
    assert run(*arguments).returncode == 2
