"""Why Slurm cannot be used from this host, one question after the other, for ``hpcagent check``.

The daemon says that something is wrong; an operator wants to know which part, and what to do about
it. So everything between this host and slurmctld is looked at in the order in which it is needed:
slurm.conf, libslurm, the process's rights, munge, each controller. libslurm runs in a worker that
is thrown away afterwards.
"""

import os
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from hpcagent import config
from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import AgentError
from hpcagent.jobs.findings import Finding, State
from hpcagent.slurm.client import Client
from hpcagent.slurm.pool.process import PoolSettings
from hpcagent.slurm.pool.workers import NoWorkerError, WorkerPool

PATIENCE: Final = 35.0
"""Seconds to wait for the controllers; libslurm gives one up after 29 if packets are dropped."""
MUNGE_SOCKET: Final = "/run/munge/munge.socket.2"
"""Where libmunge looks if slurm.conf's AuthInfo does not say (munge.h, MUNGE_SOCKET_NAME)."""
NO_CREDENTIAL: Final = frozenset({1007, 1801})
"""SLURM_PROTOCOL_AUTHENTICATION_ERROR of slurm_errno.h, and SLURMCTLD_COMMUNICATIONS_SEND_ERROR:
what slurm_ping(3) makes of it, having connected and then had nothing to send."""
CAPABILITIES: Final = {"CAP_SETGID": 6, "CAP_SETUID": 7}
"""What it takes to act as another user; their bits are from linux/capability.h."""
_LAST_LINES: Final = 3
"""How much of what a worker said before its end is told; the reason comes last."""


def diagnose(settings: config.Slurm) -> Iterator[Finding]:
    """Yield what is found, as far as one can get."""
    named = settings.conf or os.environ.get("SLURM_CONF", "")
    if named and not os.access(named, os.R_OK):
        yield _unreadable(named)
        return
    # The environment is Slurm's commands' own, so that SLURM_CONF means here what it means to them.
    pool = WorkerPool(PoolSettings(conf=settings.conf, processes=1, threads=1), os.environ)
    try:
        pool.start()
    except NoWorkerError:
        yield _not_started(pool)
    else:
        yield from _with_worker(Client(pool))
    finally:
        pool.close(Deadline.after(0))


def connection_trouble(path: str) -> str:
    """Say why nobody can be reached at a unix socket; empty: somebody can."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError as error:
            return error.strerror or str(error)
    return ""


def _unreadable(path: str) -> Finding:
    said = f"{path} cannot be read" if Path(path).exists() else f"{path} is not there"
    advice = "correct slurm.conf in [slurm] of the settings, or SLURM_CONF in the environment"
    return Finding("slurm.conf", State.FAIL, said, advice, misconfigured=True)


def _not_started(pool: WorkerPool) -> Finding:
    """Tell libslurm's last words, which are about slurm.conf if it ended the process itself."""
    words = "; ".join(_undecorated(pool.last_failure).splitlines()[-_LAST_LINES:])
    if "fatal: " in words:
        advice = "correct the file, or name another: conf in [slurm] of the settings"
        return Finding("slurm.conf", State.FAIL, words, advice, misconfigured=True)
    if pool.misfit:
        advice = "install the libslurm that hpcagent was built for, or build hpcagent again"
    else:
        advice = f"see that libslurm is installed, and that uid {os.geteuid()} can run hpcagent"
    return Finding("libslurm", State.FAIL, words or "does not start", advice, misconfigured=True)


def _undecorated(words: str) -> str:
    """Take off what is put before libslurm's words: how the process ended, the time, the level."""
    return re.sub(r"^(exit status \d+: )?(\[[^]\n]*\] )?(error: )?", "", words, flags=re.MULTILINE)


def _with_worker(client: Client) -> Iterator[Finding]:
    client.learn_release(Deadline.after(PATIENCE))
    host = client.call("host", Deadline.after(PATIENCE))
    conf = host["conf"]
    yield Finding("slurm.conf", State.OK, f"{conf['slurm_conf']}, cluster {conf['cluster_name']}")
    said = f"{host['library']}, as built for: Slurm {client.library_version}"
    yield Finding("libslurm", State.OK, said)
    yield _privileges(conf)
    try:
        answers = client.call("ping", Deadline.after(PATIENCE))
    except AgentError as error:
        yield _munge(conf, [])
        yield Finding("slurmctld", State.FAIL, error.message, _see_that(conf))
    else:
        munge = _munge(conf, answers)
        yield munge
        yield from _controllers(
            answers, "mend munge first" if munge.state is State.FAIL else _see_that(conf)
        )


# ---------------------------------------------------------------------------------------- questions


def _privileges(conf: Mapping[str, Any]) -> Finding:
    uid = os.geteuid()
    if uid not in {0, conf["slurm_user_id"]}:
        user = f"{conf['slurm_user_name']} (uid {conf['slurm_user_id']})"
        said = f"uid {uid} is neither root nor SlurmUser {user}: slurmctld takes no jobs for others"
        return Finding("privileges", State.FAIL, said, "run the daemon, and this, as one of them")
    if missing := [name for name, bit in CAPABILITIES.items() if not _capabilities() >> bit & 1]:
        said = f"uid {uid} without {', '.join(missing)}: no other user's job can be cancelled"
        return Finding(
            "privileges", State.WARN, said, "grant them: systemd/examples/slurm-user.conf"
        )
    return Finding("privileges", State.OK, f"uid {uid} with {', '.join(CAPABILITIES)}")


def _capabilities() -> int:
    """This process's effective capabilities (proc(5), /proc/pid/status)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1], 16) for line in lines if line.startswith("CapEff:"))


def _munge(conf: Mapping[str, Any], answers: Sequence[Mapping[str, Any]]) -> Finding:
    if conf["authtype"] != "auth/munge":
        return Finding("munge", State.OK, f"not used: AuthType={conf['authtype']}")
    path = munge_socket(conf["authinfo"] or "")
    if trouble := connection_trouble(path):
        said = f"nobody answers on {path}: {trouble}"
        advice = "start munged, or correct AuthInfo=socket= in slurm.conf"
        return Finding("munge", State.FAIL, said, advice)
    if any(answer["code"] in NO_CREDENTIAL for answer in answers):
        said = f"somebody listens on {path}, but libslurm got no credential"
        advice = "see that slurm.conf's PluginDir has auth_munge.so, and look into munged.log"
        return Finding("munge", State.FAIL, said, advice)
    proof = ", and slurmctld took its credential" if any(not a["code"] for a in answers) else ""
    return Finding("munge", State.OK, f"munged listens on {path}{proof}")


def munge_socket(auth_info: str) -> str:
    """Read ``socket=PATH`` from slurm.conf's AuthInfo, a list with commas (slurm.conf(5))."""
    for item in auth_info.split(","):
        name, _, value = item.strip().partition("=")
        if name.lower() == "socket" and value:
            return value
    return MUNGE_SOCKET


def _controllers(answers: Sequence[Mapping[str, Any]], advice: str) -> Iterator[Finding]:
    """Judge each controller: one that is down matters less where another answers."""
    down = State.WARN if any(not answer["code"] for answer in answers) else State.FAIL
    for answer in answers:
        if answer["code"]:
            said = f"{answer['host']} does not answer: {answer['text']}"
            yield Finding("slurmctld", down, said, advice)
        else:
            yield Finding("slurmctld", State.OK, f"{answer['host']} answers")


def _see_that(conf: Mapping[str, Any]) -> str:
    return (
        f"see that slurmctld runs there, that its port {conf['slurmctld_port']} can be reached from"
        " here, and that both hosts have the same munge.key"
    )
