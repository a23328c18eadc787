"""Whatever the gRPC edge can hand down is refused, or becomes members that fit their C types."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from native import header
from unit.slurm.drafts import RELEASE, SITE, SPEC

from hpcagent.jobs.errors import InvalidRequest
from hpcagent.jobs.spec import (
    CpuFrequency,
    Dependency,
    DependencyTerm,
    Distribution,
    Gres,
    JobSignal,
    JobSpec,
    MemoryUpdate,
    NodeCount,
    Switches,
    WorkDirRequest,
)
from hpcagent.slurm.description.descriptor import describe
from hpcagent.slurm.options import BY_NAME

texts = st.text(max_size=20) | st.sampled_from(["x" * 1025, "ü" * 513, "x" * 5000])
u32, u64 = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)
moments = st.floats(-62_135_596_800, 253_402_300_800)
lengths = st.floats(0, 315_576_000_000)
gres_items = st.builds(Gres, texts, texts, st.none() | u64)
terms = st.builds(
    DependencyTerm,
    st.sampled_from(["UNSPECIFIED", "AFTER", "AFTEROK", "SINGLETON"]),
    st.lists(st.from_regex(r"[0-9]{1,10}(_[0-9]{1,3})?", fullmatch=True), max_size=2).map(tuple),
    st.none() | lengths,
)
hostlists = texts | st.from_regex(
    r"[a-z]{1,2}\[[0-9]{1,2}-[0-9]{1,3}\](,[a-z]{1,3})?", fullmatch=True
)
formed = st.sampled_from(
    ["task=30", "level", "closest", "high,memory=low", "local,map_mem:1*3,2", "2:*:4-8k"]
)
levels = st.sampled_from(["LOW", "HIGH", "NEW"])
methods = st.sampled_from(["", "BLOCK", "FCYCLIC", "PLANE", "ARBITRARY", "NEW"])


def several(words: list[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(words), min_size=1, max_size=3).map(tuple)


VALUES: dict[str, st.SearchStrategy[object]] = {
    "comment": texts, "account": texts, "output": texts, "error": texts, "input": texts,
    "array": texts, "qos": texts, "constraint": texts,
    "nodelist": hostlists, "exclude": hostlists,
    "time": lengths | st.just(math.inf), "begin": moments,
    "nodes": st.builds(NodeCount, u32, st.none() | u32)
    | st.builds(NodeCount, sizes=texts | st.from_regex(r"[0-9]{1,5}([,:-][0-9]{0,5}){0,3}")),
    "ntasks": u32, "cpus_per_task": u32, "ntasks_per_node": u32, "priority": u32, "umask": u32,
    "mem_bytes": u64, "mem_per_cpu_bytes": u64,
    "requeue": st.booleans(), "no_kill": st.booleans(), "oversubscribe": st.booleans(),
    "hold": st.booleans(), "reboot": st.booleans(), "get_user_env": st.booleans(),
    "exclusive": st.sampled_from(["JOB", "USER", "MCS", "TOPO", "NEW"]),
    "nice": st.integers(-(2**31), 2**31 - 1),
    "gres": st.lists(gres_items, min_size=1, max_size=3).map(tuple),
    "dependency": st.builds(
        Dependency, texts, st.lists(terms, max_size=3).map(tuple), st.booleans()
    ),
    **dict.fromkeys(
        ("acctg_freq", "batch", "bb", "bbf", "cluster_constraint", "container", "container_id",
         "container_type", "context", "extra", "extra_node_info", "gpu_bind", "gpu_freq",
         "licenses", "mail_user", "mcs_label", "mem_bind", "network", "power", "prefer",
         "reservation", "resources", "tres_bind", "tres_per_task", "wckey"), texts | formed),
    **dict.fromkeys(
        ("core_spec", "cores_per_socket", "cpus_per_gpu", "mincpus", "ntasks_per_core",
         "ntasks_per_gpu", "ntasks_per_socket", "resv_ports", "segment", "sockets_per_node",
         "thread_spec", "threads_per_core"), u32 | st.integers(1, 9)),
    **dict.fromkeys(
        ("contiguous", "kill_on_invalid_dep", "oom_kill_step", "overcommit", "requeue_expedite",
         "spread_job", "spread_segments", "consolidate_segments", "stepmgr", "use_min_nodes",
         "wait_all_nodes"), st.booleans()),
    **dict.fromkeys(
        ("gpus", "gpus_per_node", "gpus_per_socket", "gpus_per_task"),
        st.lists(gres_items, min_size=1, max_size=2).map(tuple)),
    "mem_per_gpu_bytes": u64, "tmp_bytes": u64,
    "deadline": moments, "delay_boot": lengths, "time_min": lengths | st.just(math.inf),
    "clusters": st.lists(texts, min_size=1, max_size=3).map(tuple),
    "propagate": st.lists(texts | st.sampled_from(["ALL", "CORE"]), max_size=2).map(tuple),
    "spank_job_env": st.lists(texts | formed, max_size=3).map(tuple),
    "hint": st.sampled_from(["COMPUTE_BOUND", "MEMORY_BOUND", "MULTITHREAD", "NEW"]),
    "open_mode": st.sampled_from(["APPEND", "TRUNCATE", "NEW"]),
    "mail_type": several(["NONE", "ALL", "END", "TIME_LIMIT_50", "NEW"]),
    "profile": several(["NONE", "ALL", "TASK", "NEW"]),
    "gres_flags": several(["DISABLE_BINDING", "ENFORCE_BINDING", "ONE_TASK_PER_SHARING", "NEW"]),
    "cpu_freq": st.builds(
        CpuFrequency, st.none() | u32 | levels, st.none() | u32 | levels,
        st.sampled_from(["", "ONDEMAND", "NEW"])),
    "distribution": st.builds(
        Distribution, methods, methods, methods, u32 | st.just(0), st.none() | st.booleans()),
    "signal": st.builds(
        JobSignal, texts | st.sampled_from(["USR1", "9", "99999999999"]), st.none() | lengths,
        st.booleans(), st.booleans()),
    "switches": st.builds(Switches, u32, st.none() | lengths),
    "mem_update": st.builds(MemoryUpdate, u32, lengths),
}  # fmt: skip
"""What the gRPC edge can hand down for each option, good and bad."""

specs = st.builds(
    replace,
    st.just(SPEC),
    work_dir=texts | st.just("/w"),
    script=texts.map(lambda text: "#!" + text) | texts,
    name=texts,
    partition=texts,
    environment=st.lists(texts, max_size=3).map(tuple),
    argv=st.lists(texts, max_size=2).map(tuple),
    nodes=st.sampled_from([0, 0, 1, 2**32 - 1]),
    request_id=texts,
    create_work_dir=st.none() | st.builds(WorkDirRequest, u32, st.booleans()),
)
releases = st.sampled_from([(20, 11, 9), RELEASE, (23, 11, 0), (24, 11, 5), (26, 5, 3)])


def test_every_option_is_tried() -> None:
    assert VALUES.keys() == BY_NAME.keys()


def fits(kind: str, value: object) -> bool:
    """Whether a value can be a member of this C type and mean what it says."""
    match header.KIND_OF_TYPE.get(kind):
        case "string":
            return value is None or (isinstance(value, str) and "\0" not in value)
        case "strings":
            return isinstance(value, list) and all("\0" not in item for item in value)
        case "time":
            return isinstance(value, int) and 0 <= value < 2**63
        case "u8" | "u16" | "u32" | "u64" as unsigned:
            if value is None or value == math.inf:
                return True
            return isinstance(value, int) and 0 <= value <= 2 ** int(unsigned[1:]) - 3
    return False


TYPES = header.members("job_desc_msg_t")
LATER = {
    "container_id": "char *",
    "container_type": "char *",
    "extra": "char *",
    "mem_update_delay": "uint16_t",
    "job_size_str": "char *",
    "mem_update_margin": "uint16_t",
    "oom_kill_step": "uint16_t",
    "resv_port_cnt": "uint16_t",
    "segment_size": "uint16_t",
}
"""Members that the installed slurm.h may not have yet."""


@settings(max_examples=300, deadline=None)
@given(
    spec=st.just(SPEC) | specs,
    options=st.fixed_dictionaries({}, optional=VALUES),
    release=releases,
)
def test_any_request_is_refused_or_fits_its_c_types(
    spec: JobSpec, options: dict[str, object], release: tuple[int, int, int]
) -> None:
    try:
        descriptor = describe(replace(spec, options=options), replace(SITE, release=release))
    except InvalidRequest as refused:
        assert all(fault.field and fault.reason for fault in refused.violations)  # noqa: PT017
        return
    for name, value in descriptor.members.items():
        assert fits((LATER | TYPES)[name], value), (name, value)


@settings(max_examples=30, deadline=None)
@pytest.mark.parametrize("name", sorted(VALUES))
@given(data=st.data())
def test_any_value_of_an_option_is_refused_or_fits(name: str, data: st.DataObject) -> None:
    options = {name: data.draw(VALUES[name])}
    release = max(RELEASE, BY_NAME[name].since or RELEASE)
    try:
        descriptor = describe(replace(SPEC, options=options), replace(SITE, release=release))
    except InvalidRequest as refused:
        fields = {fault.field for fault in refused.violations}
        assert fields == {f'options["slurm"].{name}'}
        return
    for member, value in descriptor.members.items():
        assert fits((LATER | TYPES)[member], value), (member, value)
