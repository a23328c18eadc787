import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from native import header
from native.child import Child, Raised

UNSIGNED = {"u8": 8, "u16": 16, "u32": 32, "u64": 64}
STRUCTS = {
    "job_desc_msg_t": "JOB_DESC",
    "slurm_job_info_t": "JOB_INFO",
    "slurm_conf_t": "CONF",
    "partition_info_t": "PARTITION_INFO",
    "node_info_t": "NODE_INFO",
    "reserve_info_t": "RESERVE_INFO",
    "slurm_license_info_t": "LICENSE_INFO",
    "stats_info_response_msg_t": "STATISTICS",
}

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


def number(bits: int) -> st.SearchStrategy[float | None]:
    """Every number of that width but the two that are Slurm's marks, which are None and inf."""
    return st.sampled_from([None, math.inf, 0, 2**bits - 3]) | st.integers(0, 2**bits - 3)


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": st.none() | words,
    "strings": st.lists(words, max_size=4),
    "time": st.none() | st.integers(1, 2**63 - 1),
    **{kind: number(bits) for kind, bits in UNSIGNED.items()},
}


@given(data=st.data())
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_every_member_of_job_desc_msg_t_reads_as_it_was_set(
    offline: Child, data: st.DataObject
) -> None:
    kinds = offline.call("native.probes.members:kinds", "JOB_DESC")
    members = {name: data.draw(VALUES[kind], name) for name, kind in kinds.items()}
    assert offline.call("describe", members) == members


@pytest.mark.parametrize("struct", STRUCTS)
def test_every_member_in_the_header_can_be_used_or_says_why_not(
    offline: Child, struct: str
) -> None:
    kinds = offline.call("native.probes.members:kinds", STRUCTS[struct])
    opaque = offline.call("native.probes.members:opaque", STRUCTS[struct])
    assert kinds.keys().isdisjoint(opaque)
    assert kinds.keys() | opaque.keys() == header.members(struct).keys()
    assert all(opaque.values())


@pytest.mark.parametrize("struct", STRUCTS)
def test_a_members_kind_is_its_type_in_the_header(offline: Child, struct: str) -> None:
    types = header.members(struct)
    known = header.KIND_OF_TYPE | header.KIND_TO_READ
    for name, kind in offline.call("native.probes.members:kinds", STRUCTS[struct]).items():
        assert known[types[name]] == kind, name


def test_of_what_python_can_express_only_lengths_and_the_deadly_are_withheld(
    offline: Child,
) -> None:
    types = header.members("job_desc_msg_t")
    opaque = offline.call("native.probes.members:opaque", "JOB_DESC")
    withheld = {name for name in opaque if types[name] in header.KIND_OF_TYPE}
    assert withheld - {"extra"} == {"argc", "env_size", "spank_job_env_size"}


def test_a_member_that_is_not_given_keeps_slurms_initial_value(offline: Child) -> None:
    initial = offline.call("describe", {})
    assert initial.pop("time_limit") is None
    assert initial.pop("requeue") is None
    assert initial.pop("name") is None
    assert initial.pop("environment") == []
    assert initial.pop("open_mode") == 0


REFUSED: dict[str, tuple[dict[str, object], str, str, str]] = {
    "unknown": ({"walltime": 1}, "UnknownMemberError", "walltime", "no such member"),
    "opaque": ({"script_buf": None}, "OpaqueMemberError", "script_buf", "only Slurm"),
    "length": ({"env_size": 1}, "OpaqueMemberError", "env_size", "length of `environment`"),
    "negative": ({"nice": -1}, "MemberRangeError", "nice", "-1"),
    "u8 too large": ({"overcommit": 256}, "MemberRangeError", "overcommit", "0 to 253"),
    "u16 too large": ({"requeue": 65536}, "MemberRangeError", "requeue", "0 to 65533"),
    "u32 too large": ({"num_tasks": 2**32}, "MemberRangeError", "num_tasks", "4294967296"),
    "u64 too large": ({"bitflags": 2**64}, "MemberRangeError", "bitflags", str(2**64)),
    "u16 no value": ({"requeue": 0xFFFE}, "MemberRangeError", "requeue", "65534"),
    "u32 no limit": ({"time_limit": 2**32 - 1}, "MemberRangeError", "time_limit", "4294967295"),
    "time negative": ({"begin_time": -1}, "MemberRangeError", "begin_time", "-1"),
    "time too large": ({"begin_time": 2**63}, "MemberRangeError", "begin_time", str(2**63)),
    "time endless": ({"begin_time": math.inf}, "MemberTypeError", "begin_time", "float"),
    "fraction": ({"nice": 1.5}, "MemberTypeError", "nice", "float"),
    "minus endless": ({"nice": -math.inf}, "MemberTypeError", "nice", "float"),
    "text for number": ({"nice": "1"}, "MemberTypeError", "nice", "not str"),
    "number for text": ({"name": 1}, "MemberTypeError", "name", "not int"),
    "NUL byte": ({"name": "a\0b"}, "MemberRangeError", "name", "NUL"),
    "surrogate": ({"name": "\udcff"}, "MemberRangeError", "name", "surrogate"),
    "text for vector": ({"argv": "ls"}, "MemberTypeError", "argv", "not str"),
    "number for vector": ({"argv": 1}, "MemberTypeError", "argv", "not int"),
    "number in vector": ({"argv": ["a", 1]}, "MemberTypeError", "argv[1]", "not int"),
    "none in vector": ({"argv": [None]}, "MemberTypeError", "argv[0]", "NoneType"),
    "NUL byte in vector": ({"argv": ["a\0b"]}, "MemberRangeError", "argv[0]", "NUL"),
}


@pytest.mark.parametrize(("members", "kind", "member", "phrase"), REFUSED.values(), ids=REFUSED)
def test_a_value_that_cannot_be_set_is_refused_by_the_members_name(
    offline: Child, members: dict[str, object], kind: str, member: str, phrase: str
) -> None:
    with pytest.raises(Raised) as refused:
        offline.call("describe", members)
    assert refused.value.kind == kind
    assert refused.value.attributes["member"] == member
    assert phrase in refused.value.text


def test_a_missing_member_is_refused_with_the_version(offline: Child) -> None:
    major, minor, micro = offline.call("HEADER_VERSION")
    with pytest.raises(Raised) as refused:
        offline.call("describe", {"walltime": 1})
    assert refused.value.attributes["version"] == [major, minor, micro]
    assert f"job_desc_msg_t of Slurm {major}.{minor:02}.{micro} has no" in refused.value.text


def test_extra_cannot_be_set_where_it_crashes_slurmctld(offline: Child) -> None:
    if tuple(offline.call("HEADER_VERSION")) >= (23, 2, 0):
        pytest.skip("needs Slurm older than 23.02: later ones take `extra`")
    with pytest.raises(Raised, match="OpaqueMemberError") as refused:
        offline.call("describe", {"extra": "x"})
    assert "aborts when the job is purged" in refused.value.text


def test_bytes_are_taken_as_they_are(offline: Child) -> None:
    assert offline.call("native.probes.members:described", "work_dir", "2f616263") == "/abc"


def test_text_that_is_not_utf8_is_read_with_its_bytes_visible(offline: Child) -> None:
    assert offline.call("native.probes.members:described", "work_dir", "2fff61") == r"/\xffa"


def test_a_mapping_that_is_refused_is_refused_before_libslurm_is_needed(offline: Child) -> None:
    with pytest.raises(Raised, match="UnknownMemberError"):
        offline.call("submit_batch_job", {"walltime": 1})


def test_a_call_before_init_is_refused(offline: Child) -> None:
    with pytest.raises(Raised, match="RuntimeError"):
        offline.call("submit_batch_job", {"name": "x"})
