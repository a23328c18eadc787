import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcagent.jobs.stamp import REQUEST_ID, split, stamp

request_ids = st.from_regex(REQUEST_ID, fullmatch=True)


@given(request_id=request_ids)
def test_a_mark_is_read_as_it_was_written(request_id: str) -> None:
    assert split(stamp(request_id)) == (request_id, "")


def test_a_job_without_request_id_bears_no_mark() -> None:
    assert stamp("") == ""


@pytest.mark.parametrize(
    ("comment", "read"),
    [
        ("hpcagent:a1 drained for repair", ("a1", "drained for repair")),
        ("hpcagent:a1\nseen by ops", ("a1", "seen by ops")),
        ("hpcagent:a1,seen by ops", ("a1", "seen by ops")),
        ("hpcagent:a1; seen, by ops", ("a1", "seen, by ops")),
    ],
)
def test_what_an_administrator_adds_does_not_hide_the_mark(
    comment: str, read: tuple[str, str]
) -> None:
    assert split(comment) == read


@pytest.mark.parametrize(
    "comment",
    ["", "looked at by ops", "see hpcagent:a1", "hpcagent:", "hpcagent: a1", "HPCAGENT:a1",
     "hpcagent:" + "a" * 129],
)  # fmt: skip
def test_a_comment_without_a_mark_is_left_as_it_is(comment: str) -> None:
    assert split(comment) == ("", comment)


@given(comment=st.text())
def test_no_comment_is_mistaken_for_more_than_it_says(comment: str) -> None:
    request_id, rest = split(comment)
    assert comment.startswith(stamp(request_id))
    assert rest in comment


@pytest.mark.parametrize("text", ["", "a b", "a/b", "ä", "a\n", "$(id)", "a'b", "a" * 129])
def test_what_would_need_quoting_is_no_request_id(text: str) -> None:
    assert REQUEST_ID.fullmatch(text) is None
