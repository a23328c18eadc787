"""Values of every option that Slurm takes, the odd ones too, and values that are refused.

They fit the sandbox: two nodes of eight processors and 16,000 MiB, each with two GPUs of type
tesla; node1 has the features fast and avx512, node2 slow. `TARGET` is a job that exists.
"""

import math
from collections.abc import Mapping, Sequence

from hpcagent.jobs.spec import Dependency, DependencyTerm, Gres, NodeCount

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
}
"""Taken at least of a job that is held, which slurmctld hardly judges by what the nodes have."""

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
}
"""Refused of a job that could start at once."""

STRICTER: Values = {
    "time": [0],  # sbatch: unlimited, for which a request has a word
    "mem_per_cpu_bytes": [0],  # sbatch: all the memory of the node, for which there is mem_bytes
    "nodelist": ["node1,,node2"],  # sbatch: without the empty name
    "array": [""],  # sbatch: an empty string is not given
    "comment": [""],
    "priority": [0],  # sbatch: held, for which there is hold
}
"""What sbatch takes for something else than it says; hpcagent refuses it."""

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
