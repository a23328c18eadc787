"""A job's environment: what is given, what sbatch adds, and which of both wins."""

import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.slurm.drafts import draft, reasons

from hpcagent.slurm import environment
from hpcagent.slurm.environment import (
    LIMITS,
    Surroundings,
    build,
    own_limits,
    propagated,
)

HERE = Surroundings("login1", umask=0o027, limits={"CORE": 0, "NOFILE": 4096, "AS": None})
UNLIMITED = str(2**64 - 1)


def built(*entries: str, around: Surroundings = HERE, **variables: str) -> dict[str, str]:
    """The environment of a job that gives these entries and whose options imply variables."""
    noted = draft()
    noted.variables |= variables
    given_variables = environment.check(entries, noted)
    assert noted.faults == []
    result = [entry.partition("=") for entry in build(given_variables, noted, around)]
    names = [name for name, _, _ in result]
    assert len(names) == len(set(names))
    return {name: value for name, _, value in result}


def test_what_sbatch_adds_is_there() -> None:
    assert built() == {
        "SLURM_UMASK": "0027",
        "SLURM_PRIO_PROCESS": "0",
        "SLURM_SUBMIT_DIR": "/work/dir",
        "SLURM_SUBMIT_HOST": "login1",
        "SLURM_RLIMIT_CORE": "0",
        "SLURM_RLIMIT_NOFILE": "4096",
        "SLURM_RLIMIT_AS": UNLIMITED,
    }


def test_what_is_given_is_there_as_it_was_given() -> None:
    job = built("A=1", "EMPTY=", "EQUALS=a=b=c", "LINES=a\nb", "SPACED= x ", "ü=€", "a b=c")
    assert {
        name: job[name] for name in ("A", "EMPTY", "EQUALS", "LINES", "SPACED", "ü", "a b")
    } == {
        "A": "1",
        "EMPTY": "",
        "EQUALS": "a=b=c",
        "LINES": "a\nb",
        "SPACED": " x ",
        "ü": "€",
        "a b": "c",
    }


def test_a_later_entry_wins() -> None:
    assert built("A=1", "B=2", "A=3")["A"] == "3"


@pytest.mark.parametrize(
    "name",
    ["SLURM_PRIO_PROCESS", "SLURM_SUBMIT_DIR", "SLURM_SUBMIT_HOST", "SLURM_RLIMIT_CORE"],
)
def test_what_slurm_needs_wins_over_what_is_given(name: str) -> None:
    assert built(f"{name}=given")[name] == built()[name]


def test_what_an_option_implies_wins_over_what_is_given() -> None:
    assert built("SLURM_NTASKS=9", SLURM_NTASKS="4")["SLURM_NTASKS"] == "4"


def test_a_given_umask_is_kept_but_the_option_wins() -> None:
    assert built("SLURM_UMASK=0077")["SLURM_UMASK"] == "0077"
    assert built("SLURM_UMASK=0077", SLURM_UMASK="0002")["SLURM_UMASK"] == "0002"


def test_a_limit_that_is_not_propagated_may_be_given() -> None:
    assert built("SLURM_RLIMIT_STACK=1")["SLURM_RLIMIT_STACK"] == "1"


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("", "ENVIRONMENT_FORM"),
        ("A", "ENVIRONMENT_FORM"),
        ("=", "ENVIRONMENT_FORM"),
        ("=A", "ENVIRONMENT_FORM"),
        ("A=\0", "NUL_CHARACTER"),
        ("A\0=b", "NUL_CHARACTER"),
        ("\0", "NUL_CHARACTER"),
    ],
)
def test_an_entry_that_is_none_is_refused_by_its_place(entry: str, reason: str) -> None:
    noted = draft()
    assert environment.check(["A=1", entry, "B=2"], noted) == {"A": "1", "B": "2"}
    assert reasons(noted) == [("environment[1]", reason)]


def test_every_entry_that_is_none_is_refused() -> None:
    noted = draft()
    environment.check(["A", "B=1", "\0", ""], noted)
    assert [field for field, _ in reasons(noted)] == [
        "environment[0]",
        "environment[2]",
        "environment[3]",
    ]


@given(entries=st.lists(st.text(), max_size=5))
def test_any_entries_become_an_environment_or_faults(entries: list[str]) -> None:
    noted = draft()
    variables = environment.check(entries, noted)
    bad = sum("\0" in entry or "=" not in entry[1:] or entry[0] == "=" for entry in entries)
    assert len(noted.faults) == bad
    assert all("=" not in name and name for name in variables)


EVERY = frozenset(LIMITS)


@pytest.mark.parametrize(
    ("conf_all", "conf_except", "through"),
    [
        ("", "", EVERY),
        ("ALL", "", EVERY),
        ("NONE", "", frozenset()),
        ("CORE,NOFILE", "", {"CORE", "NOFILE"}),
        ("RLIMIT_CORE NOFILE", "", {"CORE", "NOFILE"}),
        ("CORE, NOFILE", "", {"CORE", "NOFILE"}),
        ("", "MEMLOCK", EVERY - {"MEMLOCK"}),
        ("", "RLIMIT_MEMLOCK,AS", EVERY - {"MEMLOCK", "AS"}),
        ("", "ALL", frozenset()),
        ("", "NONE", EVERY),
        ("ALL", "MEMLOCK", EVERY - {"MEMLOCK"}),
    ],
)
def test_slurm_confs_limits_are_read_as_sbatch_does(
    conf_all: str, conf_except: str, through: frozenset[str]
) -> None:
    assert propagated(conf_all, conf_except) == through


def test_the_processs_own_limits_are_the_soft_ones() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))
    try:
        limits = own_limits()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert limits.keys() == LIMITS.keys()
    assert limits["NOFILE"] == soft - 1
    assert all(limit is None or limit >= 0 for limit in limits.values())
