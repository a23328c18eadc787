"""What an operator can choose, with its default and its limits.

``docs/hpcagent.example.toml`` and ``docs/configuration.md`` are generated from this file and from
``kubernetes``, from the docstrings as much as from the types (`tools/config-docs`): what stands
here is what operators read.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from hpcagent.config.kinds import Path, Seconds
from hpcagent.config.kubernetes import Kubernetes

RELOADABLE: Final = frozenset({"log.level"})
"""The settings that SIGHUP changes in a running daemon; all others need a restart."""

Address = Annotated[str, Meta(description="a loopback address and a port")]
Umask = Annotated[str, Meta(pattern=r"^0?[0-7]{3}$", description='octal digits, as "0022"')]
Limit = Literal["CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS"]
LimitValue = Annotated[int, Meta(ge=0)] | Literal["unlimited"]


class Server(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How callers reach the daemon."""

    unix: Path = "/run/hpcagent/hpcagent.sock"
    """Path of the unix socket, made with mode 0600. Empty: none."""
    tcp: Address = ""
    """Loopback address and port for plaintext gRPC, as 127.0.0.1:8086. Empty: none."""
    max_request_bytes: Annotated[int, Meta(ge=65536, le=268435456)] = 16 << 20
    """Largest request in bytes. Must have room for the largest batch script."""
    max_deadline: Seconds = 60.0
    """Longest deadline of a request in seconds; also that of a request without one."""
    threads: Annotated[int, Meta(ge=4, le=512)] = 32
    """Requests that are worked on at once; and as many again of all SubmitJobs streams together."""
    queue: Annotated[int, Meta(ge=0, le=65536)] = 256
    """Requests that may wait for a thread; more are refused with RESOURCE_EXHAUSTED."""
    streams: Annotated[int, Meta(ge=1, le=10000)] = 1000
    """Watches, followed outputs and SubmitJobs streams at once, beside the requests above; more are
    refused with RESOURCE_EXHAUSTED."""
    drain: Seconds = 20.0
    """How long requests may go on after SIGTERM, in seconds."""
    reflection: bool = True
    """Serve gRPC reflection and channelz, which grpcurl uses."""


class Log(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the daemon writes to its standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severity that is written. The audit trail always is."""
    format: Literal["auto", "json", "console"] = "auto"
    """auto: console on a terminal, else JSON."""


class Metrics(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the daemon counts, for Prometheus."""

    listen: Address = ""
    """Loopback address and port for HTTP, as 127.0.0.1:9186. Empty: none."""


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What callers may ask for that slurmctld would not refuse a privileged submitter."""

    min_uid: Annotated[int, Meta(ge=1, le=4294967293)] = 1000
    """Smallest uid of a user that the daemon acts for. uid 0 is always refused."""
    allow_priority: bool = False
    """Allow an explicit priority."""
    allow_negative_nice: bool = False
    """Allow a nice value below 0."""
    allow_reboot: bool = False
    """Allow booting the nodes before a job."""
    suspend_as_agent: bool = False
    """Suspend and resume jobs with the daemon's own right, since Slurm leaves it to operators.
    Otherwise it is tried as the job's user, whom slurmctld refuses if that one is no operator."""
    root_only_partitions: frozenset[str] = frozenset()
    """RootOnly partitions that callers may use all the same."""


class Slurm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the daemon drives Slurm."""

    enabled: bool = True
    """Serve SlurmAgent."""
    conf: Path = ""
    """Path of slurm.conf. Empty: as for Slurm's own commands: SLURM_CONF, else the built-in one."""
    identity: Literal["privileged"] = "privileged"
    """privileged: the daemon is root or SlurmUser and submits for the user."""
    processes: Annotated[int, Meta(ge=1, le=32)] = 2
    """Worker processes that hold libslurm."""
    threads: Annotated[int, Meta(ge=1, le=64)] = 8
    """Simultaneous calls of each worker process."""
    stuck_after: Seconds = 90.0
    """Seconds after which a worker whose call does not return is ended and replaced."""
    watch_interval: Seconds = 1.0
    """Least seconds between two looks at the queue, while somebody watches jobs. A look that takes
    long is followed by a pause of 20 times its length, 30 s at the most."""
    settle_interval: Seconds = 30.0
    """Seconds between two looks at the submitted jobs whose end has not been seen. Must be well
    below slurm.conf's MinJobAge, after which slurmctld forgets how a job ended."""
    refresh: Seconds = 30.0
    """Seconds between two looks at slurmctld's configuration and partitions."""
    umask: Umask = "0022"
    """File mode creation mask of jobs that do not ask for another, in octal."""
    limits: Mapping[Limit, LimitValue] = {}
    """Soft resource limits of jobs by Slurm's names (NOFILE, MEMLOCK...), where they shall differ
    from the daemon's own. Times in seconds, sizes in bytes."""
    work_dir_roots: tuple[Path, ...] = ()
    """Directories below which create_work_dir may make parents. A root may be a symbolic link;
    what is below it may not contain one."""


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What outlives the daemon."""

    directory: Path = ""
    """Directory of the daemon's own, for its journal of submitted jobs and the changes of jobs for
    watches that are resumed. Empty: systemd's StateDirectory; without one, a restart ends all
    watches for good and forgets the jobs."""
    keep_days: Annotated[int, Meta(ge=1, le=3650)] = 30
    """How many days the journal answers for jobs that have ended."""


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file."""

    server: Server = Server()
    log: Log = Log()
    metrics: Metrics = Metrics()
    slurm: Slurm = Slurm()
    policy: Policy = Policy()
    state: State = State()
    kubernetes: Kubernetes = Kubernetes()
