"""The shipped units are valid, and as tight as they say."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import tree

from hpcagent.config import Config

UNITS = tree.ROOT / "systemd"
DROP_INS = sorted((UNITS / "examples").glob("*.conf"))
# systemd's exposure times ten; below 30 it says "OK". What keeps the score up is what the daemon is
# for: the network, and two capabilities to act as a user.
THRESHOLD = 30

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


@pytest.fixture(params=[None, *DROP_INS], ids=lambda path: path.stem if path else "as-shipped")
def unit(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The service, alone and with each example drop-in, as on a machine that has its programs."""
    service = tmp_path / "hpcagent.service"
    programs = r"(?<==)(/usr/bin/hpcagent|/bin/kill)\b"  # kill is procps', not everywhere
    service.write_text(re.sub(programs, "/bin/true", (UNITS / "hpcagent.service").read_text()))
    if request.param:
        directory = tmp_path / "hpcagent.service.d"
        directory.mkdir()
        shutil.copy(request.param, directory)
    return service


def analyze(unit: Path, *arguments: str) -> str:
    run = subprocess.run(
        ["systemd-analyze", *arguments, str(unit)],
        env={"SYSTEMD_UNIT_PATH": f"{unit.parent}:", "PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stderr


def setting(name: str) -> str:
    """What the service sets a word to."""
    lines = (UNITS / "hpcagent.service").read_text().splitlines()
    return next(line for line in lines if line.startswith(f"{name}=")).partition("=")[2]


def test_systemd_accepts_the_unit_without_a_warning(unit: Path) -> None:
    assert analyze(unit, "verify", "--man=no") == ""


def test_the_unit_exposes_no_more_than_it_must(unit: Path) -> None:
    analyze(unit, "security", "--offline=true", f"--threshold={THRESHOLD}")


def test_a_refused_configuration_is_not_tried_again() -> None:
    assert setting("RestartPreventExitStatus") == str(os.EX_CONFIG)


def test_a_stop_leaves_time_for_the_drain() -> None:
    assert float(setting("TimeoutStopSec")) > 2 * Config().server.drain


def test_the_socket_is_where_the_service_makes_a_directory() -> None:
    assert Path("/run") / setting("RuntimeDirectory") == Path(Config().server.unix).parent


@pytest.mark.parametrize("name", ["user-identity", "kubernetes-only"])
def test_the_account_of_the_drop_in_is_declared(name: str) -> None:
    user = next(
        line.removeprefix("User=")
        for line in (UNITS / f"examples/{name}.conf").read_text().splitlines()
        if line.startswith("User=")
    )
    assert f"\nu {user} " in (UNITS / "hpcagent.sysusers").read_text()


def test_kubernetes_alone_needs_no_capability() -> None:
    lines = (UNITS / "examples/kubernetes-only.conf").read_text().splitlines()
    assert "CapabilityBoundingSet=" in lines
    assert "AmbientCapabilities=" in lines
