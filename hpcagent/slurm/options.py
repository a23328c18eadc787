"""THE table: every option of a job, one row each.

A row joins a field of ``JobOptions`` in the contract, named as sbatch's long option is, to the
members of job_desc_msg_t that it fills. To add an option: a field in ``job_options.proto`` and a
row here; ``make docs`` then writes it into docs/options.md. Tests hold the sides together: a field
without a row, a row without a field, or a member of the installed slurm.h that neither a row nor
``hpcagent.slurm.description.members`` accounts for, fails the suite.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from hpcagent.slurm.draft import Release
from hpcagent.slurm.grammar import (
    dependencies,
    lengths,
    moments,
    numbers,
    placement,
    resources,
    sizes,
    words,
)
from hpcagent.slurm.grammar.forms import FLAG, LIST, LIST_OR_ALL, TEXT, WORDS, Grammar
from hpcagent.slurm.kinds import MAX_I32, MAX_U16, MAX_U32, MEM_PER_CPU
from hpcagent.slurm.kinds import environment as surroundings
from hpcagent.slurm.kinds.dependency import dependency
from hpcagent.slurm.kinds.events import (
    mail_type,
    open_mode,
    profile,
    requeue_expedite,
    signal,
    switches,
)
from hpcagent.slurm.kinds.frequency import cpu_freq
from hpcagent.slurm.kinds.gres import (
    Gpus,
    MemoryPerGpu,
    PerGpu,
    gpu_bind,
    gpu_freq,
    gres,
    gres_flags,
)
from hpcagent.slurm.kinds.kind import Kind, Written
from hpcagent.slurm.kinds.layout import distribution, mem_bind
from hpcagent.slurm.kinds.nodes import exclude, extra_node_info, hint, nodelist, nodes
from hpcagent.slurm.kinds.numbers import (
    MIB,
    Bit,
    Flag,
    Memory,
    Minutes,
    Moment,
    Number,
    Seconds,
    SizeNumber,
    Word,
    mem_update,
    nice,
)
from hpcagent.slurm.kinds.texts import (
    ACCTG_FREQ,
    Container,
    Formed,
    Path,
    Text,
    burst_buffer_file,
    clusters,
    licenses,
    more_licenses,
    power,
)

MAX_ARRAY = 4096
"""slurmctld's limit of an array expression, in bytes (job_mgr.c, MAX_STR_LEN * 4)."""
MAX_BURST_BUFFER = 8192
"""slurmctld's limit of a burst buffer specification, in bytes (job_mgr.c, MAX_STR_LEN * 8)."""
CORE_SPEC_THREAD = 0x8000
"""Flag in core_spec: it counts threads, not cores (slurm.h)."""

EXCLUSIVE: Mapping[str, int] = {"JOB": 0, "USER": 2, "MCS": 3, "TOPO": 4}
"""JOB_SHARED_* (slurm.h): whom the nodes are not shared with."""


@dataclass(frozen=True, slots=True)
class Option:
    """One row: the field of JobOptions, sbatch's spelling, and how the value is written."""

    name: str
    sbatch: str
    fill: Kind
    short: str = ""
    """sbatch's short spelling: ``-t``."""
    default: str = ""
    """What leaving it out means, where it means more than that nothing is asked for."""
    since: Release | None = None
    """The first release of Slurm that has it."""
    until: Release | None = None
    """The first release of Slurm that has it no more."""
    takes: Grammar = TEXT
    """How sbatch reads what stands behind it."""


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
    # ------------------------------------------------------------- what it is, and for whom
    Option("comment", "--comment", Text("comment")),
    Option("account", "--account", Text("account"), short="-A", default="the user's own"),
    Option("wckey", "--wckey", Text("wckey"), default="the user's own"),
    Option("qos", "--qos", Text("qos"), short="-q", default="the association's"),
    Option("mcs_label", "--mcs-label", Text("mcs_label")),
    Option("extra", "--extra", Text("extra"), since=(23, 2, 0)),
    # ------------------------------------------------------------- when
    Option("time", "--time", Minutes("time_limit"), short="-t", default="the partition's",
           takes=lengths.LIMIT),
    Option("time_min", "--time-min", Minutes("time_min"), default="`time`", takes=lengths.LIMIT),
    Option("begin", "--begin", Moment("begin_time"), short="-b", default="at once",
           takes=moments.MOMENT),
    Option("deadline", "--deadline", Moment("deadline"), default="none", takes=moments.MOMENT),
    Option("dependency", "--dependency",
           Written(dependency, ("dependency",), ("SLURM_JOB_DEPENDENCY",)), short="-d",
           takes=dependencies.DEPENDENCY),
    Option("kill_on_invalid_dep", "--kill-on-invalid-dep", Bit(1 << 0, 1 << 1),
           default="slurm.conf DependencyParameters", takes=words.YES_OR_NO),
    Option("hold", "--hold", Flag("priority", on=0), short="-H", takes=FLAG),
    Option("nice", "--nice", Written(nice, ("nice",)), default="0", takes=numbers.NICE),
    Option("priority", "--priority", Number("priority", 1, MAX_U32), default="slurmctld's",
           takes=numbers.PRIORITY),
    Option("reservation", "--reservation", Text("reservation")),
    Option("array", "--array", Text("array_inx", MAX_ARRAY), short="-a"),
    # ------------------------------------------------------------- its files and environment
    Option("output", "--output", Path("std_out"), short="-o",
           default="`slurm-%j.out`, of an array `slurm-%A_%a.out`", takes=words.FILE),
    Option("error", "--error", Path("std_err"), short="-e", default="`output`", takes=words.FILE),
    Option("input", "--input", Path("std_in"), short="-i", default="`/dev/null`", takes=words.FILE),
    Option("open_mode", "--open-mode",
           Written(open_mode, ("open_mode",), ("SLURM_OPEN_MODE",)),
           default="slurm.conf JobFileAppend", takes=words.OPEN_MODE),
    Option("get_user_env", "--get-user-env",
           Written(surroundings.get_user_env, ("environment",), ("SLURM_GET_USER_ENV",)),
           takes=words.GET_USER_ENV),
    Option("propagate", "--propagate", Written(surroundings.propagate, ("environment",)),
           default="slurm.conf PropagateResourceLimits", takes=LIST_OR_ALL),
    Option("umask", "umask",  # sbatch takes its own: umask(1) before it
           Written(surroundings.umask, ("environment",), ("SLURM_UMASK",)),
           default="the agent's `[slurm] umask`"),
    Option("spank_job_env", "spank_job_env",  # plugins set it, in sbatch's process
           Written(surroundings.spank_job_env, ("spank_job_env", "environment"))),
    Option("bb", "--bb", Text("burst_buffer", MAX_BURST_BUFFER)),
    Option("bbf", "--bbf", Written(burst_buffer_file, ("script",))),
    Option("container", "--container", Container("container", "SLURM_CONTAINER"),
           since=(21, 8, 0)),
    Option("container_id", "--container-id", Container("container_id", "SLURM_CONTAINER_ID"),
           since=(23, 2, 0)),
    Option("container_type", "--container-type",
           Container("container_type", "SLURM_CONTAINER_TYPE"), since=(26, 5, 0)),
    Option("context", "--context", Text("req_context"), since=(21, 8, 0)),
    # ------------------------------------------------------------- which nodes
    Option("nodes", "--nodes", Written(nodes, ("min_nodes", "max_nodes")), short="-N",
           default="as many as the other options need", takes=numbers.NODES),
    Option("nodelist", "--nodelist", Written(nodelist, ("req_nodes",)), short="-w",
           takes=words.HOSTS),
    Option("exclude", "--exclude", Written(exclude, ("exc_nodes",)), short="-x", takes=words.HOSTS),
    Option("constraint", "--constraint", Text("features"), short="-C"),
    Option("prefer", "--prefer", Text("prefer"), since=(22, 5, 0)),
    Option("batch", "--batch", Text("batch_features"), default="`constraint`"),
    Option("cluster_constraint", "--cluster-constraint", Text("cluster_features")),
    Option("clusters", "--clusters", Written(clusters, ("clusters",)), short="-M",
           default="the agent's own", takes=LIST),
    Option("contiguous", "--contiguous", Flag("contiguous", on=1), takes=FLAG),
    Option("spread_job", "--spread-job", Bit(1 << 8), takes=FLAG),
    Option("use_min_nodes", "--use-min-nodes", Bit(1 << 9), takes=FLAG),
    Option("switches", "--switches", Written(switches, ("req_switch", "wait4switch")),
           takes=placement.SWITCHES),
    Option("segment", "--segment", Number("segment_size", 1, MAX_U16), since=(24, 5, 0),
           takes=numbers.COUNT),
    Option("spread_segments", "--spread-segments", Bit(1 << 43), since=(25, 11, 0), takes=FLAG),
    Option("consolidate_segments", "--consolidate-segments", Bit(1 << 44), since=(25, 11, 0),
           takes=FLAG),
    Option("oversubscribe", "--oversubscribe", Flag("shared", on=1), short="-s",
           default="the partition's OverSubscribe", takes=FLAG),
    Option("exclusive", "--exclusive", Word("shared", EXCLUSIVE, since={"TOPO": (24, 5, 0)}),
           default="the partition's OverSubscribe", takes=words.EXCLUSIVE),
    Option("reboot", "--reboot", Flag("reboot", on=1), takes=FLAG),
    Option("delay_boot", "--delay-boot", Seconds("delay_boot"),
           default="slurm.conf DelayBoot", takes=lengths.LENGTH),
    Option("power", "--power", Written(power, ("power_flags",)), until=(24, 5, 0)),
    # ------------------------------------------------------------- tasks and processors
    Option("ntasks", "--ntasks", SizeNumber("num_tasks", "ntasks", MAX_I32, "SLURM_NTASKS"),
           short="-n", default="derived from the other options, else 1", takes=numbers.COUNT),
    Option("cpus_per_task", "--cpus-per-task",
           SizeNumber("cpus_per_task", "cpus_per_task", MAX_U16, "SLURM_CPUS_PER_TASK"),
           short="-c", default="1", takes=numbers.COUNT),
    Option("ntasks_per_node", "--ntasks-per-node",
           SizeNumber("ntasks_per_node", "ntasks_per_node", MAX_U16, "SLURM_NTASKS_PER_NODE"),
           takes=numbers.COUNT),
    Option("ntasks_per_socket", "--ntasks-per-socket",
           Number("ntasks_per_socket", 1, MAX_U16, "SLURM_NTASKS_PER_SOCKET"), takes=numbers.COUNT),
    Option("ntasks_per_core", "--ntasks-per-core",
           Number("ntasks_per_core", 1, MAX_U16, "SLURM_NTASKS_PER_CORE"), takes=numbers.COUNT),
    Option("mincpus", "--mincpus", SizeNumber("pn_min_cpus", "mincpus", MAX_U16),
           takes=numbers.COUNT),
    Option("overcommit", "--overcommit", Flag("overcommit", on=1), short="-O", takes=FLAG),
    Option("sockets_per_node", "--sockets-per-node",
           SizeNumber("sockets_per_node", "sockets", MAX_U16), takes=numbers.COUNT),
    Option("cores_per_socket", "--cores-per-socket",
           SizeNumber("cores_per_socket", "cores", MAX_U16), takes=numbers.COUNT),
    Option("threads_per_core", "--threads-per-core",
           SizeNumber("threads_per_core", "threads", MAX_U16, "SLURM_THREADS_PER_CORE"),
           takes=numbers.COUNT),
    Option("extra_node_info", "--extra-node-info",
           Written(extra_node_info, ("sockets_per_node", "cores_per_socket", "threads_per_core"),
                   ("SLURM_THREADS_PER_CORE",)), short="-B"),
    Option("hint", "--hint",
           Written(hint, ("cores_per_socket", "threads_per_core", "ntasks_per_core"),
                   ("SLURM_HINT", "SLURM_THREADS_PER_CORE", "SLURM_NTASKS_PER_CORE")),
           takes=words.HINT),
    Option("distribution", "--distribution",
           Written(distribution, ("task_dist", "plane_size"),
                   ("SLURM_DISTRIBUTION", "SLURM_DIST_PLANESIZE", "SLURM_ARBITRARY_NODELIST")),
           short="-m", default="slurmctld's", takes=placement.DISTRIBUTION),
    Option("cpu_freq", "--cpu-freq",
           Written(cpu_freq, ("cpu_freq_min", "cpu_freq_max", "cpu_freq_gov"),
                   ("SLURM_CPU_FREQ_REQ",), "kHz"), default="slurm.conf CpuFreqDef",
           takes=placement.CPU_FREQ),
    Option("core_spec", "--core-spec", Number("core_spec", 0, CORE_SPEC_THREAD - 1), short="-S",
           default="the node's CoreSpecCount", takes=numbers.COUNT_OR_NONE),
    Option("thread_spec", "--thread-spec",
           Number("core_spec", 1, MAX_U16 - CORE_SPEC_THREAD, flag=CORE_SPEC_THREAD),
           takes=numbers.COUNT),
    # ------------------------------------------------------------- memory and disk
    Option("mem_bytes", "--mem", Memory("pn_min_memory"),
           default="slurm.conf DefMemPerNode or DefMemPerCPU", takes=sizes.SIZE),
    Option("mem_per_cpu_bytes", "--mem-per-cpu", Memory("pn_min_memory", MEM_PER_CPU, least=1),
           default="slurm.conf DefMemPerCPU", takes=sizes.SIZE),
    Option("mem_per_gpu_bytes", "--mem-per-gpu",
           MemoryPerGpu("mem_per_tres", "SLURM_MEM_PER_GPU"),
           default="slurm.conf DefMemPerGPU", takes=sizes.SIZE),
    Option("mem_bind", "--mem-bind",
           Written(mem_bind, ("mem_bind", "mem_bind_type"),
                   ("SLURM_MEM_BIND", "SLURM_MEM_BIND_SORT", "SLURM_MEM_BIND_VERBOSE")),
           takes=WORDS),
    Option("mem_update", "--mem-update",
           Written(mem_update, ("mem_update_margin", "mem_update_delay"), (),
                   "percent and time; rounded up to minutes"),
           since=(26, 5, 0), takes=placement.MEM_UPDATE),
    Option("tmp_bytes", "--tmp", Memory("pn_min_tmp_disk", most=MAX_U32 * MIB), takes=sizes.SIZE),
    # ------------------------------------------------------------- generic resources
    Option("gres", "--gres", Written(gres, ("tres_per_node",)), takes=resources.GRES),
    Option("gres_flags", "--gres-flags", Written(gres_flags, ("bitflags",)), takes=words.GRES_FLAG),
    Option("gpus", "--gpus", Gpus("tres_per_job", "SLURM_GPUS"), short="-G", takes=resources.GPUS),
    Option("gpus_per_node", "--gpus-per-node", Gpus("tres_per_node", "SLURM_GPUS_PER_NODE"),
           takes=resources.GPUS),
    Option("gpus_per_socket", "--gpus-per-socket",
           Gpus("tres_per_socket", "SLURM_GPUS_PER_SOCKET"), takes=resources.GPUS),
    Option("gpus_per_task", "--gpus-per-task", Gpus("tres_per_task", "SLURM_GPUS_PER_TASK"),
           takes=resources.GPUS),
    Option("cpus_per_gpu", "--cpus-per-gpu", PerGpu("cpus_per_tres", "SLURM_CPUS_PER_GPU"),
           default="the partition's DefCpuPerGPU", takes=numbers.COUNT),
    Option("ntasks_per_gpu", "--ntasks-per-gpu",
           Number("ntasks_per_tres", 1, MAX_U16, "SLURM_NTASKS_PER_GPU"), takes=numbers.COUNT),
    Option("gpu_bind", "--gpu-bind", Written(gpu_bind, ("tres_bind",), ("SLURM_GPU_BIND",))),
    Option("gpu_freq", "--gpu-freq",
           Written(gpu_freq, ("tres_freq",), ("SLURM_GPU_FREQ",), "MHz, or a level")),
    Option("tres_bind", "--tres-bind", Text("tres_bind"), since=(23, 11, 0)),
    Option("tres_per_task", "--tres-per-task", Text("tres_per_task"), since=(23, 2, 0)),
    Option("licenses", "--licenses", Written(licenses, ("licenses",)), short="-L"),
    Option("resources", "--resources", Written(more_licenses, ("licenses",)), since=(25, 11, 0)),
    Option("network", "--network", Text("network")),
    Option("resv_ports", "--resv-ports", Number("resv_port_cnt", 0, MAX_U16),
           default="slurmctld's", since=(24, 5, 0), takes=numbers.COUNT_OR_BARE),
    # ------------------------------------------------------------- while it runs
    Option("signal", "--signal", Written(signal, ("warn_signal", "warn_time", "warn_flags")),
           takes=placement.SIGNAL),
    Option("mail_type", "--mail-type", mail_type, default="none", takes=words.MAIL_TYPE),
    Option("mail_user", "--mail-user", Text("mail_user"), default="the job's user"),
    Option("requeue", "--requeue", Flag("requeue", on=1, off=0), default="slurm.conf JobRequeue",
           takes=words.REQUEUE),
    Option("requeue_expedite", "--requeue=expedite",
           Written(requeue_expedite, ("requeue", "bitflags")), since=(25, 11, 0), takes=FLAG),
    Option("no_kill", "--no-kill", Flag("kill_on_node_fail", on=0), short="-k",
           takes=words.NO_KILL),
    Option("wait_all_nodes", "--wait-all-nodes", Flag("wait_all_nodes", on=1, off=0),
           default="slurm.conf SchedulerParameters=sbatch_wait_nodes", takes=numbers.BIT),
    Option("stepmgr", "--stepmgr", Bit(1 << 41), since=(24, 5, 0), takes=FLAG),
    Option("oom_kill_step", "--oom-kill-step", Flag("oom_kill_step", on=1, off=0),
           default="slurm.conf TaskPluginParam=OOMKillStep", since=(24, 11, 0),
           takes=numbers.BIT_OR_BARE),
    Option("acctg_freq", "--acctg-freq",
           Formed("acctg_freq", ACCTG_FREQ, "task=30,energy=10", "SLURM_ACCTG_FREQ"),
           default="slurm.conf JobAcctGatherFrequency"),
    Option("profile", "--profile", Written(profile, ("profile",), ("SLURM_PROFILE",)),
           default="acct_gather.conf ProfileHDF5Default", takes=words.PROFILE),
)  # fmt: skip

BY_NAME: Mapping[str, Option] = {option.name: option for option in OPTIONS}


def path_of(option: str) -> str:
    """Return the path of an option in the request message."""
    return f'options["slurm"].{option}'


EXCLUDE_EACH_OTHER: tuple[tuple[str, ...], ...] = (
    ("mem_bytes", "mem_per_cpu_bytes", "mem_per_gpu_bytes"),
    ("oversubscribe", "exclusive"),
    ("hold", "priority"),
    ("bb", "bbf"),
    ("core_spec", "thread_spec"),
    ("gpu_bind", "tres_bind"),
    ("gpus_per_task", "tres_per_task"),
    ("ntasks_per_gpu", "gpus_per_task"),
    ("ntasks_per_gpu", "gpus_per_socket"),
    ("ntasks_per_gpu", "ntasks_per_node"),
    ("ntasks_per_gpu", "tres_per_task"),
    ("cpus_per_gpu", "cpus_per_task"),
    ("extra_node_info", "sockets_per_node"),
    ("extra_node_info", "cores_per_socket"),
    ("extra_node_info", "threads_per_core"),
    ("hint", "extra_node_info"),
    ("hint", "threads_per_core"),
    ("hint", "ntasks_per_core"),
    ("hint", "sockets_per_node"),
    ("hint", "cores_per_socket"),
)
"""Options of which a job can have one: sbatch refuses both together, or drops one silently."""

PRIVILEGES: tuple[Privilege, ...] = (
    Privilege("priority", "priority", lambda _: True, "an explicit priority"),
    Privilege("negative_nice", "nice", lambda nice: cast("int", nice) < 0, "a nice value below 0"),
    Privilege("reboot", "reboot", bool, "booting the nodes before the job"),
)
"""Checked by ``hpcagent.slurm.policy``: slurmctld does not, since it trusts the agent (job_mgr.c,
validate_job_create_req)."""
