"""Installing what is missing is tried on machines made of stand-ins, never on this one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import tree

SETUP = tree.ROOT / "tools/setup-debian"
PRESENT = [
    *("env", "id", "cat"),
    *("slurmctld", "slurmd", "scontrol", "munged"),
    *("etcd", "openssl", "systemd-analyze"),
]
# Says what it was asked for; `apt-get install` brings the compiler.
SUDO = """#!/bin/bash
echo "$*" >> "$(dirname "$0")/asked"
case "$*" in *install*gcc*) ln -s /bin/true "$(dirname "$0")/gcc" ;; esac
"""


class Machine:
    """What is on PATH, and what setup-debian does there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.add("python3", f'#!/bin/bash\nexec {sys.executable} "$@"\n')
        for name in PRESENT:
            self.add(name, f'#!/bin/bash\nexec {shutil.which(name) or "/bin/true"} "$@"\n')

    def add(self, name: str, script: str) -> None:
        """Put a program on PATH."""
        (self.path / name).write_text(script)
        (self.path / name).chmod(0o755)

    def asked(self) -> list[str]:
        """What sudo was asked to do with packages, in order."""
        asked = (self.path / "asked").read_text().splitlines()
        return [command for command in asked if "apt-get" in command]

    def set_up(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the script with nothing but this machine's programs and sbin's."""
        return subprocess.run(
            ["/bin/bash", str(SETUP)],
            env={"PATH": str(self.path), **environment},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """One that lacks a compiler, apt and sudo."""
    return Machine(tmp_path)


@pytest.fixture
def user(machine: Machine) -> Machine:
    """The same with apt, for an ordinary user."""
    machine.add("id", "#!/bin/bash\necho 1000\n")
    machine.add("apt-get", "#!/bin/bash\nexit 100\n")
    machine.add("dirname", f'#!/bin/bash\nexec {shutil.which("dirname")} "$@"\n')
    machine.add("ln", f'#!/bin/bash\nexec {shutil.which("ln")} "$@"\n')
    return machine


def test_where_nothing_is_missing_nothing_is_installed(user: Machine) -> None:
    user.add("gcc", "#!/bin/bash\n")
    run = user.set_up()
    assert run.returncode == 0, run.stderr
    assert Path(run.stdout.strip()).resolve() == Path(sys.executable).resolve()


def test_without_apt_the_missing_packages_are_named(machine: Machine) -> None:
    run = machine.set_up()
    assert run.returncode == 1
    assert "missing here: gcc\n" in run.stderr
    assert "on this system" in run.stderr


def test_without_sudo_a_user_is_told_what_root_has_to_run(user: Machine) -> None:
    run = user.set_up()
    assert run.returncode == 1
    assert "as root: apt-get install --no-install-recommends gcc\n" in run.stderr


def test_a_user_with_sudo_gets_only_what_is_missing(user: Machine) -> None:
    user.add("sudo", SUDO)
    run = user.set_up()
    assert run.returncode == 0, run.stderr
    update, install = user.asked()
    assert update == "apt-get update -q"
    assert install.startswith("env DEBIAN_FRONTEND=noninteractive apt-get install ")
    assert install.endswith(" --no-install-recommends gcc")


def test_a_package_that_does_not_bring_what_it_should_is_named(user: Machine) -> None:
    user.add("sudo", "#!/bin/bash\n")
    run = user.set_up()
    assert run.returncode == 1
    assert "still missing after their installation: gcc" in run.stderr


def test_without_a_new_enough_python_that_is_said(machine: Machine) -> None:
    machine.add("python3", "#!/bin/bash\nexit 1\n")
    run = machine.set_up()
    assert run.returncode == 1
    assert "Python 3.11 or newer is needed" in run.stderr


def test_the_python_named_is_the_one_used(user: Machine) -> None:
    user.add("gcc", "#!/bin/bash\n")
    run = user.set_up(PYTHON=os.path.realpath(sys.executable))
    assert run.stdout.strip() == os.path.realpath(sys.executable)
