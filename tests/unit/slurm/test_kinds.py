"""What each kind of option writes, and refuses with which reason, in Slurm's own numbers."""

import math
from dataclasses import replace
from typing import Any

import pytest
from unit.slurm.drafts import SITE, SPEC

from hpcagent.jobs.errors import InvalidRequest
from hpcagent.jobs.spec import CpuFrequency, Distribution, Gres, JobSignal, NodeCount, Switches
from hpcagent.slurm.description.descriptor import describe

GOVERNORS = 0x06800000
"""slurm.conf's default of CpuFreqGovernors: ondemand, performance, userspace."""
HERE = replace(SITE, cluster="here", cpu_governors=GOVERNORS)
IN_FOURS = Distribution("PLANE", plane_size=4)
ONE_GPU = (Gres("gpu", "", 1),)


def described(name: str, value: object, **beside: object) -> tuple[Any, dict[str, str]]:
    """The members of a job with an option, and its environment."""
    members = describe(replace(SPEC, options={**beside, name: value}), HERE).members
    entries = members["environment"]
    assert isinstance(entries, list)
    return members, dict(entry.split("=", 1) for entry in entries)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("signal", JobSignal("USR1"), {"warn_signal": 10, "warn_time": 60, "warn_flags": 0}),
        (
            "signal",
            JobSignal("SIGterm", 29.5, batch=True, reservation=True),
            {"warn_signal": 15, "warn_time": 30, "warn_flags": 0x101},
        ),
        ("signal", JobSignal("9", 0), {"warn_signal": 9, "warn_time": 0}),
        ("switches", Switches(2, 90.2), {"req_switch": 2, "wait4switch": 91}),
        ("mail_type", ("NONE",), {"mail_type": 0}),
        ("mail_type", ("ALL", "TIME_LIMIT_50"), {"mail_type": 0x58F}),
        ("profile", ("ALL",), {"profile": math.inf}),
        ("profile", ("TASK", "ENERGY"), {"profile": 6}),
        ("open_mode", "TRUNCATE", {"open_mode": 2}),
        ("cpu_freq", CpuFrequency(max=5), {"cpu_freq_min": None, "cpu_freq_max": 5}),
        (
            "cpu_freq",
            CpuFrequency(1, "HIGHM1", "USERSPACE"),
            {"cpu_freq_min": 1, "cpu_freq_max": 0x80000004, "cpu_freq_gov": 0x80800000},
        ),
        ("distribution", Distribution("CYCLIC"), {"task_dist": 0x1}),
        ("distribution", Distribution("", "", "FCYCLIC"), {"task_dist": 0x312}),
        ("distribution", Distribution("", "FCYCLIC", "BLOCK"), {"task_dist": 0x232}),
        ("distribution", Distribution(pack=True), {"task_dist": 0x802000}),
        ("distribution", Distribution("BLOCK", pack=False), {"task_dist": 0x400002}),
        ("distribution", Distribution("PLANE", plane_size=3), {"task_dist": 4, "plane_size": 3}),
        ("mem_bind", "local,verbose", {"mem_bind_type": 0x21}),
        ("mem_bind", "v,map_mem:0,1*2,sort", {"mem_bind": "0,1,1"}),
        ("mem_bind", "mask_mem=0xF,3", {"mem_bind_type": 0x10, "mem_bind": "F,3"}),
        ("mem_bind", "map_mem:1,rank", {"mem_bind_type": 0x04}),
        ("gpu_freq", "high,memory=low", {"tres_freq": "gpu:high,memory=low"}),
        ("gpu_bind", "verbose,single:2", {"tres_bind": "gpu:verbose,single:2"}),
        ("gpus", (Gres("", "4090"),), {"tres_per_job": "gres:gpu:4090:1"}),
        ("gpus_per_node", (Gres("gpu"),), {"tres_per_node": "gres:gpu:1"}),
        ("thread_spec", 3, {"core_spec": 0x8003}),
        ("core_spec", 0, {"core_spec": 0}),
        ("tmp_bytes", (1 << 20) + 1, {"pn_min_tmp_disk": 2}),
        ("delay_boot", 0.1, {"delay_boot": 1}),
        ("time_min", 61.0, {"time_min": 2}),
        ("kill_on_invalid_dep", True, {"bitflags": 1}),
        ("kill_on_invalid_dep", False, {"bitflags": 2}),
        ("gres_flags", ("ENFORCE_BINDING",), {"bitflags": 1 << 4}),
        ("wait_all_nodes", False, {"wait_all_nodes": 0}),
        ("power", "LEVEL", {"power_flags": 1}),
        ("clusters", ("there", "here"), {"clusters": "there,here"}),
        ("hint", "MEMORY_BOUND", {"cores_per_socket": 1, "threads_per_core": 1}),
        ("hint", "MULTITHREAD", {"ntasks_per_core": math.inf}),
        ("mincpus", 3, {"pn_min_cpus": 3}),
        ("extra_node_info", "2-4:*:1", {"sockets_per_node": 2, "threads_per_core": 1}),
        ("extra_node_info", "1k", {"sockets_per_node": 1024}),
    ],
)
def test_a_value_is_written_in_slurms_numbers(
    name: str, value: object, expected: dict[str, object]
) -> None:
    members, _ = described(name, value)
    assert {member: members[member] for member in expected} == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"overcommit": True, "ntasks": 8}, {"min_cpus": 1, "overcommit": 1}),
        ({"overcommit": True, "nodes": NodeCount(2), "ntasks": 8}, {"min_cpus": 2}),
        ({"mincpus": 2, "cpus_per_task": 4}, {"pn_min_cpus": 4}),
        (
            {"extra_node_info": "2:4:1", "nodes": NodeCount(3)},
            {"num_tasks": 24, "min_cpus": 24},
        ),
        ({"extra_node_info": "2:4"}, {"num_tasks": 8}),
        ({"sockets_per_node": 2, "nodes": NodeCount(2)}, {"num_tasks": 4}),
        ({"hint": "NOMULTITHREAD", "nodes": NodeCount(2)}, {"num_tasks": 2}),
        (
            {"nodelist": "a,b", "distribution": Distribution("ARBITRARY")},
            {"task_dist": 3, "num_tasks": 2},
        ),
        (
            {"gpus_per_node": ONE_GPU, "gres": (Gres("nic"),)},
            {"tres_per_node": "gres:gpu:1,gres:nic"},
        ),
    ],
)
def test_sizes_follow_from_what_nodes_must_have(
    options: dict[str, object], expected: dict[str, object]
) -> None:
    members: Any = describe(replace(SPEC, options=options), HERE).members
    assert {member: members[member] for member in expected} == expected


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("cpu_freq", CpuFrequency("LOW", "HIGHM1", "ONDEMAND"), "Low-Highm1:OnDemand"),
        ("cpu_freq", CpuFrequency(1, 2), "1-2"),
        ("distribution", Distribution("", "", "BLOCK", pack=False), "block:cyclic:block,nopack"),
        ("mem_bind", "sort,map_mem:1*2", "sort,map_mem:1,1"),
        ("profile", ("TASK", "ENERGY"), "Energy,Task"),
        ("profile", ("NONE",), "None"),
        ("gpus", (Gres("", "a", 2), Gres("gpu", "", 1)), "a:2,1"),
        ("hint", "MULTITHREAD", "multithread"),
        ("open_mode", "APPEND", "a"),
    ],
)
def test_the_job_is_told_in_slurms_words(name: str, value: object, told: str) -> None:
    variables = {
        "cpu_freq": "SLURM_CPU_FREQ_REQ",
        "distribution": "SLURM_DISTRIBUTION",
        "mem_bind": "SLURM_MEM_BIND",
        "profile": "SLURM_PROFILE",
        "gpus": "SLURM_GPUS",
        "hint": "SLURM_HINT",
        "open_mode": "SLURM_OPEN_MODE",
    }
    _, environment = described(name, value)
    assert environment[variables[name]] == told


def test_lines_for_burst_buffers_go_behind_the_scripts_first() -> None:
    members, _ = described("bbf", "#BB one\n#BB two\n")
    assert members["script"] == "#!/bin/sh\n#BB one\n#BB two\nexec sleep 1\n"
    with pytest.raises(InvalidRequest, match=r"max_script_size allows 40"):
        describe(replace(SPEC, options={"bbf": "x" * 20}), replace(HERE, max_script_bytes=40))


@pytest.mark.parametrize("name", ["core_spec", "thread_spec"])
def test_cores_that_slurmctld_will_not_leave_are_warned_of(name: str) -> None:
    spec = replace(SPEC, options={name: 1})
    (warning,) = describe(spec, replace(HERE, spec_resources=False)).warnings
    assert (warning.name, "AllowSpecResourcesUsage" in warning.text) == ("SPEC_IGNORED", True)
    assert describe(spec, HERE).warnings == ()


def test_limits_that_are_chosen_are_marked_and_are_all() -> None:
    _, environment = described("propagate", ("CORE",))
    assert environment["SLURM_RLIMIT_CORE"] == "U0"
    assert "SLURM_RLIMIT_NOFILE" not in environment
    _, environment = described("propagate", ("ALL",))
    assert environment["SLURM_RLIMIT_NOFILE"] == f"U{2**64 - 1}"
    _, environment = described("propagate", ("NONE",))
    assert not [name for name in environment if name.startswith("SLURM_RLIMIT_")]


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("signal", JobSignal("USR3"), "SIGNAL_UNKNOWN"),
        ("signal", JobSignal(""), "SIGNAL_UNKNOWN"),
        ("signal", JobSignal("0"), "OUT_OF_RANGE"),
        ("signal", JobSignal("TERM", 65534), "OUT_OF_RANGE"),
        ("switches", Switches(0), "OUT_OF_RANGE"),
        ("switches", Switches(1, 2.0**32), "OUT_OF_RANGE"),
        ("mail_type", ("NONE", "END"), "CONFLICT"),
        ("mail_type", ("LATER",), "UNKNOWN_VALUE"),
        ("profile", ("NONE", "TASK"), "CONFLICT"),
        ("profile", ("LATER",), "UNKNOWN_VALUE"),
        ("open_mode", "LATER", "UNKNOWN_VALUE"),
        ("hint", "LATER", "UNKNOWN_VALUE"),
        ("cpu_freq", CpuFrequency(), "REQUIRED"),
        ("cpu_freq", CpuFrequency(min=1), "CPU_FREQUENCY_FORM"),
        ("cpu_freq", CpuFrequency(max=1, governor="ONDEMAND"), "CPU_FREQUENCY_FORM"),
        ("cpu_freq", CpuFrequency(2, 1), "OUT_OF_RANGE"),
        ("cpu_freq", CpuFrequency(max=2**31), "OUT_OF_RANGE"),
        ("cpu_freq", CpuFrequency(governor="POWERSAVE"), "GOVERNOR_NOT_ALLOWED"),
        ("cpu_freq", CpuFrequency(governor="LATER"), "UNKNOWN_VALUE"),
        ("distribution", Distribution(), "REQUIRED"),
        ("distribution", Distribution("FCYCLIC"), "UNKNOWN_VALUE"),
        ("distribution", Distribution("BLOCK", "ARBITRARY"), "UNKNOWN_VALUE"),
        ("distribution", Distribution("PLANE", "BLOCK", plane_size=2), "CONFLICT"),
        ("distribution", Distribution("PLANE", plane_size=2, pack=True), "CONFLICT"),
        ("distribution", Distribution("BLOCK", plane_size=2), "CONFLICT"),
        ("distribution", Distribution("PLANE"), "OUT_OF_RANGE"),
        ("distribution", Distribution("PLANE", plane_size=65534), "OUT_OF_RANGE"),
        ("distribution", Distribution("ARBITRARY"), "REQUIRED"),
        ("mem_bind", "nearby", "TEXT_FORM"),
        ("mem_bind", "map_mem:", "TEXT_FORM"),
        ("mem_bind", "map_mem:0xF", "TEXT_FORM"),
        ("mem_bind", "mask_mem:G", "TEXT_FORM"),
        ("mem_bind", "map_mem:1*1025", "OUT_OF_RANGE"),
        ("gpu_bind", "nearest", "TEXT_FORM"),
        ("gpu_freq", "fast", "TEXT_FORM"),
        ("acctg_freq", "often", "TEXT_FORM"),
        ("power", "max", "TEXT_FORM"),
        ("gpus", (Gres("nic", "", 1),), "GRES_FORM"),
        ("gpus", (Gres("gpu", "", 0),), "OUT_OF_RANGE"),
        ("gpus_per_node", (Gres("gpu", "a:b", 1),), "GRES_FORM"),
        ("gres_flags", ("ALLOW_TASK_SHARING",), "UNKNOWN_VALUE"),
        ("gres_flags", ("DISABLE_BINDING", "ENFORCE_BINDING"), "CONFLICT"),
        ("cpus_per_gpu", 0, "OUT_OF_RANGE"),
        ("core_spec", 1 << 15, "OUT_OF_RANGE"),
        ("thread_spec", 0, "OUT_OF_RANGE"),
        ("tmp_bytes", 1 << 60, "OUT_OF_RANGE"),
        ("extra_node_info", "1:2:3:4", "NODE_INFO_FORM"),
        ("extra_node_info", "two", "NODE_INFO_FORM"),
        ("extra_node_info", "0", "OUT_OF_RANGE"),
        ("extra_node_info", "100k", "OUT_OF_RANGE"),
        ("propagate", ("core",), "UNKNOWN_VALUE"),
        ("propagate", ("ALL", "CORE"), "CONFLICT"),
        ("spank_job_env", ("A=1", "B"), "ENVIRONMENT_FORM"),
        ("spank_job_env", ("=1",), "ENVIRONMENT_FORM"),
        ("spank_job_env", ("A=\0",), "NUL_CHARACTER"),
        ("clusters", ("there",), "OTHER_CLUSTER"),
        ("clusters", ("here,there",), "CLUSTER_FORM"),
        ("bb", "b" * 8193, "TOO_LONG"),
        ("licenses", "l" * 1025, "TOO_LONG"),
    ],
)
def test_a_bad_value_is_refused_by_its_option_with_a_reason(
    name: str, value: object, reason: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        described(name, value)
    (violation,) = refused.value.violations
    assert (violation.field, violation.reason) == (f'options["slurm"].{name}', reason)


@pytest.mark.parametrize(
    ("options", "option", "reason"),
    [
        ({"begin": 2e9, "deadline": 1.9e9}, "deadline", "CONFLICT"),
        (
            {"distribution": IN_FOURS, "nodes": NodeCount(2), "ntasks": 4},
            "distribution",
            "TOO_FEW_TASKS",
        ),
        ({"gpus_per_node": ONE_GPU, "gres": (Gres("g" * 1015),)}, "gres", "TOO_LONG"),
        ({"sockets_per_node": 65533, "cores_per_socket": 65533, "nodes": NodeCount(1)},
         "sockets_per_node", "OUT_OF_RANGE"),
    ],
)  # fmt: skip
def test_options_that_do_not_fit_together_are_refused(
    options: dict[str, object], option: str, reason: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        describe(replace(SPEC, options=options), HERE)
    (violation,) = refused.value.violations
    assert (violation.field, violation.reason) == (f'options["slurm"].{option}', reason)
