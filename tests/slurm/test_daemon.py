"""The daemon from its start to its end: when it is ready, what it heeds, and what it finishes."""

import os
import select
import signal
import socket
import stat
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from fix_daemon import PATIENCE, Daemon, Log, hpcagent, running, toml

from hpcagent.sandbox import Sandbox
from hpcagent.v1.agent_pb2 import GetAgentInfoRequest
from hpcagent.v1.agent_pb2_grpc import AgentStub
from hpcagent.v1.job_requests_pb2 import ListJobsRequest, SubmitJobResponse
from hpcagent.v1.slurm_agent_pb2 import SubmitJobRequest

EX_CONFIG = 78
"""sysexits.h; the unit tells systemd not to try again."""
SOON = 5.0
"""Seconds; far less than any of the deadlines and time-outs here, and far more than it takes."""


def request(sandbox: Sandbox) -> SubmitJobRequest:
    """A job that waits."""
    user = sandbox.users[0]
    held = SubmitJobRequest(
        user_id=user.uid,
        group_id=user.gid,
        partition="power",
        name="held",
        work_dir="/tmp",
        script="#!/bin/sh\n",
        nodes=1,
    )
    held.options["slurm"].hold = True
    return held


# -------------------------------------------------------------------------------------------- ready


def test_the_first_call_after_ready_is_answered(private_daemon: Daemon) -> None:
    daemon = private_daemon
    assert daemon.stub.SubmitJob(request(daemon.sandbox), timeout=PATIENCE).job_id.id
    assert private_daemon.is_serving()


def test_without_slurmctld_the_daemon_runs_and_says_so_in_its_health(
    private_sandbox: Sandbox,
) -> None:
    private_sandbox.slurmctld.stop()
    with running(private_sandbox) as daemon:
        assert not daemon.is_serving()
        assert daemon.agent.GetAgentInfo(GetAgentInfoRequest(), timeout=PATIENCE).agent_version
        private_sandbox.slurmctld.start()
        daemon.wait_until_serving()


def test_its_socket_is_its_users_alone(daemon: Daemon) -> None:
    status = daemon.socket.stat()
    assert stat.S_ISSOCK(status.st_mode)
    assert stat.S_IMODE(status.st_mode) == 0o600
    assert status.st_uid == os.geteuid()


def test_every_line_it_writes_is_json_and_nothing_is_left_behind(private_sandbox: Sandbox) -> None:
    with running(private_sandbox) as daemon:
        daemon.stub.SubmitJob(request(private_sandbox), timeout=PATIENCE)
        assert daemon.stop() == 0
        assert not daemon.socket.exists()
    assert {"ready", "intent", "call", "draining", "stopped"} <= {
        entry["event"] for entry in daemon.log.entries
    }
    assert all(entry["timestamp"] and entry["level"] for entry in daemon.log.entries)
    assert all(has_ended(pid) for pid in workers(daemon.log))


def test_a_configuration_that_others_can_write_is_warned_of(private_sandbox: Sandbox) -> None:
    umask = os.umask(0o002)
    try:
        with running(private_sandbox) as daemon:
            assert str(daemon.config) in daemon.log.wait_for("config_exposed")["trouble"]
    finally:
        os.umask(umask)


def free_port() -> int:
    """A port of this host that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_what_it_counts_can_be_scraped(private_sandbox: Sandbox) -> None:
    port = free_port()
    with running(private_sandbox, {"metrics": {"listen": f"127.0.0.1:{port}"}}) as daemon:
        daemon.agent.GetAgentInfo(GetAgentInfoRequest(), timeout=PATIENCE)
        pages = f"http://127.0.0.1:{port}/metrics"
        with urllib.request.urlopen(pages, timeout=PATIENCE) as answer:
            text = answer.read().decode()
        assert daemon.stop() == 0
    assert 'grpc_method="GetAgentInfo"' in text


def test_plaintext_tcp_is_served_where_the_settings_say_so(private_sandbox: Sandbox) -> None:
    address = f"127.0.0.1:{free_port()}"
    with (
        running(private_sandbox, {"server": {"tcp": address}}) as daemon,
        grpc.insecure_channel(address) as channel,
    ):
        grpc.channel_ready_future(channel).result(PATIENCE)
        assert daemon.log.wait_for("ready")["tcp"] == address


# ---------------------------------------------------------------------------------- it cannot start


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., Path]:
    """Writes a configuration file."""

    def write(**settings: object) -> Path:
        file = tmp_path / "hpcagent.toml"
        file.write_text(toml({"server": {"unix": f"{tmp_path}/hpcagent.sock"}, **settings}))
        return file

    return write


def test_a_refused_configuration_is_told_plainly(config: Callable[..., Path]) -> None:
    file = config(slurm={"threads": 0, "thread": 1})
    ended = hpcagent("serve", "--config", file)
    assert ended.returncode == EX_CONFIG
    assert ended.stderr.splitlines() == [
        f"{file}: slurm.threads: expected an integer from 1 to 64, got 0",
        f"{file}: slurm.thread: unknown key; did you mean threads?",
    ]


def test_a_slurm_conf_that_is_not_there_is_told_before_libslurm_waits_for_it(
    config: Callable[..., Path],
) -> None:
    begin = time.monotonic()
    ended = hpcagent("serve", "--config", config(slurm={"conf": "/nowhere/slurm.conf"}))
    assert ended.returncode == EX_CONFIG
    assert "/nowhere/slurm.conf" in ended.stderr
    assert time.monotonic() - begin < SOON


def test_a_slurm_conf_that_libslurm_refuses_is_told_in_its_words(
    config: Callable[..., Path], tmp_path: Path
) -> None:
    conf = tmp_path / "slurm.conf"
    conf.write_text("ClusterName=c\nSlurmctldHost=localhost\nNoSuchKey=1\n")
    ended = hpcagent("serve", "--config", config(slurm={"conf": str(conf)}))
    assert ended.returncode == 1  # it may come from a slurmctld that is still to start
    assert "NoSuchKey" in ended.stderr


def test_another_libslurm_than_it_was_built_for_is_refused(
    config: Callable[..., Path], other_libslurm: str, private_sandbox: Sandbox
) -> None:
    file = config(slurm={"conf": str(private_sandbox.conf)})
    ended = hpcagent("serve", "--config", file, LD_PRELOAD=other_libslurm)
    assert ended.returncode == EX_CONFIG
    assert "libslurm.so.36 of Slurm 20.11" in ended.stderr


@pytest.mark.parametrize("key", [("server", "tcp"), ("metrics", "listen")], ids=".".join)
def test_a_port_in_use_is_named(
    config: Callable[..., Path], private_sandbox: Sandbox, tmp_path: Path, key: tuple[str, str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        file = config()
        with file.open("a") as more:
            more.write(
                toml({"slurm": {"conf": str(private_sandbox.conf)}, key[0]: {key[1]: address}})
            )
        ended = hpcagent("serve", "--config", file, **private_sandbox.env)
    assert ended.returncode == 1
    assert f"cannot listen on {address}" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_second_daemon_on_the_same_socket_gives_way(private_daemon: Daemon) -> None:
    ended = hpcagent("serve", "--config", private_daemon.config, **private_daemon.sandbox.env)
    assert ended.returncode == 1
    assert str(private_daemon.socket) in ended.stderr
    assert private_daemon.is_serving()


# ----------------------------------------------------------------------------------------- draining


def workers(log: Log) -> set[int]:
    """The numbers of all worker processes that it has had."""
    return {entry["worker"] for entry in log.entries if entry["event"] == "worker_ready"}


def has_ended(pid: int) -> bool:
    """Wait until a process that is not our child has ended."""
    try:
        ended = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([ended], [], [], PATIENCE)[0])
    finally:
        os.close(ended)


@pytest.fixture
def under_way(private_sandbox: Sandbox) -> Iterator[Callable[[Daemon], Future[SubmitJobResponse]]]:
    """Freezes slurmctld and makes a call that waits for it; gives what will be its answer."""
    with ThreadPoolExecutor(1) as callers:

        def call(daemon: Daemon) -> Future[SubmitJobResponse]:
            private_sandbox.slurmctld.suspend()
            submit = daemon.stub.SubmitJob
            answer = callers.submit(submit, request(private_sandbox), timeout=PATIENCE)
            daemon.log.wait_for("intent")
            return answer

        yield call


Call = Callable[[Daemon], Future[SubmitJobResponse]]


TURNED_AWAY = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
"""The latter is gRPC's word for a call that was in the door when it closed."""


def refusal_of_a_new_call(daemon: Daemon) -> grpc.StatusCode:
    """Call on a connection of its own until that is refused, and return the code."""
    while True:
        with grpc.insecure_channel(daemon.address) as late:
            try:
                AgentStub(late).GetAgentInfo(GetAgentInfoRequest(), timeout=PATIENCE)
            except grpc.RpcError as error:
                return error.code()


def test_a_call_under_way_is_let_end(private_daemon: Daemon, under_way: Call) -> None:
    daemon = private_daemon
    answer = under_way(daemon)
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.told_systemd()["STOPPING"] == "1"
    assert refusal_of_a_new_call(daemon) in TURNED_AWAY
    daemon.sandbox.slurmctld.resume()
    assert answer.result(PATIENCE).job_id.id
    assert daemon.process.wait(PATIENCE) == 0


def test_a_call_that_outlasts_the_grace_is_cut_off(
    private_sandbox: Sandbox, under_way: Call
) -> None:
    with running(private_sandbox, {"server": {"drain": 0.2}}) as daemon:
        answer = under_way(daemon)
        begin = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - begin < SOON
        assert isinstance(answer.exception(PATIENCE), grpc.RpcError)
        assert all(has_ended(pid) for pid in workers(daemon.log))


def test_a_second_sigterm_ends_it_at_once_with_its_workers(
    private_daemon: Daemon, under_way: Call
) -> None:
    daemon = private_daemon
    under_way(daemon)
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.told_systemd()["STOPPING"] == "1"
    begin = time.monotonic()
    assert daemon.stop() == -signal.SIGTERM
    assert time.monotonic() - begin < SOON
    assert all(has_ended(pid) for pid in workers(daemon.log))


def test_sigint_stops_it_as_sigterm_does(private_daemon: Daemon) -> None:
    assert private_daemon.stop(signal.SIGINT) == 0


# ---------------------------------------------------------------------------------------- reloading


def reload(daemon: Daemon) -> None:
    """Have it read its configuration again, as systemd would."""
    daemon.process.send_signal(signal.SIGHUP)
    assert daemon.told_systemd().keys() == {"RELOADING", "MONOTONIC_USEC"}
    assert daemon.told_systemd()["READY"] == "1"


def test_sighup_takes_up_a_changed_slurm_conf(private_sandbox: Sandbox, tmp_path: Path) -> None:
    conf, right = tmp_path / "slurm.conf", private_sandbox.conf.read_text()
    nobodys_port = f"SlurmctldPort={free_port()}\nMessageTimeout=2\n#"
    conf.write_text(right.replace("SlurmctldPort=", nobodys_port))
    with running(private_sandbox, {"slurm": {"conf": str(conf)}}) as daemon:
        assert not daemon.is_serving()
        before = workers(daemon.log)
        conf.write_text(right)
        reload(daemon)
        daemon.wait_until_serving()
        assert daemon.stub.ListJobs(ListJobsRequest(), timeout=PATIENCE) is not None
        assert workers(daemon.log) > before
        assert all(has_ended(pid) for pid in before)
        assert daemon.process.poll() is None


def test_sighup_changes_the_log_level_and_names_what_needs_a_restart(
    private_daemon: Daemon,
) -> None:
    daemon = private_daemon
    with daemon.config.open("a") as file:
        file.write('log.level = "debug"\nslurm.threads = 3\n')
    reload(daemon)
    assert daemon.log.wait_for("restart_needed")["settings"] == ["slurm.threads"]
    daemon.is_serving()
    daemon.log.wait_for("call", level="debug", method="/grpc.health.v1.Health/Check")


def test_a_bad_file_at_sighup_changes_nothing(private_daemon: Daemon) -> None:
    daemon = private_daemon
    before = workers(daemon.log)
    daemon.config.write_text("[slurm]\nthreads = 0\n")
    reload(daemon)
    (fault,) = daemon.log.wait_for("reload_refused")["faults"]
    assert fault.startswith("slurm.threads: expected an integer")
    assert workers(daemon.log) == before
    assert daemon.is_serving()


# ------------------------------------------------------------------------------------- the watchdog


def test_systemd_hears_that_it_lives(private_sandbox: Sandbox) -> None:
    with running(private_sandbox, WATCHDOG_USEC="2000000") as daemon:
        assert daemon.told_systemd() == {"WATCHDOG": "1"}
        assert daemon.told_systemd() == {"WATCHDOG": "1"}
        assert daemon.stop() == 0
