"""Slurm's own commands, for tests that look at a sandbox with eyes other than hpcagent's."""

import os
import subprocess
import time
from collections.abc import Callable

from hpcagent.sandbox import Sandbox

DEADLINE = 20.0
"""Seconds within which whatever a test waits for must come about."""


def command(sandbox: Sandbox, *argv: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
    """Run one of Slurm's commands as a client of this sandbox."""
    return subprocess.run(
        argv,
        env={**os.environ, **sandbox.env},
        cwd=sandbox.directory,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=check,
    )


def submit(sandbox: Sandbox, script: str, *options: str) -> int:
    """The id of a job that sbatch made of this shell script; its output goes to /dev/null."""
    argv = ("sbatch", "--parsable", "--output=/dev/null", *options, f"--wrap={script}")
    return int(command(sandbox, *argv).stdout)


def job_state(sandbox: Sandbox, job: int) -> str:
    """The state of a job in squeue's words."""
    argv = ("squeue", "--noheader", "--states=all", f"--jobs={job}", "--format=%T")
    return command(sandbox, *argv).stdout.strip()


def wait_until(condition: Callable[[], bool], what: str, within: float = DEADLINE) -> None:
    """Look again and again, for things that have no event to wait for."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {within} s"
        time.sleep(0.02)
