"""What Slurm is told about a sandbox: slurm.conf and gres.conf, as pure text.

The cluster is small but has something of each kind that a client must cope with: a partition that
only root may use, one that is down, one that is limited to a group, one with a short time limit;
nodes that differ in features; GPUs; licenses. CPUs and memory are pretended
(``SlurmdParameters=config_overrides``), so that a laptop has room for them. Where Slurm's default
does no harm it is left alone: a client should meet the limits that it meets on a real cluster.
"""

from dataclasses import dataclass

from hpcagent.sandbox.accounts import SHARED_GROUP
from hpcagent.sandbox.layout import Layout
from hpcagent.sandbox.ports import LOOPBACK

CLUSTER = "sandbox"
GPU_TYPE = "tesla"
GPUS_PER_NODE = 2
CPUS_PER_NODE = 8
MEMORY_MB_PER_NODE = 16_000


@dataclass(frozen=True, slots=True)
class Settings:
    """What the person who starts a sandbox may choose."""

    nodes: int = 2
    job_submit_lua: str | None = None
    """Source of a script for Slurm's job_submit/lua plugin."""
    names_in_jobs: bool = False
    """Whether jobs, too, are given the sandbox's users, so that ``whoami`` works in them."""
    extra_conf: tuple[str, ...] = ()
    """Lines to add to slurm.conf; for most keys the last one counts."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The loopback ports of one sandbox."""

    slurmctld: int
    slurmd: tuple[int, ...]


def node_names(count: int) -> tuple[str, ...]:
    """node1, node2, ..."""
    return tuple(f"node{number}" for number in range(1, count + 1))


_FEATURES = ("fast,avx512", "slow")
"""Of odd and of even nodes: a constraint can tell them apart."""

_PARTITIONS = (
    "power Default=YES MaxTime=UNLIMITED",
    "debug MaxTime=30",
    "short MaxTime=1",
    "rootonly RootOnly=YES",
    f"restricted AllowGroups={SHARED_GROUP.name}",
    "down State=DOWN",
)

_FIXED = f"""\
ClusterName={CLUSTER}
SlurmctldHost=localhost({LOOPBACK})
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
AuthType=auth/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
PriorityType=priority/basic
JobCompType=jobcomp/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
DefMemPerCPU={MEMORY_MB_PER_NODE // CPUS_PER_NODE}
GresTypes=gpu
Licenses=matlab:4,fluent:2
MailProg=/bin/true
MaxJobCount=100000
MinJobAge=300
KillWait=5
ReturnToService=2
SlurmdParameters=config_overrides
LogTimeFormat=iso8601_ms
SlurmctldDebug=info
SlurmdDebug=info
"""


def slurm_conf(settings: Settings, layout: Layout, ports: Ports, slurm_user: str) -> str:
    """The text of slurm.conf, for a sandbox whose daemons run as ``slurm_user``."""
    lines = [_FIXED + _of_this_sandbox(layout, ports, slurm_user)]
    if settings.job_submit_lua is not None:
        lines.append("JobSubmitPlugins=lua")
    for index, (name, port) in enumerate(
        zip(node_names(settings.nodes), ports.slurmd, strict=True),
    ):
        lines.append(
            f"NodeName={name} NodeAddr={LOOPBACK} Port={port} CPUs={CPUS_PER_NODE} "
            f"CoresPerSocket={CPUS_PER_NODE} RealMemory={MEMORY_MB_PER_NODE} "
            f"Feature={_FEATURES[index % 2]} Gres=gpu:{GPU_TYPE}:{GPUS_PER_NODE}",
        )
    lines += [f"PartitionName={partition} Nodes=ALL" for partition in _PARTITIONS]
    return "\n".join([*lines, *settings.extra_conf, ""])


def _of_this_sandbox(layout: Layout, ports: Ports, slurm_user: str) -> str:
    return f"""\
SlurmUser={slurm_user}
SlurmdUser={slurm_user}
SlurmctldPort={ports.slurmctld}
AuthInfo=socket={layout.munge_socket}
StateSaveLocation={layout.state}
SlurmctldPidFile={layout.run}/slurmctld.pid
SlurmctldLogFile={layout.log}/slurmctld.log
SlurmdSpoolDir={layout.spool}/%n
SlurmdPidFile={layout.run}/slurmd-%n.pid
SlurmdLogFile={layout.log}/slurmd-%n.log
"""


def gpu_files(layout: Layout) -> tuple[str, ...]:
    """The files that stand for GPUs, shared by all nodes: Slurm only looks whether they exist."""
    return tuple(f"{layout.dev}/gpu{number}" for number in range(GPUS_PER_NODE))


def gres_conf(layout: Layout) -> str:
    """The text of gres.conf, the same on every node."""
    return f"Name=gpu Type={GPU_TYPE} File={layout.dev}/gpu[0-{GPUS_PER_NODE - 1}]\n"
