"""Every daemon can be stopped, frozen and brought back, and each call returns when it has been."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from slurm_commands import command, job_state, submit, wait_until

from hpcagent.sandbox import Daemon, DaemonError, Sandbox


def ping(sandbox: Sandbox) -> bool:
    """Whether a client gets an answer that munge vouched for."""
    return command(sandbox, "sinfo", check=False).returncode == 0


def daemon_named(sandbox: Sandbox, name: str) -> Daemon:
    return next(daemon for daemon in sandbox.daemons if daemon.name == name)


@pytest.mark.parametrize("name", ["munged", "slurmctld", "slurmd-node1"])
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
def test_a_daemon_comes_back_with_another_pid(name: str, signum: signal.Signals) -> None:
    with Sandbox.up(nodes=1) as sandbox:
        daemon = daemon_named(sandbox, name)
        before = daemon.pid
        daemon.restart(signum)
        assert daemon.pid not in {None, before}
        sandbox.wait_until_idle()
        assert ping(sandbox)


def test_a_stopped_daemon_has_no_pid(private_sandbox: Sandbox) -> None:
    private_sandbox.slurmctld.stop(signal.SIGKILL)
    assert private_sandbox.slurmctld.pid is None
    assert private_sandbox.slurmctld.state == "stopped"


def test_start_brings_back_whatever_is_down(private_sandbox: Sandbox) -> None:
    for daemon in private_sandbox.daemons:
        daemon.stop(signal.SIGKILL)
    private_sandbox.start()
    assert ping(private_sandbox)


def test_starting_what_runs_changes_nothing(sandbox: Sandbox) -> None:
    before = [daemon.pid for daemon in sandbox.daemons]
    sandbox.start()
    assert [daemon.pid for daemon in sandbox.daemons] == before


def test_a_suspended_slurmctld_accepts_and_does_not_answer(private_sandbox: Sandbox) -> None:
    slurmctld = private_sandbox.slurmctld
    slurmctld.suspend()
    assert slurmctld.state == "suspended"
    conf = dict(
        line.split("=", 1)
        for line in private_sandbox.conf.read_text().splitlines()
        if line.startswith("SlurmctldPort=")
    )
    with socket.create_connection(("127.0.0.1", int(conf["SlurmctldPort"])), timeout=1):
        pass
    environment = {**os.environ, **private_sandbox.env}
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run(["sinfo"], env=environment, timeout=0.3, check=True)
    slurmctld.resume()
    assert slurmctld.state == "running"
    assert ping(private_sandbox)


def test_suspending_what_does_not_run_is_an_error(private_sandbox: Sandbox) -> None:
    private_sandbox.munged.stop()
    with pytest.raises(DaemonError, match="munged does not run"):
        private_sandbox.munged.suspend()


def test_a_job_survives_a_restart_of_slurmctld(private_sandbox: Sandbox) -> None:
    job = submit(private_sandbox, "true", "--hold")
    private_sandbox.slurmctld.restart()
    assert job_state(private_sandbox, job) == "PENDING"


def test_a_running_job_survives_a_restart_of_its_slurmd(private_sandbox: Sandbox) -> None:
    job = submit(private_sandbox, "sleep 1000", "--nodelist=node1")
    wait_until(lambda: job_state(private_sandbox, job) == "RUNNING", "the job runs")
    private_sandbox.slurmd[0].restart(signal.SIGKILL)
    assert job_state(private_sandbox, job) == "RUNNING"


RESTART = """
import sys
from hpcagent.sandbox import Sandbox
Sandbox.open(sys.argv[1]).slurmctld.restart()
"""


def test_another_process_can_restart_a_daemon(private_sandbox: Sandbox) -> None:
    before = private_sandbox.slurmctld.pid
    subprocess.run(
        [sys.executable, "-c", RESTART, private_sandbox.directory],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        check=True,
    )
    assert private_sandbox.slurmctld.pid not in {None, before}
    assert ping(private_sandbox)
