import pytest
from unit.k8s.tasks import ORIGIN, ORIGIN_USER, USER, planned, profile, task

from hpcagent.k8s.manifests.environment import ordered, variables


def test_a_variable_follows_those_that_its_value_names() -> None:
    values = {"A": "$(C)/$(B)", "B": "1", "C": "$(B)", "D": "$(NONE)"}
    assert ordered(values, ()) == ["B", "C", "A", "D"]


def test_an_escaped_reference_is_none() -> None:
    assert ordered({"A": "$$(B)", "B": "1"}, ()) == ["A", "B"]
    assert ordered({"A": "$$$(B)", "B": "1"}, ()) == ["B", "A"]


def test_the_profiles_order_comes_first() -> None:
    assert ordered({"A": "", "B": "", "C": "$(B)"}, ("Z", "C")) == ["B", "C", "A"]


def test_a_circle_does_not_hang_nor_lose_a_variable() -> None:
    assert sorted(ordered({"A": "$(B)", "B": "$(A)", "C": "$(C)"}, ())) == ["A", "B", "C"]


def test_a_long_chain_does_not_exhaust_the_stack() -> None:
    chain = {f"V{number}": f"$(V{number + 1})" for number in range(20_000)}
    assert ordered(chain, ())[-1] == "V0"


def test_the_requests_own_variables_win() -> None:
    made = variables(planned(env={"USER": "me", "X": "1"}), USER, profile())
    assert {"name": "USER", "value": "me"} in made
    assert {"name": "X", "value": "1"} in made
    assert len({one["name"] for one in made}) == len(made)


def test_a_variable_without_what_it_needs_is_left_out() -> None:
    chosen = profile(environment={"CWD": "{work_dir}", "A": "{app}-{user}", "K": "{unknown}"})
    made = variables(task(), USER, chosen)
    assert made == [{"name": "K", "value": "{unknown}"}]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("user", "nscc-gz_yfb_xxhuang"),
        ("group", "nscc-gz_yfb"),
        ("home", "/GPUFS/nscc-gz_yfb_xxhuang"),
        ("app", "deeplearningtest"),
        ("partition", "power"),
        ("task_id", "wbaf1cd1b-94c0-44a3-bb88-3b9906dd6cf4"),
        ("host_name", "deeplearningtest-wbaf1cd1b"),
    ],
)
def test_what_a_profile_names_in_braces_is_the_tasks(place: str, value: str) -> None:
    chosen = profile(environment={"V": f"<{{{place}}}>"}, plain_secrets=True)
    made = variables(ORIGIN, ORIGIN_USER, chosen)
    assert {"name": "V", "value": f"<{value}>"} in made


def test_nothing_of_a_secret_is_replaced_whether_it_is_plain_or_not() -> None:
    spec = task(secret_env={"S": "a$(USER)$$"})
    assert {"name": "S", "value": "a$$(USER)$$$$"} in variables(
        spec, USER, profile(plain_secrets=True)
    )
    assert ordered({"S": "a$$(USER)$$$$", "USER": "u"}, ()) == ["S", "USER"]


def test_nothing_of_a_users_home_is_replaced() -> None:
    spec = task(home="/home/$(SECRET)")
    assert {"name": "HOME", "value": "/home/$$(SECRET)"} in variables(spec, USER, profile())
