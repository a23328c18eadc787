"""THE table: every option of a job, one row each.

A row joins a field of ``JobOptions`` in the contract, named as sbatch's long option is, to the
members of job_desc_msg_t that it fills. To add an option: a field in ``job_options.proto`` and a
row here. Tests hold the sides together: a field without a row is refused by name, never dropped,
and a row without a field, or whose member the installed Slurm lacks, fails the suite.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from hpcagent.slurm import kinds
from hpcagent.slurm.kinds import (
    MAX_I32,
    MAX_U16,
    MAX_U32,
    MEM_PER_CPU,
    Flag,
    Kind,
    Memory,
    Minutes,
    Moment,
    Number,
    Path,
    SizeNumber,
    Text,
    Word,
)

MAX_ARRAY = 4096
"""slurmctld's limit of an array expression, in bytes (job_mgr.c, MAX_STR_LEN * 4)."""

EXCLUSIVE: Mapping[str, int] = {"JOB": 0, "USER": 2, "MCS": 3, "TOPO": 4}
"""JOB_SHARED_* (slurm.h): whom the nodes are not shared with."""


@dataclass(frozen=True, slots=True)
class Option:
    """One row: the field of JobOptions, sbatch's spelling, and how the value is written."""

    name: str
    sbatch: str
    fill: Kind


@dataclass(frozen=True, slots=True)
class Privilege:
    """A value that slurmctld refuses to users but takes from a privileged submitter."""

    name: str
    """Its key in the configuration's ``[policy]``, behind ``allow_``."""
    option: str
    asks: Callable[[object], bool]
    """Whether a value of the option is such a one."""
    said: str


OPTIONS: tuple[Option, ...] = (
    Option("comment", "--comment", Text("comment")),
    Option("account", "--account", Text("account")),
    Option("time", "--time", Minutes("time_limit")),
    Option("output", "--output", Path("std_out")),
    Option("error", "--error", Path("std_err")),
    Option("input", "--input", Path("std_in")),
    Option("nodes", "--nodes", kinds.nodes),
    Option("ntasks", "--ntasks", SizeNumber("ntasks", MAX_I32)),
    Option("cpus_per_task", "--cpus-per-task", SizeNumber("cpus_per_task", MAX_U16)),
    Option("ntasks_per_node", "--ntasks-per-node", SizeNumber("ntasks_per_node", MAX_U16)),
    Option("mem_bytes", "--mem", Memory("pn_min_memory")),
    Option("mem_per_cpu_bytes", "--mem-per-cpu", Memory("pn_min_memory", MEM_PER_CPU, least=1)),
    Option("nodelist", "--nodelist", kinds.nodelist),
    Option("exclude", "--exclude", kinds.exclude),
    Option("requeue", "--requeue", Flag("requeue", on=1, off=0)),
    Option("no_kill", "--no-kill", Flag("kill_on_node_fail", on=0)),
    Option("oversubscribe", "--oversubscribe", Flag("shared", on=1)),
    Option("exclusive", "--exclusive", Word("shared", EXCLUSIVE, since={"TOPO": (24, 11, 0)})),
    Option("nice", "--nice", kinds.nice),
    Option("hold", "--hold", Flag("priority", on=0)),
    Option("begin", "--begin", Moment("begin_time")),
    Option("array", "--array", Text("array_inx", MAX_ARRAY)),
    Option("dependency", "--dependency", kinds.dependency),
    Option("qos", "--qos", Text("qos")),
    Option("gres", "--gres", kinds.gres),
    Option("constraint", "--constraint", Text("features")),
    Option("priority", "--priority", Number("priority", 1, MAX_U32)),
    Option("reboot", "--reboot", Flag("reboot", on=1)),
    Option("get_user_env", "--get-user-env", kinds.get_user_env),
    Option("umask", "umask", kinds.umask),  # sbatch takes its own: umask(1) before it
)

BY_NAME: Mapping[str, Option] = {option.name: option for option in OPTIONS}

EXCLUDE_EACH_OTHER: tuple[tuple[str, ...], ...] = (
    ("mem_bytes", "mem_per_cpu_bytes"),
    ("oversubscribe", "exclusive"),
    ("hold", "priority"),
)
"""Options of which a job can have one: they fill the same member with different meanings."""

PRIVILEGES: tuple[Privilege, ...] = (
    Privilege("priority", "priority", lambda _: True, "an explicit priority"),
    Privilege("negative_nice", "nice", lambda nice: cast("int", nice) < 0, "a nice value below 0"),
    Privilege("reboot", "reboot", bool, "booting the nodes before the job"),
)
"""Checked by ``hpcagent.slurm.policy``: slurmctld does not, since it trusts the agent (job_mgr.c,
validate_job_create_req)."""

BASE_MEMBERS: Mapping[str, int | None] = {
    "task_dist": 0x2000,  # SLURM_DIST_UNKNOWN; left alone slurmctld takes NO_VAL for cyclic
    "mem_bind_type": 0,
    "contiguous": 0,
    "mail_type": 0,
}
"""Where sbatch's default is not slurm_init_job_desc_msg's (sbatch opt.c, init_msg.c)."""

BASE_MEMBERS_SINCE: Mapping[tuple[int, int, int], Mapping[str, int | None]] = {
    (24, 5, 0): {"resv_port_cnt": None},  # init leaves 0, which turns the automatic count off
    (24, 11, 0): {"oom_kill_step": None},  # init leaves 0, which overrides the site's setting
}
"""The same for members that came with a release."""
