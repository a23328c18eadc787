"""A job cannot tell that it came through hpcagent: it finds what it would find with sbatch.

sbatch runs with the very environment that hpcagent is given, and exports all of it. So nothing that
a job sees may differ, but for what stands below.
"""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from slurm.bell import Bell, bell
from slurm.twins import Made, Outcome, Twins

from hpcagent.jobs.spec import (
    CpuFrequency,
    Dependency,
    Distribution,
    Gres,
    HetComponent,
    JobSignal,
    NodeCount,
    Switches,
)

DIFFERS = {
    "SLURM_JOB_ID": "two jobs",
    "SLURM_JOBID": "two jobs",
    "SLURM_ARRAY_JOB_ID": "two jobs",
    **{
        f"SLURM_JOB_ID_{word}_GROUP_{offset}": "two jobs"
        for word in ("HET", "PACK")
        for offset in (0, 1)
    },
    "SLURM_TASK_PID": "two processes",
    "SLURM_JOB_START_TIME": "one is a little later (Slurm 23.02 and later)",
    "SLURM_JOB_END_TIME": "as SLURM_JOB_START_TIME",
}
EXPORT_DIFFERS = DIFFERS | {
    "SLURM_EXPORT_ENV": "hpcagent leaves it out, for srun in the job would obey it (docs/adr/0008)",
}
"""Where sbatch has --export."""

REPORT = """#!/bin/sh
{{
    env -0
    printf '\\0'
    printf '<%s>\\n' "$@"
    umask
    id
    pwd
    cat /proc/self/limits
    readlink /proc/self/fd/0
    nice
}} > "report.${{SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}}.$SLURM_ARRAY_TASK_ID" 2>&1
echo > {bell}
"""
"""Writes down the variables, each with a NUL behind it, and after another NUL the rest."""


@dataclass(frozen=True)
class Seen:
    """What one job, or one task of an array, found."""

    variables: dict[str, str]
    rest: str

    @classmethod
    def read(cls, report: Path) -> "Seen":
        """Read a report and remove it."""
        variables, _, rest = report.read_text(encoding="utf-8").partition("\0\0")
        report.unlink()
        entries = (entry.partition("=") for entry in variables.split("\0"))
        return cls({name: value for name, _, value in entries}, rest)


def on_node1(**options: object) -> dict[str, Any]:
    """Options, and that the job shall not run on whichever node has room."""
    return {"options": {"exclude": "node2"} | options}


CASES: dict[str, dict[str, Any]] = {
    "nothing": on_node1(),
    "variables": on_node1()
    | {
        "environment": ("HOME=/x", "FOO=bar baz", "LINES=a\nb", "E=", "PATH=/bin:/usr/bin", "T=a=b")
    },
    "variables of Slurm": on_node1()
    | {"environment": ("SLURM_UMASK=0027", "SLURM_NTASKS=9", "SLURM_RLIMIT_CORE=1", "SBATCH_X=1")},
    "name": on_node1() | {"name": "it's ü"},
    "arguments": on_node1() | {"name": "job.sh", "argv": ("first", "", "third one", "*")},
    "partition": on_node1() | {"partition": "debug"},
    "accounting": on_node1(account="physics", qos="normal", comment="c"),
    "nodes": {"nodes": 2},
    "node range": {"options": {"nodes": NodeCount(2, 3), "ntasks_per_node": 2}},
    "node list": {"options": {"nodelist": "node2,node1"}},
    "node list cut short": {"options": {"nodelist": "node[1-2]", "ntasks": 1}},
    "tasks": on_node1(ntasks=3),
    "processors": on_node1(cpus_per_task=2),
    "size": {"options": {"nodes": NodeCount(2), "ntasks_per_node": 2, "cpus_per_task": 3}},
    "memory": on_node1(mem_bytes=1 << 30),
    "memory of a processor": on_node1(mem_per_cpu_bytes=1 << 28, ntasks=2),
    "all memory": on_node1(mem_bytes=0),
    "nodes for itself": on_node1(exclusive="JOB"),
    "devices": on_node1(gres=(Gres("gpu", "tesla", 2),)),
    "array": on_node1(array="1-3"),
    "components": {
        "name": "several",
        "options": {"ntasks": 2, "nodelist": "node1"},
        "components": (
            HetComponent("debug", options={"cpus_per_task": 2, "ntasks": 1, "nodelist": "node2"}),
        ),
    },
    "dependency": on_node1(dependency=Dependency("singleton")),
    "time limit": on_node1(time=90, begin=1_000_000_000),
    "standard input": on_node1(input="/etc/hostname"),
    "file mode creation mask": on_node1(umask=0o077),
    "flags": on_node1(nice=100, requeue=False, no_kill=True, oversubscribe=True),
    "gpus": on_node1(
        gpus=(Gres("", "tesla", 2),), cpus_per_gpu=1, mem_per_gpu_bytes=1 << 28,
        gpu_bind="closest", gpu_freq="medium,memory=low",
    ),
    "gpus of each node": on_node1(gpus_per_node=(Gres("gpu", "", 2),), ntasks_per_gpu=2),
    "gpus of each task": on_node1(gpus_per_task=(Gres("gpu", "", 1),), ntasks=2),
    "gpus of each socket": on_node1(gpus_per_socket=(Gres("gpu", "", 2),), sockets_per_node=1),
    "tasks of each core": on_node1(ntasks=2, ntasks_per_core=1, ntasks_per_socket=2, mincpus=2),
    "insides of nodes": on_node1(cores_per_socket=2, threads_per_core=1, overcommit=True),
    "insides of nodes together": on_node1(extra_node_info="1:4:1", nodes=NodeCount(1)),
    "hint": on_node1(hint="NOMULTITHREAD"),
    "hint of threads": on_node1(hint="MULTITHREAD"),
    "layout": on_node1(ntasks=2, distribution=Distribution("CYCLIC", "", "BLOCK", pack=True)),
    "layout in blocks": on_node1(ntasks=4, distribution=Distribution("PLANE", plane_size=2)),
    "layout by the list": {
        "options": {"nodelist": "node[1-2]", "distribution": Distribution("ARBITRARY")}
    },
    "binding of memory": on_node1(mem_bind="verbose,sort,map_mem:0*2"),
    "binding of memory, told before": on_node1(mem_bind="sort,local")
    | {"environment": ("SLURM_MEM_BIND_VERBOSE=given", "SLURM_MEM_BIND_SORT=given")},
    "frequency of processors": on_node1(cpu_freq=CpuFrequency("LOW", "HIGH", "ONDEMAND")),
    "profile": on_node1(profile=("ENERGY", "TASK"), acctg_freq="task=30"),
    "no profile": on_node1(profile=("NONE",), open_mode="APPEND"),
    "limits": on_node1(propagate=("CORE", "NOFILE")),
    "of a plugin": on_node1(spank_job_env=("COLOUR=blue", "A=1"))
    | {"environment": ("SLURM_SPANK_A=0", "SLURM_SPANK_B=0")},
    "no limits": on_node1(propagate=("NONE",)),
    "lines in the script": on_node1(bbf="export FROM_THE_LINES=1", wait_all_nodes=True),
    "signal and mail": on_node1(
        signal=JobSignal("USR1", 30, batch=True), mail_type=("END",), mail_user="a@example.org"
    ),
    "licenses and features": on_node1(licenses="matlab:1", constraint="fast", prefer="avx512"),
    "disk and switches": on_node1(switches=Switches(1, 60), delay_boot=60, time_min=60),
}  # fmt: skip


EXPORTS = {
    "--export=NONE": (),
    "--export=HOME=/x,FOO=bar": ("HOME=/x", "FOO=bar"),
    "--export=EMPTY=,LANG": ("EMPTY=", "LANG=C.UTF-8"),
}
"""Options of sbatch, and the variables that hpcagent is given instead."""


@dataclass(frozen=True)
class Pair:
    """The same job twice."""

    outcomes: tuple[Outcome, Outcome]
    ended: Bell
    home: str
    tasks: int

    @cached_property
    def seen(self) -> tuple[dict[str, Seen], dict[str, Seen]]:
        """What the tasks of either found, by their number; waits for them."""
        assert all(isinstance(outcome, Made) for outcome in self.outcomes), self.outcomes
        self.ended.wait(2 * self.tasks)
        theirs, mine = (found(outcome, self.home) for outcome in self.outcomes)
        return theirs, mine


def found(outcome: Outcome, home: str) -> dict[str, Seen]:
    assert isinstance(outcome, Made)
    reports = Path(home).glob(f"report.{outcome.job_id}.*")
    return {report.suffix: Seen.read(report) for report in reports}


def submit(twins: Twins, ended: Bell, fields: dict[str, Any]) -> Pair:
    spec = twins.spec(script=REPORT.format(bell=ended.path), **fields)
    outcomes = twins.by_sbatch(spec), twins.by_hpcagent(spec)
    return Pair(outcomes, ended, twins.home, 3 if "array" in spec.options else 1)


def submit_with_export(twins: Twins, ended: Bell, option: str) -> Pair:
    """Of what sbatch has besides, it exports the SLURM_* variables: here, SLURM_CONF."""
    spec = twins.spec(script=REPORT.format(bell=ended.path), **on_node1())
    theirs = twins.by_sbatch(replace(spec, environment=("LANG=C.UTF-8",)), option)
    variables = (f"SLURM_CONF={twins.sandbox.conf}", *EXPORTS[option])
    options = {**spec.options, "get_user_env": True}
    mine = twins.by_hpcagent(replace(spec, environment=variables, options=options))
    return Pair((theirs, mine), ended, twins.home, 1)


@pytest.fixture(scope="module")
def pairs(twins: Twins) -> Iterator[dict[str, Pair]]:
    """All jobs at once: slurmctld looks only once a second for what it can start."""
    with ExitStack() as bells:
        ends = (bells.enter_context(bell()) for _ in itertools.count())
        yield {name: submit(twins, next(ends), fields) for name, fields in CASES.items()} | {
            option: submit_with_export(twins, next(ends), option) for option in EXPORTS
        }


def check_alike(theirs: Seen, mine: Seen, allowed: Mapping[str, str]) -> None:
    names = (theirs.variables.keys() | mine.variables.keys()) - allowed.keys()
    assert {name: theirs.variables.get(name) for name in names} == {
        name: mine.variables.get(name) for name in names
    }
    assert theirs.rest == mine.rest


@pytest.mark.parametrize("case", CASES)
def test_a_job_finds_what_it_would_find_with_sbatch(pairs: dict[str, Pair], case: str) -> None:
    theirs, mine = pairs[case].seen
    assert theirs.keys() == mine.keys()
    assert len(theirs) == pairs[case].tasks
    for task in theirs:
        check_alike(theirs[task], mine[task], DIFFERS)


@pytest.mark.parametrize("option", EXPORTS)
def test_variables_are_laid_over_the_login_environment_as_with_export(
    pairs: dict[str, Pair], option: str
) -> None:
    (theirs,), (mine,) = (tasks.values() for tasks in pairs[option].seen)
    check_alike(theirs, mine, EXPORT_DIFFERS)
    assert mine.variables.keys() >= {"USER", "LOGNAME", "SHELL", "PATH", "HOME"}
    assert theirs.variables["SLURM_EXPORT_ENV"] == option.removeprefix("--export=")


def test_a_job_has_what_it_was_given_and_what_slurm_adds(twins: Twins) -> None:
    with bell() as ended:
        spec = twins.spec(script=REPORT.format(bell=ended.path))
        outcome = twins.by_hpcagent(replace(spec, environment=("FOO=bar",)))
        ended.wait()
    (mine,) = found(outcome, twins.home).values()
    others = {name for name in mine.variables if not name.startswith(("SLURM_", "SLURMD_"))}
    assert others == {"FOO", "ENVIRONMENT", "HOSTNAME", "TMPDIR", "PWD"}
