"""Says which tests could not run here, and why; CI fails for one that it should have run.

A skipped test is a promise that nobody checked. On a developer's machine that is a fact to know
(grouped by reason, below the results). With CI=true or HPCAGENT_REQUIRE_ALL=1 it is a failure,
unless its reason is one of ALLOWED.
"""

import os
import platform
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from importlib.metadata import version

import pytest

# What CI may leave out: a pattern of the reason -> why that is no loss there.
ALLOWED: dict[str, str] = {
    r"needs Slurm [\d.]+ or newer": "one machine has one Slurm; Debian 12's is 22.05",
    r"names no headers of other Slurm releases": "for the same reason",
}

SUMMARY = pytest.StashKey["Summary"]()
# In a process of its own: libslurm ends the one it is in when it dislikes its configuration.
SLURM_VERSIONS = """
import _slurm
print("Slurm %d.%02d.%d (headers)," % _slurm.header_version()[:3], end=" ")
print("libslurm %d.%d.%d" % _slurm.api_version()[:3])
"""


class Summary:
    """The tests that did not run, by reason."""

    def __init__(self, *, require_all: bool) -> None:
        """Remember whether a test left out makes the run a failure."""
        self.require_all = require_all
        self.left_out: dict[str, set[str]] = defaultdict(set)

    def add(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        """Remember a test, or a whole module, that was skipped."""
        if report.skipped and not hasattr(report, "wasxfail"):
            self.left_out[_reason(report)].add(report.nodeid)

    def refused(self) -> list[str]:
        """The reasons that make this run a failure."""
        if not self.require_all:
            return []
        return [reason for reason in self.left_out if not _is_allowed(reason)]

    def lines(self) -> Iterable[str]:
        """Every test that could not run here, below its reason."""
        for reason, tests in sorted(self.left_out.items()):
            yield f"{reason} ({len(tests)})"
            yield from (f"    {test}" for test in sorted(tests))


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why a test was skipped, as `pytest.skip` or the mark said it."""
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    return str(report.longrepr)


def _is_allowed(reason: str) -> bool:
    return any(re.search(pattern, reason) for pattern in ALLOWED)


def _slurm_versions() -> str:
    """Slurm's version that `_slurm` was built with, and that of the library that it runs with."""
    run = subprocess.run(
        [sys.executable, "-c", SLURM_VERSIONS], capture_output=True, text=True, check=False
    )
    if run.returncode != 0:
        return f"no Slurm: {(run.stderr.strip().splitlines() or ['no word why'])[-1]}"
    return run.stdout.strip()


def pytest_report_header() -> list[str]:
    """The versions that decide how a test ends."""
    kernel = f"{platform.system()} {platform.release()}"
    return [
        f"grpcio {version('grpcio')}, protobuf {version('protobuf')}, kernel {kernel}",
        _slurm_versions(),
    ]


def pytest_configure(config: pytest.Config) -> None:
    """Begin with nothing left out."""
    require_all = "true" in (os.environ.get("CI"), os.environ.get("HPCAGENT_REQUIRE_ALL"))
    config.stash[SUMMARY] = Summary(require_all=require_all)
    if not hasattr(config, "workerinput"):  # with xdist: the controller, who hears of every test
        config.pluginmanager.register(_Listener(config.stash[SUMMARY]))


class _Listener:
    """Hands what pytest reports to the summary, and its verdict back."""

    def __init__(self, summary: Summary) -> None:
        self.summary = summary

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.summary.add(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.summary.add(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if session.exitstatus == pytest.ExitCode.OK and self.summary.refused():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.summary.left_out:
            return
        terminalreporter.section("could not run here")
        for line in self.summary.lines():
            terminalreporter.line(line)
        for reason in self.summary.refused():
            terminalreporter.line(
                f"FAILED: this run must include every test, but: {reason}", red=True
            )
