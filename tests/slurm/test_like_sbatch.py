"""A job submitted through hpcagent is the job that sbatch would have made.

Every request goes both ways. Compared are the description that is sent to slurmctld, all of it, and
the record that slurmctld makes of it, all of it: members may differ only if they stand below.
"""

import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from native import header
from native.jobs import USER
from slurm.cases import (
    BESIDE,
    FAR,
    FIELDS_REFUSED,
    FIELDS_TAKEN,
    LATER,
    REFUSED,
    SOONER,
    STRICTER,
    STRICTER_BESIDE,
    TAKEN,
    TARGET,
)
from slurm.recorder import Recorder
from slurm.sbatch import FORMS
from slurm.together import VALUES, Tally, is_privilege, requests
from slurm.twins import INHERITED, Made, Outcome, Refused, Twins, both
from slurm_commands import command

from hpcagent.sandbox import Sandbox
from hpcagent.slurm.differences import MEMBERS
from hpcagent.slurm.differences import STRICTER as TOLD_STRICTER
from hpcagent.slurm.options import BY_NAME, EXCLUDE_EACH_OTHER

SENT_DIFFERS = {"submit_line": MEMBERS["submit_line"]}
RECORD_DIFFERS: Mapping[str, str] = {
    "job_id": "two jobs",
    "array_job_id": "the same, for an array",
    "alloc_sid": "session of the submitting process",
    "submit_time": "one is a little later",
    "last_sched_eval": "as submit_time",
}
WAITING_DIFFERS: Mapping[str, str] = {
    **RECORD_DIFFERS,
    "priority": "slurmctld counts it down from job to job",
    "state_reason": "so the second may wait for the first",
    "eligible_time": "that of submission",
}
"""Of a job that is not held."""
RECORD_UNREAD: Mapping[str, str] = {
    "array_bitmap": "what libslurm makes of `array_task_str`, which is compared",
    "exc_node_inx": "where the nodes of `exc_nodes`, which is compared, stand in slurmctld's list",
    "job_resrcs": "what a job was given: of these none starts",
    "node_inx": "the same of `nodes`",
    "req_node_inx": "the same of `req_nodes`",
    "select_jobinfo": "the selecting plugin's own, which no option of a submission fills",
}
"""Members that hold what only Slurm can read, so they are not compared."""


def differences(
    one: Mapping[str, Any], other: Mapping[str, Any], allowed: Mapping[str, str]
) -> dict[str, tuple[object, object]]:
    """The members in which two descriptions or records differ, but for those allowed to."""
    return {
        name: (one.get(name), other.get(name))
        for name in sorted((one.keys() | other.keys()) - allowed.keys())
        if one.get(name) != other.get(name)
    }


def comparable(made: Made) -> dict[str, object]:
    """What was sent, each variable for itself; without the limits beside SLURM_GET_USER_ENV.

    There, and only there, sbatch leaves them out (sbatch.c, main); hpcagent never does.
    """
    variables = dict(entry.split("=", 1) for entry in made.sent["environment"])
    if "SLURM_GET_USER_ENV" in variables:
        variables = {
            name: value for name, value in variables.items() if not name.startswith("SLURM_RLIMIT_")
        }
    told = {f"${name}": value for name, value in variables.items()}
    return {**made.sent, "env_size": "", "environment": "", **told}


JOB_DEPENDENT = 1 << 29
"""Bit of a record that slurmctld sets when it first looks whether the job can start."""


def settled(made: Made) -> dict[str, Any]:
    """The record, without what comes to it later."""
    record = made.record
    since = record["accrue_time"]  # of a job that begins later set to then, but not at once
    accrue = None if since == record["eligible_time"] else since
    return {**record, "bitflags": record["bitflags"] & ~JOB_DEPENDENT, "accrue_time": accrue}


def check_alike(
    theirs: Outcome, mine: Outcome, allowed: Mapping[str, str], *, several_faults: bool = False
) -> None:
    """Both made the same job, or both refused, for the same reason."""
    if isinstance(theirs, Made) and isinstance(mine, Made):
        assert differences(comparable(theirs), comparable(mine), SENT_DIFFERS) == {}
        assert differences(settled(theirs), settled(mine), allowed) == {}
    else:
        assert isinstance(theirs, Refused), mine
        assert isinstance(mine, Refused), theirs
        assert is_same_reason(theirs, mine, several_faults=several_faults), (theirs, mine)


def is_same_reason(theirs: Refused, mine: Refused, *, several_faults: bool) -> bool:
    """Slurm's text is the same, if it was Slurm that refused; or hpcagent found it before.

    Of several faults sbatch may find one itself where slurmctld tells hpcagent of another.
    """
    if not theirs.slurm:
        return mine.slurm in theirs.said or several_faults
    if mine.slurm:
        return mine.slurm == theirs.slurm
    return any(theirs.slurm in SOONER.get(reason, ()) for reason in mine.reasons)


def one_by_one(table: Mapping[str, Sequence[object]]) -> "pytest.MarkDecorator":
    """Each value of each name in a test of its own."""
    pairs = [(name, value) for name, values in table.items() for value in values]
    ids = [f"{name}-{number}" for name, values in table.items() for number in range(len(values))]
    return pytest.mark.parametrize(("name", "value"), pairs, ids=ids)


STILL = {
    # Judge a job by its partition when it is submitted, not when it would start.
    "EnforcePartLimits": "ALL",
    # Never look at a job again, so that its record stays as the submission made it.
    "SchedulerParameters": "sched_interval=86400,batch_sched_delay=86400,bf_interval=-1",
}


RESERVATION = ("ReservationName=maintenance", "StartTime=2033-01-01", "Duration=60")
"""Of a time that no test lives to see."""


@pytest.fixture(scope="module")
def twins(sandbox: Sandbox, recorder: Recorder, plugin: Mapping[str, str]) -> Iterator[Twins]:
    """A cluster that starts no job; the first one there is TARGET."""
    with Sandbox.up(conf={**STILL, **plugin}) as still, both(still, recorder) as ways:
        (name,) = (user.name for user in still.users if user.uid == USER)
        command(still, "scontrol", "create", *RESERVATION, f"Users={name}", "Nodes=node1")
        made = ways.by_hpcagent(ways.spec())
        assert isinstance(made, Made)
        assert str(made.job_id) == TARGET
        yield ways


def test_every_member_of_a_record_is_compared_or_told_why_not(twins: Twins) -> None:
    mine = twins.by_hpcagent(twins.spec(options={"hold": True}))
    assert isinstance(mine, Made)
    members = header.members("slurm_job_info_t").keys()
    assert members - mine.record.keys() == members & RECORD_UNREAD.keys()
    assert mine.record.keys() <= members


# ------------------------------------------------------------------------------- one at a time


def test_no_option_is_left_out() -> None:
    """But `clusters`, for which sbatch asks slurmdbd, and what a later sbatch has."""
    assert FORMS.keys() - {"clusters"} == TAKEN.keys()
    assert FORMS.keys() == BY_NAME.keys() - LATER.keys()


@one_by_one(TAKEN)
def test_an_option_makes_the_same_job(twins: Twins, name: str, value: object) -> None:
    base = {"begin": FAR} if name in {"hold", "priority"} else {"hold": True}
    spec = twins.spec(options={**base, **BESIDE.get(name, {}), name: value})
    theirs = twins.by_sbatch(spec, as_root=is_privilege(name, value))
    mine = twins.by_hpcagent(spec)
    assert isinstance(mine, Made)
    check_alike(theirs, mine, RECORD_DIFFERS if value else WAITING_DIFFERS)


@one_by_one(REFUSED)
def test_an_option_is_refused_for_the_same_reason(twins: Twins, name: str, value: object) -> None:
    spec = twins.spec(options={name: value})
    mine = twins.by_hpcagent(spec)
    assert isinstance(mine, Refused)
    check_alike(twins.by_sbatch(spec), mine, {})


def test_what_is_taken_more_strictly_is_told() -> None:
    assert STRICTER.keys() <= TOLD_STRICTER.keys()


@one_by_one(STRICTER)
def test_what_sbatch_takes_for_something_else_is_refused(
    twins: Twins, name: str, value: object
) -> None:
    spec = twins.spec(options={"begin": FAR, **STRICTER_BESIDE.get(name, {}), name: value})
    assert isinstance(twins.by_sbatch(spec), Made)
    assert isinstance(twins.by_hpcagent(spec), Refused)


@one_by_one(FIELDS_TAKEN)
def test_a_field_makes_the_same_job(twins: Twins, name: str, value: object) -> None:
    fields: dict[str, Any] = {"options": {"hold": True}, name: value}
    spec = twins.spec(**fields)
    theirs, mine = twins.by_sbatch(spec), twins.by_hpcagent(spec)
    assert isinstance(mine, Made)
    check_alike(theirs, mine, RECORD_DIFFERS)


@one_by_one(FIELDS_REFUSED)
def test_a_field_is_refused_for_the_same_reason(twins: Twins, name: str, value: object) -> None:
    fields: dict[str, Any] = {name: value}
    spec = twins.spec(**fields)
    mine = twins.by_hpcagent(spec)
    assert isinstance(mine, Refused)
    check_alike(twins.by_sbatch(spec), mine, {})


def test_arguments_are_the_same_behind_the_scripts_own_name(twins: Twins) -> None:
    arguments = ("first", "", "third one", "--fourth=ü", "*")
    spec = twins.spec(name="job.sh", argv=arguments, options={"hold": True})
    theirs, mine = twins.by_sbatch(spec), twins.by_hpcagent(spec)
    assert isinstance(theirs, Made)
    assert isinstance(mine, Made)
    assert differences(theirs.sent, mine.sent, {**SENT_DIFFERS, "argv": "checked here"}) == {}
    assert theirs.sent["argv"] == [f"{twins.home}/job.sh", *arguments]
    assert mine.sent["argv"] == ["job.sh", *arguments]
    command = {"command": "begins with argv[0]"}
    assert differences(theirs.record, mine.record, {**RECORD_DIFFERS, **command}) == {}


@pytest.mark.parametrize("variable", INHERITED)
def test_a_variable_that_is_an_option_to_sbatch_is_none_here(twins: Twins, variable: str) -> None:
    """Neither in the agent's own environment, where they all are, nor in the request's."""
    value, member = INHERITED[variable]
    spec = twins.spec(options={"hold": True})
    without, given = spec, replace(spec, environment=(*spec.environment, f"{variable}={value}"))
    plain, theirs, mine = twins.by_sbatch(without), twins.by_sbatch(given), twins.by_hpcagent(given)
    assert isinstance(plain, Made)
    assert isinstance(theirs, Made)
    assert isinstance(mine, Made)
    assert theirs.sent.get(member) != plain.sent.get(member)
    environment = {"environment": "has the variable", "env_size": "so", f"${variable}": "so"}
    assert differences(comparable(plain), comparable(mine), SENT_DIFFERS | environment) == {}
    assert differences(settled(plain), settled(mine), RECORD_DIFFERS) == {}


# ------------------------------------------------------------------------------------- together

CONFLICTS = [
    pair
    for group in EXCLUDE_EACH_OTHER
    for pair in itertools.combinations(group, 2)
    if not LATER.keys() & set(pair)
]
SILENT = {
    ("oversubscribe", "exclusive"): "the later one holds",
    ("hold", "priority"): "hold holds",
    **{("extra_node_info", f"{size}_per_{whole}"): "the later one holds"
       for size, whole in (("sockets", "node"), ("cores", "socket"), ("threads", "core"))},
    **{("hint", name): "one of them is ignored"
       for name in ("extra_node_info", "threads_per_core", "ntasks_per_core", "sockets_per_node",
                    "cores_per_socket")},
}  # fmt: skip
"""Of which sbatch drops one without a word."""


@pytest.mark.parametrize("pair", CONFLICTS, ids=" and ".join)
def test_options_that_exclude_each_other_are_refused(twins: Twins, pair: tuple[str, str]) -> None:
    beside = {name: value for one in pair for name, value in BESIDE.get(one, {}).items()}
    options = {**beside, **{name: TAKEN[name][0] for name in pair}, "begin": FAR}
    spec = twins.spec(options=options)
    mine = twins.by_hpcagent(spec)
    assert isinstance(mine, Refused)
    assert "excludes" in mine.said
    theirs = twins.by_sbatch(spec, as_root="priority" in pair)
    assert isinstance(theirs, Made if pair in SILENT else Refused)


EXAMPLES = 13
"""Requests for each option."""
few = settings(
    max_examples=EXAMPLES,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)


def try_together(twins: Twins, option: str, tally: Tally) -> None:
    """Hold requests that have an option and others against sbatch."""

    @given(request=requests(option))
    @few
    def held_against_sbatch(request: dict[str, Any]) -> None:
        spec = twins.spec(**request)
        theirs, mine = twins.by_sbatch(spec), twins.by_hpcagent(spec)
        allowed = RECORD_DIFFERS if "hold" in request["options"] else WAITING_DIFFERS
        check_alike(theirs, mine, allowed, several_faults=True)
        tally.note(request, mine)

    held_against_sbatch()


def test_options_together_make_the_same_job_or_are_refused_alike(twins: Twins) -> None:
    """And most of them make one: two refusals would prove little."""
    tally = Tally()
    for option in VALUES:
        try_together(twins, option, tally)
    assert len(tally.requests) >= 500
    assert tally.made.keys() == VALUES.keys()
    assert tally.outcomes[True] >= 500


numbers = st.integers(0, 120)
ranges = st.tuples(numbers, st.integers(0, 30)).map(lambda pair: (pair[0], sum(pair)))


def host(prefix: str, width: int) -> st.SearchStrategy[str]:
    """One name, one with numbers in brackets, or one without a number."""
    one = numbers.map(lambda number: f"{number:0{width}}")
    several = ranges.map(lambda pair: f"{pair[0]:0{width}}-{pair[1]:0{width}}")
    bracketed = st.lists(one | several, min_size=1, max_size=3).map(
        lambda some: f"[{','.join(some)}]"
    )
    return (one | bracketed | st.just("")).map(lambda suffix: prefix + suffix)


hosts = host("n", 1) | host("z", 3) | host("rack2-n", 1) | host("rack10-n", 2)


@given(nodelist=st.lists(hosts, min_size=1, max_size=4).map(",".join), ntasks=st.integers(1, 20))
@settings(few, max_examples=80)
def test_a_list_of_nodes_is_written_as_sbatch_writes_it(
    twins: Twins, nodelist: str, ntasks: int
) -> None:
    spec = twins.spec(options={"nodelist": nodelist, "ntasks": ntasks, "hold": True})
    twins.by_sbatch(spec)
    theirs = twins.recorder.take()
    twins.by_hpcagent(spec)
    assert differences(theirs, twins.recorder.take(), SENT_DIFFERS) == {}
