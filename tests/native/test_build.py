"""setup.py finds the Slurm that is meant, or says what to do."""

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import tree

FOUND_BY_PKG_CONFIG = (["/opt/slurm/include"], ["/opt/slurm/lib"])


@pytest.fixture
def pkg_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pkg-config that knows of a Slurm, and nothing said outright."""
    program = tmp_path / "pkg-config"
    program.write_text(
        "#!/bin/sh\n"
        "case $1 in\n"
        "--cflags-only-I) echo -I/opt/slurm/include ;;\n"
        "--libs-only-L) echo -L/opt/slurm/lib ;;\n"
        "esac\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("SLURM_INCLUDE_DIR", raising=False)
    monkeypatch.delenv("SLURM_LIB_DIR", raising=False)


def build(work: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Build the extension modules into a directory of their own."""
    directories = [f"--build-lib={work}/lib", f"--build-temp={work}/temp"]
    return subprocess.run(
        [sys.executable, "setup.py", "--quiet", "build_ext", *directories],
        cwd=tree.ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.usefixtures("pkg_config")
def test_slurm_is_found_by_pkg_config(setup: ModuleType) -> None:
    assert setup.slurm_directories() == FOUND_BY_PKG_CONFIG


@pytest.mark.usefixtures("pkg_config")
def test_what_is_said_outright_counts_more(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_INCLUDE_DIR", "/srv/include")
    monkeypatch.setenv("SLURM_LIB_DIR", "/srv/lib")
    assert setup.slurm_directories() == (["/srv/include"], ["/srv/lib"])


@pytest.mark.usefixtures("pkg_config")
def test_without_any_hint_the_compiler_looks(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert setup.slurm_directories() == ([], [])


def test_a_missing_slurm_is_told_with_what_to_install(tmp_path: Path) -> None:
    run = build(tmp_path, CC="cc -nostdinc")
    assert run.returncode != 0
    assert "apt install libslurm-dev" in run.stderr
    assert "HPCAGENT_WITHOUT_SLURM=1" in run.stderr
    assert "Traceback" not in run.stderr


def test_slurm_can_be_left_out(tmp_path: Path) -> None:
    run = build(tmp_path, HPCAGENT_WITHOUT_SLURM="1", CC="/nonexistent")
    assert (run.returncode, run.stderr) == (0, "")
    assert list(tmp_path.rglob("*.so")) == []
