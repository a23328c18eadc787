"""What Slurm is told about a sandbox: slurm.conf, gres.conf and a TaskProlog, as pure text.

The cluster is small but has something of each kind that a client must cope with: a partition that
only root may use, one that is down, one that is limited to a group, one with a short time limit;
nodes that differ in features; GPUs; licenses. CPUs and memory are pretended
(``SlurmdParameters=config_overrides``), so that a laptop has room for them. Where Slurm's default
does no harm it is left alone: a client should meet the limits that it meets on a real cluster.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from hpcagent.sandbox import accounting
from hpcagent.sandbox.accounts import SHARED_GROUP
from hpcagent.sandbox.layout import Layout
from hpcagent.sandbox.ports import LOOPBACK
from hpcagent.sandbox.tenants import CLUSTER


@dataclass(frozen=True, slots=True)
class Settings:
    """What the person who starts a sandbox may choose."""

    nodes: int = 2
    job_submit_lua: str | None = None
    """Source of a script for Slurm's job_submit/lua plugin."""
    names_in_jobs: bool = False
    """Whether jobs, too, know the sandbox's users, so that ``whoami`` works in them. Then their
    environment has LD_PRELOAD and NSS_WRAPPER_*, which it would not have on a plain cluster."""
    conf: Mapping[str, str] = field(default_factory=dict)
    """Keys of slurm.conf to set, or to set to another value."""
    accounting: bool = False
    """Whether there is a slurmdbd, and limits hold (``hpcagent.sandbox.tenants``)."""

    @property
    def cluster(self) -> str:
        """Its name, as Slurm knows it."""
        return self.conf.get("ClusterName", CLUSTER)


@dataclass(frozen=True, slots=True)
class Ports:
    """The loopback ports of one sandbox."""

    slurmctld: int
    slurmd: tuple[int, ...]
    slurmdbd: int | None = None

    @property
    def all(self) -> set[int]:
        """All of them."""
        found = {self.slurmctld, *self.slurmd}
        return found if self.slurmdbd is None else found | {self.slurmdbd}


CPUS_PER_NODE = 8
MEMORY_MB_PER_NODE = 16_000
GPU_TYPE = "tesla"

_GPU_DEVICES = ("/dev/null", "/dev/zero")
"""Stand for each node's GPUs: slurmd only counts GPUs that have a device file."""

_FEATURES = ("fast,avx512", "slow")
"""Of odd and of even nodes: a constraint can tell them apart."""

_PARTITIONS = (
    "power Nodes=ALL Default=YES",
    "debug Nodes=ALL MaxTime=30",
    "short Nodes=ALL MaxTime=1",
    "rootonly Nodes=ALL RootOnly=YES",
    f"restricted Nodes=ALL AllowGroups={SHARED_GROUP.name}",
    "down Nodes=ALL State=DOWN",
)

_CONF = {
    "ClusterName": CLUSTER,
    # Listen on the address of this machine's name only; NSS_WRAPPER_HOSTS makes it a loopback one.
    "CommunicationParameters": "NoInAddrAny,NoCtldInAddrAny",
    "AuthType": "auth/munge",
    # Works for an ordinary user, too, who has no cgroups.
    "ProctrackType": "proctrack/linuxproc",
    "TaskPlugin": "task/none",
    "SwitchType": "switch/none",
    "MpiDefault": "none",
    "SelectType": "select/cons_tres",
    "SelectTypeParameters": "CR_Core_Memory",
    # Every second: as often as the loops of slurmctld look.
    "SchedulerType": "sched/backfill",
    "SchedulerParameters": "batch_sched_delay=0,sched_interval=1,bf_interval=1",
    "PriorityType": "priority/basic",
    "JobCompType": "jobcomp/none",
    "JobAcctGatherType": "jobacct_gather/none",
    "AccountingStorageType": "accounting_storage/none",
    # Without it, a job that asks for no memory gets all that the node has.
    "DefMemPerCPU": str(MEMORY_MB_PER_NODE // CPUS_PER_NODE),
    "GresTypes": "gpu",
    "Licenses": "matlab:4,fluent:2",
    "MailProg": "/bin/true",
    "MaxJobCount": "100000",
    "MinJobAge": "300",
    "KillWait": "5",
    # Login environments come from files: su(1) would be run without libnss-wrapper.
    "GetEnvTimeout": "0",
    "ReturnToService": "2",
    "SlurmdParameters": "config_overrides",
    "LogTimeFormat": "iso8601_ms",
    "SlurmctldDebug": "info",
    "SlurmdDebug": "info",
}


def node_names(count: int) -> tuple[str, ...]:
    """node1, node2, ..."""
    return tuple(f"node{number}" for number in range(1, count + 1))


def slurm_conf(settings: Settings, layout: Layout, ports: Ports, slurm_user: str) -> str:
    """The text of slurm.conf, for a sandbox whose daemons run as ``slurm_user``."""
    conf = _CONF | _conf_of_this_sandbox(layout, ports, slurm_user)
    if ports.slurmdbd is not None:
        conf |= accounting.slurm_conf(layout, ports.slurmdbd)
    if settings.job_submit_lua is not None:
        conf["JobSubmitPlugins"] = "lua"
    if settings.names_in_jobs:
        conf["TaskProlog"] = str(layout.task_prolog)
    lines = [f"{key}={value}" for key, value in (conf | dict(settings.conf)).items()]
    lines += _node_lines(ports)
    lines += [f"PartitionName={partition}" for partition in _PARTITIONS]
    return "\n".join([*lines, ""])


def _conf_of_this_sandbox(layout: Layout, ports: Ports, slurm_user: str) -> dict[str, str]:
    return {
        "SlurmctldHost": f"localhost({LOOPBACK})",
        "SlurmUser": slurm_user,
        "SlurmdUser": slurm_user,
        "SlurmctldPort": str(ports.slurmctld),
        "AuthInfo": f"socket={layout.munge_socket}",
        "StateSaveLocation": str(layout.state),
        "SlurmctldPidFile": f"{layout.run}/slurmctld.pid",
        "SlurmctldLogFile": f"{layout.log}/slurmctld.log",
        "SlurmdSpoolDir": f"{layout.spool}/%n",
        "SlurmdPidFile": f"{layout.run}/slurmd-%n.pid",
        "SlurmdLogFile": f"{layout.log}/slurmd-%n.log",
    }


def _node_lines(ports: Ports) -> Iterator[str]:
    nodes = node_names(len(ports.slurmd))
    for name, port, features in zip(nodes, ports.slurmd, itertools.cycle(_FEATURES)):
        yield (
            f"NodeName={name} NodeAddr={LOOPBACK} Port={port} CPUs={CPUS_PER_NODE} "
            f"CoresPerSocket={CPUS_PER_NODE} RealMemory={MEMORY_MB_PER_NODE} "
            f"Feature={features} Gres=gpu:{GPU_TYPE}:{len(_GPU_DEVICES)}"
        )


def gres_conf() -> str:
    """The text of gres.conf, the same on every node."""
    return "".join(f"Name=gpu Type={GPU_TYPE} File={device}\n" for device in _GPU_DEVICES)


def task_prolog(environment: Mapping[str, str]) -> str:
    """A TaskProlog that adds these variables to the environment of every task, and runs no shell.

    Slurm heeds each line ``export NAME=value`` that it prints (slurm.conf(5)); cat(1) as its
    interpreter prints just that.
    """
    exports = (f"export {name}={value}" for name, value in environment.items())
    return "\n".join(["#!/bin/cat", *exports, ""])
