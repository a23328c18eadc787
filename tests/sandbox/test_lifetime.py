"""A sandbox comes up whole and goes down without a trace."""

import grp
import os
import pwd
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from slurm_commands import job_state, submit, wait_until

from hpcagent.sandbox import DaemonError, NotASandboxError, Sandbox, SandboxError, leftovers
from hpcagent.sandbox.layout import Layout
from hpcagent.sandbox.processes import Process, all_pids, environment_of

ACCOUNT_FILES = ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow")


def traces(directory: Path) -> list[int]:
    """Processes whose command line or environment names this directory."""
    found = []
    for pid in all_pids():
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(directory).encode() in words + b"".join(environment_of(pid)):
            found.append(pid)
    return [pid for pid in found if pid != os.getpid()]


def ran_job(sandbox: Sandbox, script: str, *options: str) -> int:
    job = submit(sandbox, script, *options)
    wait_until(lambda: job_state(sandbox, job) == "RUNNING", f"job {job} runs")
    return job


def test_all_nodes_are_idle_when_up_returns(sandbox: Sandbox) -> None:
    assert sandbox.node_states() == {"node1": "idle", "node2": "idle"}
    assert [daemon.state for daemon in sandbox.daemons] == ["running"] * 4


def test_nothing_listens_on_an_address_other_than_loopback(sandbox: Sandbox) -> None:
    links = [
        str(link.readlink())
        for daemon in sandbox.daemons
        for link in Path(f"/proc/{daemon.pid}/fd").iterdir()
    ]
    inodes = {link[len("socket:[") : -1] for link in links if link.startswith("socket:")}
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = {row[1].partition(":")[0] for row in rows if row[3] == "0A" and row[9] in inodes}
    assert listening == {"0100007F"}, "127.0.0.1 as the kernel writes it"
    rows = [row.split() for row in Path("/proc/net/tcp6").read_text().splitlines()[1:]]
    assert not [row for row in rows if row[3] == "0A" and row[9] in inodes]


def test_down_leaves_no_process_and_no_file() -> None:
    sandbox = Sandbox.up(nodes=1)
    pids = [daemon.pid for daemon in sandbox.daemons]
    assert set(pids) <= set(traces(sandbox.directory))
    sandbox.down()
    assert traces(sandbox.directory) == []
    assert not sandbox.directory.exists()


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("sleep 1000", id="plain"),
        pytest.param("trap '' TERM INT HUP; sleep 1000 & wait", id="deaf to signals"),
        pytest.param("setsid sleep 1000 & sleep 1000", id="detached"),
        pytest.param("env -i sleep 1000 & sleep 1000", id="without an environment"),
    ],
)
def test_down_ends_the_processes_of_jobs(script: str) -> None:
    with Sandbox.up(nodes=1) as sandbox:
        ran_job(sandbox, script, "--uid=1870", "--gid=1884")
        layout = Layout(sandbox.directory)
        daemons = {daemon.pid for daemon in sandbox.daemons}
        wait_until(lambda: _sleeps(layout) >= script.count("sleep"), "the job's processes run")
        of_the_job = [process for process in leftovers.find(layout) if process.pid not in daemons]
    assert not [process for process in of_the_job if process.running()]
    assert traces(sandbox.directory) == []


def _sleeps(layout: Layout) -> int:
    names = [Path(f"/proc/{process.pid}/comm") for process in leftovers.find(layout)]
    return sum(name.exists() and name.read_text() == "sleep\n" for name in names)


def test_down_spares_a_shell_that_read_the_environment(private_sandbox: Sandbox) -> None:
    environment = {**os.environ, **private_sandbox.env}
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, env=environment) as shell:
        private_sandbox.down()
        assert shell.poll() is None
        assert shell.stdin is not None
        shell.stdin.close()
        assert shell.wait() == 0


def test_down_wakes_and_ends_what_is_suspended() -> None:
    with Sandbox.up(nodes=1) as sandbox:
        for daemon in sandbox.daemons:
            daemon.suspend()
    assert traces(sandbox.directory) == []


def test_a_second_down_says_that_there_is_no_sandbox() -> None:
    with Sandbox.up(nodes=1) as sandbox:
        directory = sandbox.directory
    with pytest.raises(NotASandboxError, match="is not a sandbox"):
        Sandbox.open(directory)


def test_keep_leaves_the_logs_and_ends_the_daemons() -> None:
    sandbox = Sandbox.up(nodes=1)
    sandbox.down(keep=True)
    assert traces(sandbox.directory) == []
    assert (sandbox.directory / "log" / "slurmctld.log").stat().st_size > 0
    sandbox.down()


def test_a_directory_that_was_there_stays_and_is_emptied(short_path: Path) -> None:
    with Sandbox.up(short_path, nodes=1) as sandbox:
        assert sandbox.directory == short_path
    assert list(short_path.iterdir()) == []


def test_a_directory_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(SandboxError, match="not empty"):
        Sandbox.up(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_path_too_long_for_sockets_is_refused(tmp_path: Path) -> None:
    directory = tmp_path / ("x" * 80)
    with pytest.raises(SandboxError, match="bytes too long for the sockets"):
        Sandbox.up(directory)
    assert not directory.exists()


@pytest.mark.parametrize("name", ["with blank", "hash#", "percent%n", 'quote"', "comma,"])
def test_a_path_that_slurm_conf_cannot_hold_is_refused(short_path: Path, name: str) -> None:
    with pytest.raises(SandboxError, match="other characters than"):
        Sandbox.up(short_path / name)
    assert list(short_path.iterdir()) == []


def test_a_failing_up_says_why_and_leaves_nothing(short_path: Path) -> None:
    directory = short_path / "s"
    with pytest.raises(DaemonError, match=r"slurmctld ended at its start:(.|\n)*NoSuchKey"):
        Sandbox.up(directory, conf={"NoSuchKey": "1"})
    assert traces(directory) == []
    assert not directory.exists()


def test_two_sandboxes_do_not_disturb_each_other(sandbox: Sandbox) -> None:
    before = [daemon.pid for daemon in sandbox.daemons]
    with Sandbox.up(nodes=1) as other:
        assert other.node_states() == {"node1": "idle"}
        job = submit(other, "true", "--hold")
        other.slurmctld.restart()
        assert job_state(other, job) == "PENDING"
    assert [daemon.pid for daemon in sandbox.daemons] == before
    assert sandbox.node_states() == {"node1": "idle", "node2": "idle"}


def test_sandboxes_that_start_at_once_share_no_port() -> None:
    started: list[Sandbox] = []
    threads = [threading.Thread(target=lambda: started.append(Sandbox.up(nodes=1))) for _ in "1234"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        assert len(started) == len(threads)
        assert [each.node_states() for each in started] == [{"node1": "idle"}] * len(threads)
    finally:
        for each in started:
            each.down()


def test_the_accounts_of_this_machine_are_left_alone() -> None:
    before = [Path(name).read_bytes() for name in ACCOUNT_FILES if os.access(name, os.R_OK)]
    with Sandbox.up(nodes=1) as sandbox:
        names = [user.name for user in sandbox.users]
        assert names == ["nscc-gz_jiangli", "alice", "bob"]
        assert set(names).isdisjoint(entry.pw_name for entry in pwd.getpwall())
        assert "nscc-gz" not in {entry.gr_name for entry in grp.getgrall()}
    assert before == [Path(name).read_bytes() for name in ACCOUNT_FILES if os.access(name, os.R_OK)]


UP_AND_WAIT = """
import sys
from hpcagent.sandbox import Sandbox
print(Sandbox.up(nodes=1).directory, flush=True)
sys.stdin.read()
"""


def test_a_sandbox_outlives_a_killed_parent_and_goes_down_from_elsewhere(
    run_python: Callable[[str], "subprocess.Popen[str]"],
) -> None:
    with run_python(UP_AND_WAIT) as parent:
        assert parent.stdout is not None
        sandbox = Sandbox.open(parent.stdout.readline().strip())
        parent.kill()
        parent.wait()
    assert [daemon.state for daemon in sandbox.daemons] == ["running"] * 3
    sandbox.down()
    assert traces(sandbox.directory) == []
    assert not sandbox.directory.exists()


def test_an_up_killed_halfway_goes_down_from_elsewhere(
    run_python: Callable[[str], "subprocess.Popen[str]"], short_path: Path
) -> None:
    directory = short_path / "s"
    halfway = f"""
import os, signal
from hpcagent.sandbox import Sandbox, daemon
start = daemon.Daemon.start
def start_and_die(self, *args):
    start(self, *args)
    if self.name == "slurmctld":
        os.kill(os.getpid(), signal.SIGKILL)
daemon.Daemon.start = start_and_die
Sandbox.up({str(directory)!r})
"""
    with run_python(halfway) as parent:
        assert parent.wait() == -signal.SIGKILL
    sandbox = Sandbox.open(directory)
    assert [daemon.state for daemon in sandbox.daemons] == ["running"] * 2 + ["stopped"] * 2
    sandbox.down()
    assert traces(directory) == []


@pytest.fixture
def run_python() -> Callable[[str], "subprocess.Popen[str]"]:
    """Starts a program in this project's Python."""
    root = str(Path(__file__).parents[2])

    def run(program: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": root},
        )

    return run


def test_a_recorded_pid_that_is_another_process_now_is_not_signalled() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as bystander:
        now = Process.of(bystander.pid)
        earlier = Process(now.pid, now.start_time - 1, now.boot_id)
        before_a_reboot = Process(now.pid, now.start_time, "another boot")
        for stale in (earlier, before_a_reboot):
            assert not stale.running()
            assert not stale.send(signal.SIGKILL)
        assert bystander.poll() is None
        assert bystander.stdin is not None
        bystander.stdin.close()
        assert bystander.wait() == 0
