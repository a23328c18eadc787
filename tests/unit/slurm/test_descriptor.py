"""From a request to job_desc_msg_t: every fault at once, and members that fit their C types."""

import math
from collections.abc import Mapping
from dataclasses import replace

import pytest
from unit.slurm.drafts import SITE, SPEC

from hpcagent.jobs.errors import InvalidRequest, Violation
from hpcagent.jobs.identity import Identity
from hpcagent.jobs.spec import (
    Dependency,
    DependencyTerm,
    Gres,
    JobSpec,
    NodeCount,
    WorkDirRequest,
)
from hpcagent.slurm.description.descriptor import Descriptor, describe

Faults = list[tuple[str, str]]
LONG = "x" * 1025
MANY_BYTES = "ü" * 513
ODD = {"comment": "c\0", "time": 0.0}


def violations(spec: JobSpec) -> Faults:
    with pytest.raises(InvalidRequest) as refused:
        describe(spec, SITE)
    return [(fault.field, fault.reason) for fault in refused.value.violations]


def of(option: str) -> str:
    return f'options["slurm"].{option}'


# ---------------------------------------------------------------------- what is refused

TEXTS = ("comment", "account", "qos", "constraint")
BAD_OPTIONS: list[tuple[str, object, str]] = [
    *((name, LONG, "TOO_LONG") for name in TEXTS),
    *((name, MANY_BYTES, "TOO_LONG") for name in TEXTS),
    *((name, "a\0b", "NUL_CHARACTER") for name in (*TEXTS, "array", "output", "nodelist")),
    *((name, "", "EMPTY") for name in (*TEXTS, "array", "output", "error", "input", "exclude")),
    ("array", "1" * 4097, "TOO_LONG"),
    ("output", "x" * 4096, "TOO_LONG"),
    ("output", "x" * (4096 - len("/work/dir/")), "TOO_LONG"),
    ("error", "/" + "ü" * 2048, "TOO_LONG"),
    ("time", 0.0, "OUT_OF_RANGE"),
    ("time", -60.0, "OUT_OF_RANGE"),
    ("time", 0xFFFFFFFE * 60.0, "OUT_OF_RANGE"),
    ("time", 0xFFFFFFFD * 60.0 + 1, "OUT_OF_RANGE"),
    ("begin", -1.0, "OUT_OF_RANGE"),
    ("ntasks", 0, "OUT_OF_RANGE"),
    ("ntasks", 2**31, "OUT_OF_RANGE"),
    ("cpus_per_task", 0, "OUT_OF_RANGE"),
    ("cpus_per_task", 0xFFFE, "OUT_OF_RANGE"),
    ("ntasks_per_node", 0xFFFE, "OUT_OF_RANGE"),
    ("nodes", NodeCount(0), "OUT_OF_RANGE"),
    ("nodes", NodeCount(2, 1), "OUT_OF_RANGE"),
    ("nodes", NodeCount(1, 2**32 - 1), "OUT_OF_RANGE"),
    ("mem_per_cpu_bytes", 0, "OUT_OF_RANGE"),
    ("nice", 2**31 - 2, "OUT_OF_RANGE"),
    ("nice", -(2**31) + 2, "OUT_OF_RANGE"),
    ("priority", 0, "OUT_OF_RANGE"),
    ("priority", 2**32 - 2, "OUT_OF_RANGE"),
    ("umask", 0o1000, "OUT_OF_RANGE"),
    ("nodelist", "cn[1-", "HOSTLIST_FORM"),
    ("nodelist", "a b", "HOSTLIST_FORM"),
    ("nodelist", "a," * 40000, "TOO_LONG"),
    ("nodelist", "n[0-65535],m", "HOSTLIST_FORM"),
    ("exclude", "cn]", "HOSTLIST_FORM"),
    ("exclusive", "NOBODY", "UNKNOWN_VALUE"),
    ("exclusive", "TOPO", "SLURM_TOO_OLD"),
    ("gres", (Gres(""),), "GRES_FORM"),
    ("gres", (Gres("gpu:a100"),), "GRES_FORM"),
    ("gres", (Gres("gpu", "a,b"),), "GRES_FORM"),
    ("gres", (Gres("gpu"), Gres("gpu", "a=b")), "GRES_FORM"),
    ("gres", (Gres("gpü"),), "GRES_FORM"),
    ("gres", (Gres("gpu", "", 0),), "OUT_OF_RANGE"),
    ("gres", (Gres("gpu", "", 2**64 - 1),), "OUT_OF_RANGE"),
    ("gres", (Gres("g" * 200),) * 5, "TOO_LONG"),
    ("dependency", Dependency(), "EMPTY"),
    ("dependency", Dependency("x" * (128 * 1024 + 1)), "TOO_LONG"),
    ("dependency", Dependency("after:1\0"), "NUL_CHARACTER"),
    ("dependency", Dependency(terms=(DependencyTerm("UNSPECIFIED"),)), "DEPENDENCY_FORM"),
    ("dependency", Dependency(terms=(DependencyTerm("AFTEROK"),)), "DEPENDENCY_FORM"),
    ("dependency", Dependency(terms=(DependencyTerm("SINGLETON", ("1",)),)), "DEPENDENCY_FORM"),
    (
        "dependency",
        Dependency(terms=(DependencyTerm("AFTEROK", ("1",), 60.0),)),
        "DEPENDENCY_FORM",
    ),
    (
        "dependency",
        Dependency(terms=(DependencyTerm("AFTER", ("1",), 60.0 * 2**31),)),
        "OUT_OF_RANGE",
    ),
]


@pytest.mark.parametrize(("name", "value", "reason"), BAD_OPTIONS)
def test_a_bad_value_is_refused_by_its_option(name: str, value: object, reason: str) -> None:
    assert violations(replace(SPEC, options={name: value})) == [(of(name), reason)]


def test_releases_are_named_as_slurm_names_them() -> None:
    with pytest.raises(InvalidRequest, match=r"with Slurm 24\.05\.0; this one is 22\.05\.8"):
        describe(replace(SPEC, options={"exclusive": "TOPO"}), SITE)


BAD_FIELDS: list[tuple[Mapping[str, object], Faults]] = [
    ({"work_dir": ""}, [("work_dir", "REQUIRED")]),
    ({"work_dir": "home"}, [("work_dir", "PATH_NOT_ABSOLUTE")]),
    ({"work_dir": "/a/../b"}, [("work_dir", "PATH_NOT_CLEAN")]),
    ({"work_dir": "/a/./b"}, [("work_dir", "PATH_NOT_CLEAN")]),
    ({"work_dir": "/a/.."}, [("work_dir", "PATH_NOT_CLEAN")]),
    ({"work_dir": "/a\0"}, [("work_dir", "NUL_CHARACTER")]),
    ({"work_dir": "/" + "a" * 4095}, [("work_dir", "TOO_LONG")]),
    ({"name": LONG}, [("name", "TOO_LONG")]),
    ({"name": "a\0"}, [("name", "NUL_CHARACTER")]),
    ({"partition": LONG}, [("partition", "TOO_LONG")]),
    ({"nodes": 2**32 - 2}, [("nodes", "OUT_OF_RANGE")]),
    ({"nodes": -1}, [("nodes", "OUT_OF_RANGE")]),
    ({"argv": ("a", "b\0")}, [("argv[1]", "NUL_CHARACTER")]),
    ({"request_id": "a b"}, [("request_id", "REQUEST_ID_FORM")]),
    ({"request_id": "a" * 129}, [("request_id", "REQUEST_ID_FORM")]),
    ({"script": ""}, [("script", "SCRIPT_EMPTY")]),
    ({"environment": ("A",)}, [("environment[0]", "ENVIRONMENT_FORM")]),
    ({"create_work_dir": WorkDirRequest(0o10000)}, [("create_work_dir.mode", "OUT_OF_RANGE")]),
    ({"faults": (Violation("x", "said", "Y"),)}, [("x", "Y")]),
]


@pytest.mark.parametrize(("fields", "faults"), BAD_FIELDS)
def test_a_bad_field_is_refused_by_its_name(fields: Mapping[str, object], faults: Faults) -> None:
    assert violations(replace(SPEC, **fields)) == faults  # type: ignore[arg-type]


CONFLICTS: list[tuple[dict[str, object], str]] = [
    ({"mem_bytes": 1 << 30, "mem_per_cpu_bytes": 1 << 20}, "mem_bytes"),
    ({"mem_bytes": 0, "mem_per_cpu_bytes": 1 << 20}, "mem_bytes"),
    ({"oversubscribe": True, "exclusive": "JOB"}, "oversubscribe"),
    ({"hold": True, "priority": 5}, "hold"),
]


@pytest.mark.parametrize(("options", "field"), CONFLICTS)
def test_options_that_exclude_each_other_are_refused(
    options: dict[str, object], field: str
) -> None:
    assert violations(replace(SPEC, options=options)) == [(of(field), "CONFLICT")]
    backwards = dict(reversed(list(options.items())))
    assert violations(replace(SPEC, options=backwards)) == [(of(field), "CONFLICT")]


def test_a_number_of_nodes_is_given_once() -> None:
    spec = replace(SPEC, nodes=2, options={"nodes": NodeCount(2)})
    assert (of("nodes"), "CONFLICT") in violations(spec)


@pytest.mark.parametrize(
    "options", [{"oversubscribe": False, "exclusive": "JOB"}, {"hold": False, "priority": 5}]
)
def test_what_is_switched_off_excludes_nothing(options: dict[str, object]) -> None:
    describe(replace(SPEC, options=options), SITE)


def test_every_fault_is_told_at_once() -> None:
    spec = replace(
        SPEC,
        work_dir="relative",
        name=LONG,
        nodes=-1,
        script="echo\n",
        environment=("A=1", "B"),
        argv=("\0",),
        request_id="?",
        create_work_dir=WorkDirRequest(-1),
        options={
            "comment": "",
            "time": 0.0,
            "walltime": 1,
            "ntasks": 0,
            "hold": True,
            "priority": 1,
        },
        faults=(Violation("from_the_edge", "said", "READ"),),
    )
    assert sorted(violations(spec)) == sorted(
        [
            ("from_the_edge", "READ"),
            ("work_dir", "PATH_NOT_ABSOLUTE"),
            ("name", "TOO_LONG"),
            ("nodes", "OUT_OF_RANGE"),
            ("script", "SCRIPT_NO_INTERPRETER"),
            ("environment[1]", "ENVIRONMENT_FORM"),
            ("argv[0]", "NUL_CHARACTER"),
            ("request_id", "REQUEST_ID_FORM"),
            ("create_work_dir.mode", "OUT_OF_RANGE"),
            (of("comment"), "EMPTY"),
            (of("time"), "OUT_OF_RANGE"),
            (of("walltime"), "OPTION_NOT_SUPPORTED"),
            (of("ntasks"), "OUT_OF_RANGE"),
            (of("hold"), "CONFLICT"),
        ]
    )


# ---------------------------------------------------------------------- what is written


def members(**options: object) -> Mapping[str, object]:
    return describe(replace(SPEC, options=options), SITE).members


@pytest.mark.parametrize(
    ("option", "value", "member", "written"),
    [
        ("time", 1.0, "time_limit", 1),
        ("time", 60.0, "time_limit", 1),
        ("time", 60.000001, "time_limit", 2),
        ("time", 0xFFFFFFFD * 60.0, "time_limit", 0xFFFFFFFD),
        ("time", math.inf, "time_limit", math.inf),
        ("begin", 0.0, "begin_time", 0),
        ("begin", 1.000000001, "begin_time", 2),
        ("mem_bytes", 0, "pn_min_memory", 0),
        ("mem_bytes", 1, "pn_min_memory", 1),
        ("mem_bytes", (1 << 20) + 1, "pn_min_memory", 2),
        ("mem_bytes", 2**64 - 1, "pn_min_memory", 1 << 44),
        ("mem_per_cpu_bytes", 1 << 30, "pn_min_memory", 1 << 63 | 1024),
        ("nice", 0, "nice", 1 << 31),
        ("nice", -5, "nice", (1 << 31) - 5),
        ("hold", True, "priority", 0),
        ("no_kill", True, "kill_on_node_fail", 0),
        ("requeue", False, "requeue", 0),
        ("exclusive", "JOB", "shared", 0),
        ("exclusive", "USER", "shared", 2),
        ("oversubscribe", True, "shared", 1),
        ("output", "out/%j", "std_out", "/work/dir/out/%j"),
        ("output", "/dev/null", "std_out", "/dev/null"),
        ("gres", (Gres("gpu"),), "tres_per_node", "gres:gpu"),
        ("gres", (Gres("gpu", "", 2),), "tres_per_node", "gres:gpu:2"),
        ("gres", (Gres("gpu", "a100", 2), Gres("fpga")), "tres_per_node",
         "gres:gpu:a100:2,gres:fpga"),
        ("gres", (Gres("gpu", "1g.5gb+me"),), "tres_per_node", "gres:gpu:1g.5gb+me:1"),
        ("gres", (Gres("gpu", "4090"),), "tres_per_node", "gres:gpu:4090:1"),
        ("dependency", Dependency(terms=(DependencyTerm("AFTER", ("1", "2_3"), 61.0),)),
         "dependency", "after:1+2:2_3+2"),
        ("dependency", Dependency(terms=(DependencyTerm("AFTER", ("1",), 0.0),)),
         "dependency", "after:1"),
        ("dependency", Dependency(terms=(DependencyTerm("AFTEROK", ("1",)),
                                         DependencyTerm("SINGLETON")), any=True),
         "dependency", "afterok:1?singleton"),
    ],
)  # fmt: skip
def test_a_value_is_written_in_slurms_unit(
    option: str, value: object, member: str, written: object
) -> None:
    assert members(**{option: value})[member] == written


@pytest.mark.parametrize(
    ("option", "value", "member"),
    [
        ("hold", False, "priority"),
        ("no_kill", False, "kill_on_node_fail"),
        ("oversubscribe", False, "shared"),
        ("reboot", False, "reboot"),
    ],
)
def test_a_switch_that_is_off_writes_nothing(option: str, value: object, member: str) -> None:
    assert member not in members(**{option: value})


@pytest.mark.parametrize(
    ("release", "text"),
    [
        ((20, 11, 9), "gpu:2"),
        ((21, 8, 0), "gres:gpu:2"),
        ((23, 2, 7), "gres:gpu:2"),
        ((23, 11, 0), "gres/gpu:2"),
    ],
)
def test_a_gres_is_written_as_the_release_reads_it(
    release: tuple[int, int, int], text: str
) -> None:
    spec = replace(SPEC, options={"gres": (Gres("gpu", "", 2),)})
    assert describe(spec, replace(SITE, release=release)).members["tres_per_node"] == text


def test_what_the_request_leaves_out_is_sbatchs_default() -> None:
    plain = describe(SPEC, SITE).members
    assert plain["name"] == "sbatch"
    assert plain["std_in"] == "/dev/null"
    assert plain["task_dist"] == 0x2000
    assert plain["work_dir"] == "/work/dir"
    assert {"std_out", "std_err", "partition", "admin_comment", "argv"} & plain.keys() == set()


def test_arguments_follow_the_name_of_the_job() -> None:
    assert describe(replace(SPEC, argv=("a", "")), SITE).members["argv"] == ["sbatch", "a", ""]
    named = replace(SPEC, name="relax", argv=("a",))
    assert describe(named, SITE).members["argv"] == ["relax", "a"]


def test_the_request_id_is_stamped_into_the_job() -> None:
    stamped = describe(replace(SPEC, request_id="r-1"), SITE).members
    assert stamped["admin_comment"] == "hpcagent:r-1"


def test_a_job_has_an_owner_whom_no_option_can_name() -> None:
    descriptor = Descriptor({"user_id": 0, "name": "x"}, ())
    owner = Identity(1870, 1884, "jiangli", "nscc-gz", (1884,))
    assert descriptor.owned_by(owner) == [{"user_id": 1870, "group_id": 1884, "name": "x"}]
    assert not {"user_id", "group_id"} & describe(SPEC, SITE).members.keys()
