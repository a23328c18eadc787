"""Values of every option that Slurm takes, the odd ones too, and values that are refused.

They fit the sandbox: two nodes of eight processors and 16,000 MiB, each with two GPUs of type
tesla; node1 has the features fast and avx512, node2 slow. `TARGET` is a job that exists.
"""

import math
from collections.abc import Collection, Mapping, Sequence

from hpcagent.jobs.spec import (
    CpuFrequency,
    Dependency,
    DependencyTerm,
    Distribution,
    Gres,
    JobSignal,
    MemoryUpdate,
    NodeCount,
    Switches,
)

MIB = 1 << 20
TARGET = "1"
"""The first job of a cluster."""
FAR = 2_000_000_000
"""A time that no test lives to see."""

Values = Mapping[str, Sequence[object]]


def after(job: str, delay: float | None = None) -> DependencyTerm:
    return DependencyTerm("AFTER", (job,), delay)


TAKEN: Values = {
    "comment": ['{"sid":"wfda97f4b"}', 'it\'s $HOME; "%j" \\ ü\n', "c" * 1024],
    "account": ["physics", "Physics"],
    "time": [5400, 30, 61, 3 * 86400 + 1, math.inf],
    "output": ["result.txt", "/dev/null", "logs/%x of %u-%j.txt", "%%", "\\%j"],
    "error": ["errors.%j", "/dev/null"],
    "input": ["/etc/hostname", "data in.txt"],
    "nodes": [NodeCount(1), NodeCount(2), NodeCount(1, 2), NodeCount(2, 2), NodeCount(1, 70)],
    "ntasks": [1, 4, 16],
    "cpus_per_task": [1, 3, 8],
    "ntasks_per_node": [1, 3, 8],
    "mem_bytes": [1024 * MIB, 1025 * 1024, 0, 1 << 50],
    "mem_per_cpu_bytes": [100 * MIB, 1024, 16_001 * MIB],
    "nodelist": ["node1", "node2,node1", "node[1-2]", "node2,node[1-2]"],
    "exclude": ["node2", "node2,node1", "node[2]"],
    "requeue": [True, False],
    "no_kill": [True, False],
    "oversubscribe": [True, False],
    "exclusive": ["JOB", "USER", "MCS"],
    "nice": [100, 0, 2147483645, -5],
    "hold": [True, False],
    "begin": [FAR, FAR + 0.5, 1_000_000_000],
    "array": ["0-3", "1,3,5-9:2%2", "0", "7-7", "1000"],
    "dependency": [
        Dependency(f"afterany:{TARGET}"),
        Dependency(terms=(after(TARGET, 90),)),
        Dependency(terms=(DependencyTerm("AFTEROK", (TARGET, TARGET)), after(TARGET))),
        Dependency(terms=(DependencyTerm("AFTERNOTOK", (TARGET,)), after(TARGET, 60)), any=True),
        Dependency(terms=(DependencyTerm("SINGLETON"), DependencyTerm("AFTERCORR", (TARGET,)))),
    ],
    "qos": ["normal", "nowhere"],
    "gres": [(Gres("gpu"),), (Gres("gpu", "tesla", 2),), (Gres("gpu"), Gres("gpu", "", 1))],
    "constraint": ["fast", "fast&avx512", "[fast|slow]", "slow|avx512"],
    "priority": [1, 1000, 4294967293],
    "reboot": [True, False],
    "get_user_env": [True, False],
    "umask": [0o077, 0, 0o777],
    "acctg_freq": ["30", "task=30,energy=10", "Network=0,filesystem=5"],
    "batch": ["fast", "avx512"],
    "bb": ["#BB create_persistent name=a", "capacity=1G"],
    "bbf": ["#BB one", "#BB one\n#BB two\n"],
    "cluster_constraint": ["fast"],
    "container": ["/bundles/one", "relative/bundle"],
    "context": ["unconfined_u:unconfined_r:unconfined_t:s0"],
    "contiguous": [True, False],
    "core_spec": [0, 1, 7],
    "cores_per_socket": [1, 8],
    "cpu_freq": [
        CpuFrequency(max=2_400_000),
        CpuFrequency(1_000_000, 2_400_000),
        CpuFrequency("LOW", "HIGHM1", "ONDEMAND"),
        CpuFrequency(max="MEDIUM"),
        CpuFrequency(1_200_000, "HIGH", "USERSPACE"),
        CpuFrequency(governor="PERFORMANCE"),
    ],
    "cpus_per_gpu": [2],
    "deadline": [FAR, FAR + 0.5],
    "delay_boot": [0, 90, 90.5],
    "distribution": [
        Distribution("BLOCK"),
        Distribution("CYCLIC", "BLOCK"),
        Distribution("", "FCYCLIC", "CYCLIC"),
        Distribution("CYCLIC", "", "BLOCK", pack=True),
        Distribution(pack=False),
        Distribution("BLOCK", "CYCLIC", pack=False),
        Distribution("PLANE", plane_size=1),
    ],
    "extra_node_info": ["1", "1:8", "1:*:1", "1-2:4-8:1", "*:8"],
    "gpu_bind": ["closest", "verbose,map_gpu:0,1", "mask_gpu:0x1,0x2", "single:2", "none"],
    "gpu_freq": ["medium", "high,memory=low", "1200,verbose"],
    "gpus": [(Gres("gpu", "", 2),), (Gres("", "tesla", 1),), (Gres("gpu"),)],
    "gpus_per_node": [(Gres("gpu", "", 1),), (Gres("gpu", "tesla", 2),)],
    "gpus_per_socket": [(Gres("gpu", "", 1),)],
    "gpus_per_task": [(Gres("gpu", "", 1),), (Gres("gpu", "tesla", 1),)],
    "gres_flags": [("DISABLE_BINDING",), ("ENFORCE_BINDING",)],
    "hint": ["COMPUTE_BOUND", "MEMORY_BOUND", "MULTITHREAD", "NOMULTITHREAD"],
    "kill_on_invalid_dep": [True, False],
    "licenses": ["matlab:2", "matlab,fluent:2", "matlab:1;fluent:1"],
    "mail_type": [
        ("END",),
        ("NONE",),
        ("ALL",),
        ("BEGIN", "TIME_LIMIT_80", "ARRAY_TASKS"),
        ("FAIL", "REQUEUE", "INVALID_DEPEND", "STAGE_OUT"),
        ("TIME_LIMIT", "TIME_LIMIT_90", "TIME_LIMIT_50"),
    ],
    "mail_user": ["someone@example.org"],
    "mcs_label": ["label"],
    "mem_bind": [
        "local",
        "verbose,rank",
        "map_mem:0,1*2",
        "mask_mem:0x1,3,prefer",
        "quiet,sort,none",
        "sort,nosort,v,p",
        "quiet",
    ],
    "mem_per_gpu_bytes": [100 * MIB, 1],
    "mincpus": [1, 4],
    "network": ["ib,sn_all"],
    "ntasks_per_core": [1, 2],
    "ntasks_per_gpu": [1, 2],
    "ntasks_per_socket": [1, 4],
    "open_mode": ["APPEND", "TRUNCATE"],
    "overcommit": [True, False],
    "power": ["level"],
    "prefer": ["fast", "slow|avx512"],
    "profile": [("NONE",), ("ALL",), ("ENERGY", "TASK"), ("LUSTRE", "NETWORK", "TASK")],
    "propagate": [("ALL",), ("NONE",), ("CORE", "NOFILE"), ("RLIMIT_STACK",)],
    "reservation": ["maintenance"],
    "signal": [
        JobSignal("USR1"),
        JobSignal("sigterm", 300, batch=True),
        JobSignal("10", 0, reservation=True),
        JobSignal("INT", 29.5, batch=True, reservation=True),
    ],
    "sockets_per_node": [1, 2],
    "spank_job_env": [("COLOUR=blue",), ("A=1", "B=two words; x=y", "E=", "A=2"), ("ü=$HOME\n",)],
    "spread_job": [True, False],
    "switches": [Switches(1), Switches(2, 90), Switches(1, 0)],
    "thread_spec": [1, 4],
    "threads_per_core": [1, 2],
    "time_min": [60, 61, math.inf],
    "tmp_bytes": [1 << 30, 1, 0],
    "use_min_nodes": [True, False],
    "wait_all_nodes": [True, False],
    "wckey": ["key", "Key"],
}
"""Taken at least of a job that is held, which slurmctld hardly judges by what the nodes have."""

LATER: Values = {
    "container_id": ["box"],
    "extra": ["anything"],
    "consolidate_segments": [True, False],
    "container_type": ["oci"],
    "mem_update": [MemoryUpdate(20, 90)],
    "oom_kill_step": [True, False],
    "requeue_expedite": [True, False],
    "resv_ports": [0, 4],
    "resources": ["power:2"],
    "segment": [2],
    "spread_segments": [True, False],
    "stepmgr": [True, False],
    "tres_bind": ["gres/gpu:closest"],
    "tres_per_task": ["cpu=2,gres/gpu=1"],
}
"""Options of later releases than the installed one."""

BESIDE: Mapping[str, Mapping[str, object]] = {
    "batch": {"constraint": "fast&avx512"},
    "cpus_per_gpu": {"gpus": (Gres("gpu", "", 1),)},
    "gpu_bind": {"gpus": (Gres("gpu", "", 1),)},
    "gpu_freq": {"gpus": (Gres("gpu", "", 1),)},
    "gpus_per_socket": {"sockets_per_node": 1},
    "gpus_per_task": {"ntasks": 2},
    "mem_per_gpu_bytes": {"gpus": (Gres("gpu", "", 1),)},
    "ntasks_per_gpu": {"gpus": (Gres("gpu", "", 2),)},
    "time_min": {"time": math.inf},
}
"""What an option cannot do without."""

REFUSED: Values = {
    "comment": ["c" * 1025],
    "account": ["a" * 1025],
    "output": ["o" * 5000],
    "nodes": [NodeCount(2, 1), NodeCount(3), NodeCount(0)],
    "ntasks": [17, 2147483647, 0],
    "cpus_per_task": [9, 65533, 65534, 0],
    "ntasks_per_node": [9, 65533],
    "mem_bytes": [16_001 * MIB],
    "mem_per_cpu_bytes": [16_001 * MIB],
    "nodelist": ["nowhere", "node[1-3]", "node[2-1]"],
    "exclude": ["nowhere", "node[1-2]"],
    "exclusive": ["TOPO"],
    "nice": [2147483646],
    "array": ["x", "3-1", "0-1000000"],
    "dependency": [Dependency("before:1"), Dependency("afterok:x")],
    "gres": [(Gres("gpu", "", 3),), (Gres("nothing"),), (Gres("gpu", "volta"),)],
    "constraint": ["nowhere", "fast&&", "[fast"],
    "acctg_freq": ["often", "task"],
    "batch": ["nowhere"],
    "cores_per_socket": [9],
    "cpu_freq": [
        CpuFrequency(),
        CpuFrequency(2, 1),
        CpuFrequency(max=1, governor="ONDEMAND"),
        CpuFrequency(governor="CONSERVATIVE"),
        CpuFrequency(max=0),
    ],
    "cpus_per_gpu": [0],
    "deadline": [1_000_000_000],
    "distribution": [
        Distribution("ARBITRARY"),
        Distribution("PLANE"),
        Distribution("PLANE", plane_size=2, pack=True),
        Distribution("FCYCLIC"),
        Distribution("BLOCK", "PLANE"),
    ],
    "extra_node_info": ["x", "1:y", "9"],
    "gpu_bind": ["map_gpu:x", "single"],
    "gpu_freq": ["fast", "memory=fast"],
    "gpus": [(Gres("gpu", "volta", 1),), (Gres("gpu", "", 9),)],
    "gpus_per_node": [(Gres("gpu", "", 3),)],
    "licenses": ["nothing:1", "matlab:5", "matlab:x"],
    "mem_bind": ["near", "map_mem:", "map_mem:x", "mask_mem:1*0"],
    "mem_per_gpu_bytes": [100 * MIB],
    "mincpus": [9],
    "ntasks_per_gpu": [0],
    "prefer": ["nowhere"],
    "propagate": [("EVERYTHING",), ("core",)],
    "reservation": ["nothing"],
    "signal": [JobSignal("USR3"), JobSignal("0"), JobSignal("TERM", 70000)],
    "sockets_per_node": [9],
    "switches": [Switches(0)],
    "threads_per_core": [9],
    "tmp_bytes": [1 << 50],
}
"""Refused of a job that could start at once."""

SOONER: Mapping[str, Collection[str]] = {
    "TOO_LONG": ["Pathname of a file, directory or other parameter too long"],
    "OUT_OF_RANGE": [
        "More processors requested than permitted",  # 65534 for each task is NO_VAL16
        "Node count specification invalid",  # 0 of them
    ],
    "ROOT_ONLY_PARTITION": ["Access/permission denied"],  # slurmctld trusts the agent
}
"""What hpcagent finds before it asks slurmctld, and what slurmctld would have said."""

STRICTER: Values = {
    "time": [0],  # sbatch: unlimited, for which a request has a word
    "mem_per_cpu_bytes": [0],  # sbatch: all the memory of the node, for which there is mem_bytes
    "nodelist": ["node1,,node2"],  # sbatch: without the empty name
    "array": [""],  # sbatch: an empty string is not given
    "comment": [""],
    "priority": [0],  # sbatch: held, for which there is hold
    "gpu_bind": ["nearest"],  # sbatch: none, for its first letter
    "power": ["max"],  # sbatch: nothing
    "cpus_per_task": [65534],  # sbatch: NO_VAL16, and with it no number
}
"""What sbatch takes for something else than it says; hpcagent refuses it."""
STRICTER_BESIDE: Mapping[str, Mapping[str, object]] = {"cpus_per_task": {"overcommit": True}}
"""Without which it would not."""

FIELDS_TAKEN: Values = {
    "partition": ["debug", "power,debug", "short", "down"],
    "name": ["relax", "it's $HOME; %x \\ ü\n", "n" * 1024],
    "nodes": [1, 2],
    "environment": [
        ("FOO=bar baz", "EMPTY=", "EQUALS=a=b", "LINES=a\nb", "ODD=ü'\"$HOME"),
        ("SLURM_UMASK=0077", "SLURM_PRIO_PROCESS=5", "SLURM_SUBMIT_DIR=/x", "SLURM_NTASKS=9"),
        ("SLURM_RLIMIT_CORE=1", "SLURM_JOB_NAME=other", "SLURM_GET_USER_ENV=1"),
    ],
    "script": ["#!/bin/sh\n", "#!/usr/bin/python3\nprint('ü')", "#! /bin/sh -e\n" + "x" * 100_000],
}
FIELDS_REFUSED: Values = {
    "partition": ["nowhere", "power,nowhere", "restricted", "rootonly"],
    "name": ["n" * 1025],
    "nodes": [3],
    "script": ["", " \n", "echo\n", "#!/bin/sh\n\0\n"],
}
"""Of the request itself."""
