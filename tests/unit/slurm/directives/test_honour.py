"""A request and its script make one request: what holds, where it is from, and what is wrong."""

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.slurm.drafts import RELEASE, SITE, SPEC

from hpcagent.jobs.errors import Forbidden, InvalidRequest, Violation
from hpcagent.jobs.spec import Gres, HetComponent, JobSpec, NodeCount
from hpcagent.slurm.description import het_job
from hpcagent.slurm.description.descriptor import describe
from hpcagent.slurm.directives.honour import Honoured, honour
from hpcagent.slurm.directives.origins import origins
from hpcagent.slurm.directives.spellings import SPELLINGS


def asked(*lines: str, **fields: Any) -> Honoured:  # noqa: ANN401 - fields of a JobSpec
    """A request with a script that has these lines behind its first."""
    spec = replace(SPEC, script="\n".join(("#!/bin/sh", *lines, "sleep 1", "")), **fields)
    return honour(spec, RELEASE)


def resolved(*lines: str, **fields: Any) -> JobSpec:  # noqa: ANN401 - fields of a JobSpec
    """The same, as one request in which nothing is wrong."""
    spec = asked(*lines, **fields).spec
    assert spec.faults == ()
    return spec


def faults(*lines: str, **fields: Any) -> list[tuple[str, str]]:  # noqa: ANN401
    """What is wrong with it: reasons, and the lines that are named."""
    found = asked(*lines, **fields).spec.faults
    assert {fault.field for fault in found} <= {"script"}
    return [(fault.reason, fault.description.partition(":")[0]) for fault in found]


def test_options_of_the_script_become_options_of_the_request() -> None:
    spec = resolved("#SBATCH -t 1:00:00 --mem=4G", "#SBATCH --gres=gpu:2 --exclusive -n3")
    assert spec.options == {
        "time": 3600.0, "mem_bytes": 4 << 30, "gres": (Gres("gpu", "", 2),), "exclusive": "JOB",
        "ntasks": 3,
    }  # fmt: skip


def test_options_that_are_fields_become_fields() -> None:
    spec = resolved("#SBATCH -J relax -p debug,power", "#SBATCH -D /scratch", work_dir="")
    assert (spec.name, spec.partition, spec.work_dir) == ("relax", "debug,power", "/scratch")
    assert spec.options == {}


def test_a_script_without_lines_for_sbatch_changes_nothing() -> None:
    spec = replace(SPEC, options={"ntasks": 2}, name="x", nodes=3, components=(HetComponent(),))
    assert honour(spec, RELEASE).spec == spec


def test_a_request_replaces_what_the_script_says_of_the_same_but_contradicts_itself() -> None:
    replaced = resolved("#SBATCH --exclusive=user", options={"oversubscribe": True})
    assert replaced.options == {"oversubscribe": True}
    both = {"oversubscribe": True, "exclusive": "USER"}
    assert resolved("#SBATCH --exclusive=mcs", options=both).options == both


@pytest.mark.parametrize("directives", ["IGNORE", "REJECT"])
def test_lines_that_do_not_hold_are_not_read(directives: str) -> None:
    spec = resolved("#SBATCH -N2 --bogus", "#SBATCH hetjob", directives=directives)
    assert (spec.options, spec.components) == ({}, ())


def test_the_last_line_holds() -> None:
    assert resolved("#SBATCH -n1", "#SBATCH -n2 -n3").options == {"ntasks": 3}
    assert resolved("#SBATCH --requeue --no-requeue").options == {"requeue": False}
    assert resolved("#SBATCH --comment=x --comment=").options == {}


def test_what_shares_a_place_is_one_option() -> None:
    assert resolved("#SBATCH --exclusive -s").options == {"oversubscribe": True}
    assert resolved("#SBATCH -s --exclusive=user").options == {"exclusive": "USER"}
    assert resolved("#SBATCH --exclusive=oversubscribe").options == {"oversubscribe": True}
    assert resolved("#SBATCH -s", options={"exclusive": "JOB"}).options == {"exclusive": "JOB"}


def test_mail_types_add_up() -> None:
    lines = "#SBATCH --mail-type=BEGIN", "#SBATCH --mail-type=END,FAIL"
    assert resolved(*lines).options == {"mail_type": ("BEGIN", "END", "FAIL")}


def test_the_request_wins_over_the_script() -> None:
    spec = resolved(
        "#SBATCH -J theirs -p theirs -D /theirs -n1 -t 5",
        name="mine", partition="mine", options={"ntasks": 4},
    )  # fmt: skip
    assert (spec.name, spec.partition, spec.work_dir) == ("mine", "mine", SPEC.work_dir)
    assert spec.options == {"ntasks": 4, "time": 300.0}


def test_either_number_of_nodes_of_the_request_wins() -> None:
    spec = resolved("#SBATCH -N 2-4", nodes=3)
    assert (spec.nodes, spec.options) == (3, {})
    spec = resolved("#SBATCH -N 2-4", options={"nodes": NodeCount(5)})
    assert (spec.nodes, spec.options) == (0, {"nodes": NodeCount(5)})


def test_two_numbers_of_nodes_in_the_request_stay_for_the_refusal() -> None:
    spec = resolved("#SBATCH -N 2-4", nodes=3, options={"nodes": NodeCount(5)})
    assert (spec.nodes, spec.options) == (3, {"nodes": NodeCount(5)})


def test_dos_line_ends_are_no_part_of_a_value() -> None:
    script = "#!/bin/sh\r\n#SBATCH --comment=x\r\n#SBATCH -n2\r\necho\r\n"
    assert honour(replace(SPEC, script=script), RELEASE).spec.options == {
        "comment": "x", "ntasks": 2
    }  # fmt: skip


# ---------------------------------------------------------------------- heterogeneous jobs


def test_components_of_the_script_become_components() -> None:
    spec = resolved(
        "#SBATCH -n1 -p debug -t5", "#SBATCH hetjob", "#SBATCH -N2 -p power", "#SBATCH hetjob",
        "#SBATCH --mem=1G",
    )  # fmt: skip
    assert (spec.partition, spec.options) == ("debug", {"ntasks": 1, "time": 300.0})
    assert spec.components == (
        HetComponent("power", options={"nodes": NodeCount(2)}),
        HetComponent(options={"mem_bytes": 1 << 30}),
    )


def test_a_request_without_components_speaks_for_every_one_of_the_script() -> None:
    spec = resolved("#SBATCH hetjob", "#SBATCH -n2", options={"hold": True}, partition="power")
    assert spec.options == {"hold": True}
    assert spec.components == (HetComponent("power", options={"ntasks": 2, "hold": True}),)


def test_components_of_the_request_win_one_by_one() -> None:
    mine = HetComponent("mine", nodes=2, options={"ntasks": 4})
    spec = resolved("#SBATCH hetjob", "#SBATCH -n2 -p theirs -t5 -N1", components=(mine,))
    assert spec.components == (replace(mine, options={"ntasks": 4, "time": 300.0}),)


def test_what_all_components_share_is_given_first() -> None:
    lines = "#SBATCH -n1", "#SBATCH hetjob", "#SBATCH -D /x --export=NONE"
    assert faults(*lines) == [("OPTION_OF_LEADER", "line 4")]
    assert faults(*lines, work_dir="") == [("OPTION_OF_LEADER", "line 4")] * 2


def test_a_component_may_have_a_name_of_its_own() -> None:
    lines = "#SBATCH -J first", "#SBATCH hetjob", "#SBATCH -J second", "#SBATCH hetjob"
    spec = resolved(*lines)
    assert (spec.name, [one.name for one in spec.components]) == ("first", ["second", ""])


# ---------------------------------------------------------------------- the environment

ENVIRONMENT = ("PATH=/bin", "A=1", "SLURM_X=2", "SLURMX=3")


@pytest.mark.parametrize(
    ("choice", "expected", "user_env"),
    [
        ("ALL", [*ENVIRONMENT], False),
        ("NONE", ["SLURM_X=2", "SLURMX=3", "SLURM_EXPORT_ENV=NONE"], True),
        ("none", ["SLURM_X=2", "SLURMX=3", "SLURM_EXPORT_ENV=none"], True),
        ("A", ["A=1", "SLURM_X=2", "SLURM_EXPORT_ENV=A"], True),
        ("A,NOTHING,B=4", ["A=1", "B=4", "SLURM_X=2", "SLURM_EXPORT_ENV=A,NOTHING,B=4"], True),
        ("ALL,B=4", [*ENVIRONMENT, "B=4", "SLURM_X=2", "SLURM_EXPORT_ENV=ALL,B=4"], True),
    ],
)
def test_export_chooses_from_the_environment(
    choice: str, expected: list[str], user_env: bool
) -> None:
    spec = resolved(f"#SBATCH --export={choice}", environment=ENVIRONMENT)
    assert spec.environment == tuple(expected)
    assert spec.options.get("get_user_env", False) is user_env


def test_a_value_of_export_may_be_quoted() -> None:
    lines = "#SBATCH --export=A,'\"B=x,y\"'"
    assert resolved(lines, environment=ENVIRONMENT).environment[:2] == ("A=1", "B=x,y")


def test_a_variable_that_says_it_already_is_kept() -> None:
    spec = resolved("#SBATCH --export=NONE", environment=("SLURM_EXPORT_ENV=mine",))
    assert spec.environment == ("SLURM_EXPORT_ENV=mine",)


def test_an_open_quote_in_export_is_refused() -> None:
    assert faults('#SBATCH --export="A=\'x"') == [("EXPORT_FORM", "line 2")]


def test_an_environment_that_is_not_well_formed_is_left_for_its_own_refusal() -> None:
    assert resolved("#SBATCH --export=NONE", environment=("bad",)).environment == ("bad",)


# ---------------------------------------------------------------------- what is wrong


def test_every_fault_is_told_with_its_line_and_option() -> None:
    found = asked("#SBATCH --bogus", "#SBATCH -t soon", "#SBATCH --uid=0", "#SBATCH x").spec.faults
    assert [(fault.field, fault.reason) for fault in found] == [
        ("script", "UNKNOWN_OPTION"),
        ("script", "TIME_FORM"),
        ("script", "OPTION_NOT_FOR_A_DAEMON"),
        ("script", "DIRECTIVE_FORM"),
    ]
    said = [fault.description for fault in found]
    assert re.match(r"line 2: .*--bogus", said[0])
    assert re.match(r"line 3: -t is 'soon'", said[1])
    assert re.match(r"line 4: --uid says whose job", said[2])


@pytest.mark.parametrize(
    "option",
    ["--uid=0", "--gid=0", "--test-only", "-F hosts", "--nodefile=hosts", "--export-file=env",
     "--bbf=x", "--x11", "--x11=first", "--ntasks-per-tres=1"],
)  # fmt: skip
def test_an_option_that_would_do_something_else_is_refused(option: str) -> None:
    assert faults(f"#SBATCH {option}") == [("OPTION_NOT_FOR_A_DAEMON", "line 2")]


@pytest.mark.parametrize(
    "option",
    ["--wait", "-W", "--parsable", "-Q", "--quiet", "-v", "-vvv", "--help", "-h", "--usage", "-V",
     "--wrap=x"],
)  # fmt: skip
def test_an_option_that_changes_nothing_is_told_of(option: str) -> None:
    honoured = asked(f"#SBATCH {option}")
    assert honoured.spec.faults == ()
    assert {(one.name, one.text[:8]) for one in honoured.warnings} == {
        ("OPTION_WITHOUT_EFFECT", "line 2: ")
    }


def test_lines_for_other_systems_are_refused_unless_they_shall_be_ignored() -> None:
    assert faults("#SBATCH -n1", "#PBS -N x") == [("SCRIPT_HAS_FOREIGN_DIRECTIVES", "line 3")]
    assert faults("#SBATCH --ignore-pbs", "#PBS -N x") == []
    each = ("#SBATCH --ignore-pbs", "#SBATCH hetjob", "#SBATCH --ignore-pbs")
    assert resolved(*each).components == (HetComponent(),)
    assert faults("#PBS -N x", directives="IGNORE") == []


def test_a_value_that_does_not_fit_is_told_with_its_line() -> None:
    honoured = asked("#SBATCH -n2", "#SBATCH --comment=" + "x" * 1025)
    with pytest.raises(InvalidRequest) as refused, honoured.blamed():
        describe(honoured.spec, SITE)
    (violation,) = refused.value.violations
    assert (violation.field, violation.reason) == ("script", "TOO_LONG")
    assert violation.description.startswith("line 3: --comment has 1025 bytes")
    assert "line 3" in refused.value.message


def test_a_value_of_the_request_that_does_not_fit_is_told_with_its_field() -> None:
    honoured = asked("#SBATCH --comment=x", options={"comment": "x" * 1025})
    with pytest.raises(InvalidRequest) as refused, honoured.blamed():
        describe(honoured.spec, SITE)
    assert [fault.field for fault in refused.value.violations] == ['options["slurm"].comment']


def test_a_refusal_by_policy_names_the_line_too() -> None:
    honoured = asked("#SBATCH --priority=5", "#SBATCH hetjob", "#SBATCH -p root")
    fields = 'options["slurm"].priority', "components[0].partition", "user"
    violations = [Violation(field, "is refused", "NO") for field in fields]
    with pytest.raises(Forbidden) as refused, honoured.blamed():
        raise Forbidden("no", violations=violations)
    said = [(one.field, one.description) for one in refused.value.violations]
    assert said == [
        ("script", "line 2: --priority is refused"),
        ("script", "line 4: -p is refused"),
        ("user", "is refused"),
    ]


# ---------------------------------------------------------------------- where it is from


def told(honoured: Honoured) -> dict[str, tuple[str, str, int]]:
    """Origin, value and line of each option of a job that is not heterogeneous."""
    described = describe(honoured.spec, SITE).members
    found = origins(honoured.components, [described], "0022")
    return {one.option: (one.origin, one.value, one.line) for one in found}


def test_each_option_tells_where_it_is_from() -> None:
    honoured = asked(
        "#SBATCH --time=90", "#SBATCH -N 2 --ntasks-per-node=4", "#SBATCH -c 2 --hold -p x",
        options={"mem_bytes": 2 << 30, "reboot": False}, name="mine",
    )  # fmt: skip
    assert told(honoured) == {
        "name": ("REQUEST", "mine", 0),
        "work_dir": ("REQUEST", SPEC.work_dir, 0),
        "mem_bytes": ("REQUEST", "2G", 0),
        "time": ("SCRIPT", "01:30:00", 2),
        "nodes": ("SCRIPT", "2", 3),
        "ntasks_per_node": ("SCRIPT", "4", 3),
        "cpus_per_task": ("SCRIPT", "2", 4),
        "hold": ("SCRIPT", "", 4),
        "partition": ("SCRIPT", "x", 4),
        "ntasks": ("DERIVED", "8", 0),
        "mincpus": ("DERIVED", "2", 0),
        "umask": ("CONFIGURATION", "0022", 0),
    }


def test_a_value_that_is_not_in_force_is_not_told_of() -> None:
    assert told(asked("#SBATCH -N 4 -n 2"))["nodes"] == ("DERIVED", "2", 0)


def test_a_job_without_options_has_sbatchs_name() -> None:
    assert told(asked())["name"] == ("DERIVED", "sbatch", 0)


def test_the_user_environment_comes_from_the_line_of_export() -> None:
    found = told(asked("", "#SBATCH --export=NONE"))
    assert found["export"] == ("SCRIPT", "NONE", 3)
    assert found["get_user_env"] == ("SCRIPT", "", 3)


# ---------------------------------------------------------------------- whatever comes

numbers = st.integers().map(str) | st.sampled_from(["9" * 101, "9" * 5000, "1e5", "-0"])
parts = numbers | st.sampled_from(
    [
        "",
        "now+",
        "now-",
        "uts",
        "gpu:",
        "tesla:",
        "plane=",
        "USR1@",
        "-",
        ":",
        "@",
        "/",
        ",",
        "k",
        "G",
    ]
)
texts = st.lists(parts, max_size=4).map("".join) | st.text(max_size=20)
words = st.tuples(st.sampled_from(SPELLINGS), texts).map(lambda one: f"--{one[0].long}='{one[1]}'")
lines = words.map(lambda word: f"#SBATCH {word}") | st.text(max_size=20) | st.just("#SBATCH hetjob")


@settings(max_examples=400, deadline=None)
@given(st.lists(lines, max_size=4), st.sampled_from([RELEASE, (20, 11, 9), (26, 5, 3)]))
def test_any_script_is_honoured_or_refused(some: list[str], release: tuple[int, int, int]) -> None:
    spec = replace(SPEC, script="\n".join(["#!/bin/sh", *some, ""]))
    honoured = honour(spec, release)
    try:
        with honoured.blamed():
            described = het_job.describe(honoured.spec, replace(SITE, release=release))
    except InvalidRequest as refused:
        assert all(fault.field and fault.reason for fault in refused.violations)  # noqa: PT017
        return
    members = [described.members, *described.components]
    assert origins(honoured.components, members, "0022")
