"""What kind of thing a job waits for."""

import re

import pytest
from native import header
from native.child import Child
from unit.slurm.records import record

from hpcagent.slurm.reasons import category, reason
from hpcagent.v1 import job_pb2

FITTING_NOTHING = {"BlockFreeAction", "BlockMaxError", "None"}
"""Blue Gene's, which no cluster has any more; and no reason."""
LATER = {
    "Constraints": "BAD_REQUEST",
    "MaxBBRunMinsPerUser": "LIMIT",
    "MaxPoweredUpNodes": "RESOURCES",
    "MpiPortsBusy": "RESOURCES",
    "NvidiaImexChannels": "RESOURCES",
    "ReservationInvalid": "RESERVATION",
    "RaisedSignal": "JOB",
    "RaisedSignal:53(Real-time_signal_19)": "JOB",
}
"""Of releases up to 26.05."""


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("Priority", "PRIORITY"),
        ("Resources", "RESOURCES"),
        ("Dependency", "DEPENDENCY"),
        ("DependencyNeverSatisfied", "BAD_REQUEST"),
        ("JobHeldUser", "HELD"),
        ("JobHeldAdmin", "HELD"),
        ("BeginTime", "BEGIN_TIME"),
        ("AssocGrpCpuLimit", "LIMIT"),
        ("AssociationJobLimit", "LIMIT"),
        ("QOSMaxJobsPerUserLimit", "LIMIT"),
        ("MaxSubmitJobsPerAccount", "LIMIT"),
        ("QOSNotAllowed", "BAD_REQUEST"),
        ("InvalidQOS", "BAD_REQUEST"),
        ("PartitionDown", "PARTITION"),
        ("ReqNodeNotAvail", "NODES"),
        ("Reservation", "RESERVATION"),
        ("Licenses", "LICENSES"),
        ("BurstBufferStageIn", "PREPARATION"),
        ("JobLaunchFailure", "SYSTEM"),
        ("NonZeroExitCode", "JOB"),
        ("OutOfMemory", "JOB"),
        ("TimeLimit", "JOB"),
        ("SomethingNew", "OTHER"),
        *LATER.items(),
    ],
)
def test_a_reason_has_the_category_that_a_scheduler_can_act_on(word: str, kind: str) -> None:
    assert category(word) == kind


def test_every_reason_of_the_installed_slurm_has_a_category() -> None:
    """From the library's own table; a number that it does not know is printed as it is."""
    with Child() as child:
        words = {child.call("reason_word", number) for number in range(256)}
    known = {word for word in words if not word.isdecimal()} - FITTING_NOTHING
    assert len(known) > 150
    assert {word for word in known if category(word) == "OTHER"} == set()


def test_every_category_is_the_contracts() -> None:
    enum = job_pb2.DESCRIPTOR.enum_types_by_name["JobReasonCategory"]
    kinds = {value.name.removeprefix("JOB_REASON_CATEGORY_") for value in enum.values}
    words = ["Priority", "Nothing", *LATER]
    assert {category(word) for word in words} <= kinds - {"UNSPECIFIED"}


@pytest.mark.parametrize("word", ["", "None"])
def test_without_a_reason_there_is_none(word: str) -> None:
    assert reason(record(state_reason_name=word)) is None


def test_every_reason_of_the_installed_header_has_a_word() -> None:
    body = re.search(r"enum job_state_reason \{(.*?)\}", header.text(), re.DOTALL)
    assert body
    named = [name for name in map(str.strip, body[1].split(",")) if name]
    with Child() as child:
        words = [child.call("reason_word", number) for number in range(len(named))]
    assert len(named) > 150
    assert [word for word in words if word.isdecimal()] == []


@pytest.mark.parametrize(
    ("dependency", "jobs"),
    [
        ("", []),
        ("afterok:12(unfulfilled)", ["12"]),
        ("afterok:12(unfulfilled),afterany:13(unfulfilled)", ["12", "13"]),
        ("afterok:12(unfulfilled)?afterany:13(failed)", ["12", "13"]),
        ("afterok:12_*(unfulfilled)", ["12"]),
        ("aftercorr:12_3(unfulfilled)", ["12_3"]),
        ("after:12+90(unfulfilled)", ["12"]),
        ("after:12(fulfilled),after:13(unfulfilled)", ["13"]),
        ("after:12(unfulfilled),afterok:12(unfulfilled)", ["12"]),
        ("singleton(unfulfilled)", []),
        ("singleton(unfulfilled),afterburstbuffer:7(unfulfilled)", ["7"]),
        ("afterok:12", ["12"]),
    ],
)
def test_the_jobs_that_are_waited_for_are_named(dependency: str, jobs: list[str]) -> None:
    found = reason(record(state_reason_name="Dependency", dependency=dependency), "c")
    assert found
    assert [str(job) for job in found.blocking_jobs] == jobs
    assert {job.cluster for job in found.blocking_jobs} <= {"c"}


def test_jobs_are_waited_for_only_where_that_is_the_reason() -> None:
    found = reason(record(state_reason_name="JobHeldUser", dependency="afterok:1(unfulfilled)"))
    assert found
    assert found.blocking_jobs == ()


@pytest.mark.parametrize(
    ("word", "blocked_by"),
    [
        ("QOSMaxJobsPerUserLimit", "high"),
        ("QOSNotAllowed", "high"),
        ("MaxSubmitJobsPerAccount", "high"),
        ("AssocGrpCpuLimit", "physics"),
        ("AccountNotAllowed", "physics"),
        ("PartitionDown", "power"),
        ("PartitionTimeLimit", "power"),
        ("Reservation", "rsv"),
        ("Licenses", "matlab:2"),
        ("BadConstraints", "fast"),
        ("ReqNodeNotAvail", "node[2-3]"),
        ("JobArrayTaskLimit", ""),
        ("Resources", ""),
        ("Priority", ""),
        ("JobHeldUser", ""),
    ],
)
def test_what_holds_a_job_up_is_named_as_slurm_names_it(word: str, blocked_by: str) -> None:
    found = reason(
        record(
            state_reason_name=word, qos="high", account="physics", partition="power",
            resv_name="rsv", licenses="matlab:2", features="fast",
            state_desc="ReqNodeNotAvail, UnavailableNodes:node[2-3]",
        )
    )  # fmt: skip
    assert found
    assert (found.name, found.blocked_by) == (word, blocked_by)
