"""What kind of thing a job waits for."""

import pytest
from native.child import Child

from hpcagent.slurm.reasons import category, reason
from hpcagent.v1 import job_pb2

FITTING_NOTHING = {"BlockFreeAction", "BlockMaxError", "None"}
"""Blue Gene's, which no cluster has any more; and no reason."""
LATER = {
    "Constraints": "BAD_REQUEST",
    "MaxBBRunMinsPerUser": "LIMIT",
    "MaxPoweredUpNodes": "RESOURCES",
    "MpiPortsBusy": "RESOURCES",
    "ReservationInvalid": "RESERVATION",
    "RaisedSignal": "JOB",
    "RaisedSignal:53(Real-time_signal_19)": "JOB",
}
"""Of releases up to 24.11."""


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
    assert reason(word, "") is None
