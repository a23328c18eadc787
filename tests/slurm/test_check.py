"""`hpcagent check` names what is broken, and only that, with what to do about it."""

import json
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fix_daemon import Daemon, hpcagent, toml

from hpcagent.sandbox import Sandbox
from hpcagent.slurm.diagnosis import MUNGE_SOCKET, munge_socket

EX_CONFIG = 78
ORDER = ["config", "slurm.conf", "libslurm", "privileges", "munge", "slurmctld", "unix"]
"""What is looked at, where nothing else is configured."""


@dataclass(frozen=True)
class Report:
    """What a check has found."""

    exit_status: int
    findings: list[dict[str, Any]]

    @property
    def states(self) -> list[tuple[str, str]]:
        """Each check with its state."""
        return [(finding["check"], finding["state"]) for finding in self.findings]

    @property
    def troubles(self) -> dict[str, str]:
        """What is not OK: the state of each check, the words and the advice."""
        return {
            finding["check"]: " ".join(finding[key] for key in ("state", "said", "advice"))
            for finding in self.findings
            if finding["state"] != "OK"
        }


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that every user can look into; pytest's own are closed."""
    with tempfile.TemporaryDirectory(prefix="hpcagent-check-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


Check = Callable[..., Report]


@pytest.fixture
def check(sandbox: Sandbox, place: Path) -> Check:
    """Checks a configuration that suits the shared sandbox, but for what the test changes."""

    def run(settings: Mapping[str, Any] | None = None, *before: str, **environment: str) -> Report:
        file = place / "hpcagent.toml"
        file.write_text(toml({"server": {"unix": f"{place}/hpcagent.sock"}, **(settings or {})}))
        environment = {**sandbox.env, **environment}
        ended = hpcagent("check", "--json", "--config", file, before=before, **environment)
        assert ended.stdout, ended.stderr
        return Report(ended.returncode, json.loads(ended.stdout)["findings"])

    return run


@pytest.fixture
def conf(sandbox: Sandbox, place: Path) -> Callable[..., dict[str, str]]:
    """Writes a slurm.conf that differs from the sandbox's; gives the environment that names it."""

    def write(*more: str, **changes: str) -> dict[str, str]:
        changes = {"MessageTimeout": "2", **changes}
        lines = [
            line
            for line in sandbox.conf.read_text().splitlines()
            if line.partition("=")[0] not in changes
        ]
        lines += [*(f"{key}={value}" for key, value in changes.items()), *more]
        file = place / "slurm.conf"
        file.write_text("\n".join([*lines, ""]))
        return {"SLURM_CONF": str(file)}

    return write


def test_nothing_is_wrong_with_a_sandbox(check: Check, sandbox: Sandbox) -> None:
    report = check()
    assert report.states == [(name, "OK") for name in ORDER]
    assert report.exit_status == 0
    said = {finding["check"]: finding["said"] for finding in report.findings}
    assert str(sandbox.conf) in said["slurm.conf"]
    assert "libslurm.so." in said["libslurm"]
    assert "took its credential" in said["munge"]


def test_people_get_a_line_for_each_with_the_advice_below(sandbox: Sandbox, place: Path) -> None:
    file = place / "hpcagent.toml"
    file.write_text('server.unix = "/nowhere/hpcagent.sock"\n')
    ended = hpcagent("check", "--config", file, **sandbox.env)
    lines = ended.stdout.splitlines()
    assert [line.split()[1] for line in lines[:-1]] == ORDER
    assert lines[-2].startswith("WARN  unix        /nowhere is no directory")
    assert lines[-1].lstrip().startswith("-> make it; systemd does")
    assert ended.stderr == ""
    assert ended.returncode == 0


# ------------------------------------------------------------------------------------ configuration


def test_every_fault_of_the_settings_is_a_line(check: Check) -> None:
    report = check({"slurm": {"thread": 1, "umask": "9"}})
    assert report.exit_status == EX_CONFIG
    assert report.states == [("config", "FAIL")] * 2
    assert "slurm.thread: unknown key" in report.findings[0]["said"]
    assert "slurm.umask: expected octal digits" in report.findings[1]["said"]


def test_settings_that_others_can_write_are_named(check: Check, place: Path) -> None:
    umask = os.umask(0o002)
    try:
        report = check()
    finally:
        os.umask(umask)
    assert "can be written by others" in report.troubles["config"]
    assert report.exit_status == 0


@pytest.mark.parametrize("through", ["settings", "environment"])
def test_a_slurm_conf_that_is_not_there_is_named_at_once(check: Check, through: str) -> None:
    missing = "/nowhere/slurm.conf"
    begin = time.monotonic()
    if through == "settings":
        report = check({"slurm": {"conf": missing}})
    else:
        report = check(SLURM_CONF=missing)
    assert time.monotonic() - begin < 10  # libslurm would wait for a minute
    assert report.exit_status == EX_CONFIG
    assert report.troubles.keys() == {"slurm.conf"}
    assert f"{missing} is not there" in report.troubles["slurm.conf"]


def test_a_slurm_conf_that_libslurm_refuses_is_told_in_its_words(
    check: Check, conf: Callable[..., dict[str, str]]
) -> None:
    report = check(**conf(NoSuchKey="1"))
    assert report.exit_status == EX_CONFIG
    assert report.troubles.keys() == {"slurm.conf"}
    assert "unrecognized key: NoSuchKey" in report.troubles["slurm.conf"]
    assert "exit status" not in report.troubles["slurm.conf"]


def test_another_libslurm_is_named_with_both_versions(
    check: Check, sandbox: Sandbox, other_libslurm: str
) -> None:
    report = check(LD_PRELOAD=f"{sandbox.env['LD_PRELOAD']}:{other_libslurm}")
    assert report.exit_status == EX_CONFIG
    assert report.troubles.keys() == {"libslurm"}
    said = report.troubles["libslurm"]
    assert said.startswith("FAIL built for Slurm 2")
    assert "libslurm.so.36 of Slurm 20.11" in said


# -------------------------------------------------------------------------------------------- munge


def test_a_missing_munge_socket_is_named(check: Check, conf: Callable[..., dict[str, str]]) -> None:
    report = check(**conf(AuthInfo="socket=/nowhere/munge.socket,ttl=60"))
    assert report.exit_status == 1
    assert report.troubles.keys() == {"munge", "slurmctld"}
    assert "nobody answers on /nowhere/munge.socket: No such file" in report.troubles["munge"]
    assert report.troubles["slurmctld"].endswith("mend munge first")


def test_a_munged_that_is_down_is_named(check: Check, private_sandbox: Sandbox) -> None:
    private_sandbox.munged.stop()
    report = check(**private_sandbox.env)
    assert report.exit_status == 1
    assert "start munged" in report.troubles["munge"]


def test_a_munged_with_another_key_is_thought_of(
    check: Check, conf: Callable[..., dict[str, str]], private_sandbox: Sandbox
) -> None:
    report = check(**conf(AuthInfo=f"socket={private_sandbox.munge_socket}"))
    assert report.exit_status == 1
    assert report.troubles.keys() == {"slurmctld"}
    assert "the same munge.key" in report.troubles["slurmctld"]


def test_a_missing_munge_plugin_is_named(
    check: Check, conf: Callable[..., dict[str, str]], place: Path
) -> None:
    report = check(**conf(PluginDir=str(place)))
    assert report.exit_status == 1
    assert "PluginDir has auth_munge.so" in report.troubles["munge"]


@pytest.mark.parametrize(
    ("auth_info", "path"),
    [
        ("", MUNGE_SOCKET),
        ("ttl=60,cred_expire=30", MUNGE_SOCKET),
        ("socket=", MUNGE_SOCKET),
        ("socket=/run/m", "/run/m"),
        ("ttl=60, Socket=/run/m,cred_expire=30", "/run/m"),
    ],
)
def test_the_socket_is_read_off_auth_info(auth_info: str, path: str) -> None:
    assert munge_socket(auth_info) == path


# ---------------------------------------------------------------------------------------- slurmctld


def test_a_slurmctld_that_is_down_is_named_with_its_port(
    check: Check, conf: Callable[..., dict[str, str]]
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        report = check(**conf(SlurmctldPort=str(port)))
    assert report.exit_status == 1
    assert report.troubles.keys() == {"slurmctld"}
    assert "does not answer" in report.troubles["slurmctld"]
    assert f"its port {port} " in report.troubles["slurmctld"]


def test_a_standby_that_is_down_is_a_warning_while_the_primary_answers(
    check: Check, conf: Callable[..., dict[str, str]]
) -> None:
    report = check(**conf("SlurmctldHost=standby(127.99.99.99)"))
    assert report.exit_status == 0
    assert [state for name, state in report.states if name == "slurmctld"] == ["OK", "WARN"]
    assert "standby does not answer" in report.troubles["slurmctld"]


# --------------------------------------------------------------------------------------- privileges


def test_another_user_than_slurms_is_named(check: Check, sandbox: Sandbox) -> None:
    user = sandbox.users[0]
    # Python itself may be where only root can read: that much of root's power is kept.
    reading = "+dac_override,+dac_read_search"
    report = check(
        None,
        *("setpriv", f"--reuid={user.uid}", f"--regid={user.gid}", "--clear-groups"),
        *(f"--inh-caps={reading}", f"--ambient-caps={reading}"),
    )
    assert report.exit_status == 1
    assert f"uid {user.uid} is neither root nor SlurmUser" in report.troubles["privileges"]


def test_a_root_who_may_not_become_another_user_is_warned(check: Check) -> None:
    without = ("setpriv", "--bounding-set=-setuid", "--inh-caps=-setuid")
    report = check(None, *without)
    assert report.exit_status == 0
    assert "uid 0 without CAP_SETUID:" in report.troubles["privileges"]


# ---------------------------------------------------------------------------------------- addresses


def test_what_is_no_socket_is_in_the_way(check: Check, place: Path) -> None:
    (place / "hpcagent.sock").touch()
    report = check()
    assert report.exit_status == 1
    assert "exists and is no socket" in report.troubles["unix"]


def test_the_socket_of_a_dead_daemon_is_not(check: Check, place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(place / "hpcagent.sock"))
    assert check().troubles == {}


def test_a_running_daemon_is_noticed(check: Check, daemon: Daemon) -> None:
    report = check({"server": {"unix": str(daemon.socket)}})
    assert report.exit_status == 0
    assert "is in use: by hpcagent itself, if it runs" in report.troubles["unix"]


def test_a_port_in_use_is_noticed(check: Check, place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        report = check({"server": {"unix": f"{place}/s", "tcp": address}})
    assert f"{address} is in use" in report.troubles["tcp"]
    assert check({"server": {"unix": f"{place}/s", "tcp": address}}).troubles == {}
