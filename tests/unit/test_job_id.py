import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcagent.jobs.errors import InvalidRequest
from hpcagent.jobs.model import MAX_JOB_NUMBER, JobId, ObjectId

jobs = st.integers(1, MAX_JOB_NUMBER)
parts = st.integers(0, MAX_JOB_NUMBER)
ids = st.one_of(
    st.builds(JobId, jobs),
    st.builds(JobId, jobs, parts),
    st.builds(JobId, jobs, st.none(), parts),
)


@given(job_id=ids)
def test_an_id_reads_as_it_prints(job_id: JobId) -> None:
    assert JobId.parse(str(job_id)) == job_id


@pytest.mark.parametrize(
    ("text", "job_id"),
    [
        ("123", JobId(123)),
        ("123_4", JobId(123, 4)),
        ("123_0", JobId(123, 0)),
        ("123+1", JobId(123, None, 1)),
        ("0000000123", JobId(123)),
        ("4294967293_4294967293", JobId(MAX_JOB_NUMBER, MAX_JOB_NUMBER)),
    ],
)
def test_an_id_reads_as_slurm_writes_it(text: str, job_id: JobId) -> None:
    assert JobId.parse(text) == job_id


def test_an_id_that_was_read_belongs_to_the_cluster_it_was_read_for() -> None:
    assert JobId.parse("7", cluster="alpha") == JobId(7, cluster="alpha")


FORMS = [
    "", " ", "123 ", "123\n", "+1", "_1", "123_", "123+", "123_4_5", "123_4+1", "123+1_4", "-1",
    "1.5", "123_[1-4]", "123.batch", "0x10", "١٢٣", "1" * 11, "1_" + "1" * 11, "1" * 10_000,
]  # fmt: skip


@pytest.mark.parametrize("text", FORMS)
def test_what_is_no_id_is_refused_by_its_form(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        JobId.parse(text, field="filter.job_ids[3].id")
    (violation,) = refused.value.violations
    assert (violation.field, violation.reason) == ("filter.job_ids[3].id", "JOB_ID_FORM")


@pytest.mark.parametrize(
    "text", ["0", "0_1", "4294967294", "9999999999", "1_4294967294", "1+4294967295"]
)
def test_a_number_that_no_job_can_have_is_refused_by_its_range(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        JobId.parse(text)
    assert [violation.reason for violation in refused.value.violations] == ["JOB_ID_RANGE"]


@given(text=st.text(max_size=30))
def test_any_text_is_an_id_or_is_refused(text: str) -> None:
    try:
        read = JobId.parse(text)
    except InvalidRequest:
        return
    assert JobId.parse(str(read)) == read


@pytest.mark.parametrize("text", ["default/t", "ns-1/a.b-c.d", "n/" + "a" * 63])
def test_an_object_prints_as_it_was_written(text: str) -> None:
    parsed = ObjectId.parse(text, cluster="c")
    assert str(parsed) == text
    assert (parsed.cluster, parsed.job_id) == ("c", 0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "/name",
        "ns/",
        "a/b/c",
        "Ns/n",
        "ns/-n",
        "ns/n.",
        "n.s/n",
        "ns/n\n",
        "123",
        f"ns/{'a' * 64}",
        f"ns/{'.'.join(['a' * 63] * 4)}",
    ],
)
def test_what_names_no_object_is_refused_by_field(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        ObjectId.parse(text, field="f")
    assert [(fault.field, fault.reason) for fault in refused.value.violations] == [
        ("f", "JOB_ID_FORM")
    ]
