"""What ``hpcagent check`` looks at: the settings, the backends, and the addresses to listen on."""

import errno
import os
import socket
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from hpcagent import config
from hpcagent.jobs.findings import Finding, State
from hpcagent.slurm.diagnosis import connection_trouble, diagnose

INSTALL: Final = "pip install 'hpcagent[kubernetes]'"
IN_USE: Final = "is in use: by hpcagent itself, if it runs; a second one would not start"


def examine(file: Path) -> Iterator[Finding]:
    """Yield what is found about a file of settings and all that it relies on."""
    try:
        settings = config.load(file)
    except config.ConfigError as error:
        for fault in error.faults:
            yield Finding("config", State.FAIL, f"{file}: {fault}", misconfigured=True)
        return
    yield _config(file)
    if settings.slurm.enabled:
        yield from diagnose(settings.slurm)
    if settings.kubernetes.enabled:
        yield from _kubernetes(settings.kubernetes)
    if settings.server.unix:
        yield _unix(Path(settings.server.unix))
    for address in filter(None, (settings.server.tcp, settings.metrics.listen)):
        yield _tcp(address)


def in_words(finding: Finding) -> str:
    """Lay a finding out for people."""
    line = f"{finding.state:4}  {finding.check:10}  {finding.said}"
    return f"{line}\n{'':18}-> {finding.advice}" if finding.advice else line


def exit_status(findings: Sequence[Finding]) -> int:
    """Sum up: 78 if something is misconfigured, 1 if something else fails, else 0."""
    failures = [finding for finding in findings if finding.state is State.FAIL]
    if any(finding.misconfigured for finding in failures):
        return os.EX_CONFIG
    return 1 if failures else 0


def _kubernetes(settings: config.Kubernetes) -> Iterator[Finding]:
    """Look at the clusters, if the client library is there: an extra, and a large one."""
    try:
        from hpcagent.k8s import diagnosis
    except ModuleNotFoundError as error:
        said = f"the client library is missing: {error}"
        yield Finding("kubernetes", State.FAIL, said, INSTALL, misconfigured=True)
        return
    yield from diagnosis.diagnose(settings)


def _config(file: Path) -> Finding:
    if exposure := config.exposure(file):
        return Finding(
            "config", State.WARN, exposure, "chown root, chmod go-w: it decides who may what"
        )
    return Finding("config", State.OK, str(file))


def _unix(path: Path) -> Finding:
    if not path.parent.is_dir():
        said = f"{path.parent} is no directory"
        advice = "make it; systemd does when it starts the service (RuntimeDirectory=)"
        return Finding("unix", State.WARN, said, advice)
    if not os.access(path.parent, os.W_OK | os.X_OK):
        advice = "let the daemon's user write to it, or choose another for server.unix"
        return Finding("unix", State.FAIL, f"{path.parent} is not writable", advice)
    if not path.exists():
        return Finding("unix", State.OK, f"{path} can be made")
    if not stat.S_ISSOCK(path.stat().st_mode):
        advice = "remove it, or choose another path for server.unix"
        return Finding("unix", State.FAIL, f"{path} exists and is no socket", advice)
    if connection_trouble(str(path)):
        return Finding("unix", State.OK, f"{path} is left from a dead daemon, and will be replaced")
    return Finding("unix", State.WARN, f"{path} {IN_USE}")


def _tcp(address: str) -> Finding:
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), int(port)))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return Finding("tcp", State.WARN, f"{address} {IN_USE}")
            said = f"cannot listen on {address}: {error.strerror}"
            return Finding("tcp", State.FAIL, said, "choose another address or port")
    return Finding("tcp", State.OK, f"{address} is free")
