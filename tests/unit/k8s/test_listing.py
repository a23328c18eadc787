import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from unit.k8s.tasks import ORIGIN, ORIGIN_PROFILE, ORIGIN_USER, profile

from hpcagent.k8s.manifests.listing import LEFT_OUT, listing
from hpcagent.k8s.manifests.manifest import render

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def test_what_is_listed_is_what_is_rendered() -> None:
    manifests = render(ORIGIN, ORIGIN_USER, ORIGIN_PROFILE)
    assert list(yaml.safe_load_all(listing(manifests))) == list(manifests)


def test_several_objects_are_one_stream_in_the_order_of_their_creation() -> None:
    text = listing(render(ORIGIN, ORIGIN_USER, profile()))
    assert [one["kind"] for one in yaml.safe_load_all(text)] == ["Deployment", "Secret"]
    assert "\n---\n" in text


def test_a_secret_is_listed_without_its_values() -> None:
    text = listing(render(ORIGIN, ORIGIN_USER, profile()))
    _, secret = yaml.safe_load_all(text)
    assert secret["stringData"] == dict.fromkeys(ORIGIN.secret_env, LEFT_OUT)
    assert not any(value in text for value in ORIGIN.secret_env.values())
    hidden = listing([{"kind": "Secret", "data": {"A": "c3dvcmRmaXNo"}}])
    assert "c3dvcmRmaXNo" not in hidden


# What one reader or another, of YAML 1.1 or 1.2, takes for something else than text.
LOOKS_LIKE = [
    "3600", "1e3", "1_000", "0x1F", "0o17", "017", "0b1", "1:20", "1.5", ".5", ".inf", ".nan",
    "+1", "-1", "yes", "No", "ON", "off", "y", "N", "true", "False", "null", "Null", "~", "",
    "2026-11-25", "2026-11-25T02:43:00Z", "=", "<<", "!!int 3", "&a", "*a", "{a: b}", "[a]",
    "a: b", "- a", "a #b", "# a", "|", ">", "%YAML 1.1", "---", "...", "@a", "`a", "'a", '"a',
    " a", "a ", "a\nb", "a\tb", "\u0085", "\u2028", "\ufeff", "é", "\U0001f600", "a\rb", "\x7f",
]  # fmt: skip


@pytest.mark.parametrize("text", LOOKS_LIKE)
def test_a_text_that_looks_like_something_else_stays_a_text(text: str) -> None:
    written = listing([{"value": text, text: "key"}])
    assert list(yaml.safe_load_all(written)) == [{"value": text, text: "key"}]
    assert written.startswith('value: "')


@given(st.dictionaries(TEXTS, TEXTS | st.integers() | st.booleans() | st.lists(TEXTS)))
def test_whatever_is_listed_is_read_as_it_was(manifest: dict[str, object]) -> None:
    assert list(yaml.safe_load_all(listing([manifest]))) == [manifest]
