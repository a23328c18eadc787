import pytest

from hpcagent.jobs.errors import (
    DOMAIN,
    AgentError,
    BackendUnavailable,
    DeadlineExceeded,
    Forbidden,
    InvalidRequest,
    Kind,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    Refused,
    Unsupported,
    Violation,
)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (InvalidRequest([Violation("script", "is empty")]), Kind.INVALID_ARGUMENT),
        (NotFound("no job 7"), Kind.NOT_FOUND),
        (Forbidden("uid 0 may not"), Kind.PERMISSION_DENIED),
        (Unsupported("no reservations here"), Kind.UNIMPLEMENTED),
        (BackendUnavailable("slurmctld is down"), Kind.UNAVAILABLE),
        (Overloaded("64 calls wait already"), Kind.RESOURCE_EXHAUSTED),
        (DeadlineExceeded("no slot came free"), Kind.DEADLINE_EXCEEDED),
        (OutcomeUnknown("no reply", reason="CANCEL_OUTCOME_UNKNOWN"), Kind.UNKNOWN),
        (
            OutcomeUnknown("no reply", reason="SUBMIT_OUTCOME_UNKNOWN", deadline=True),
            Kind.DEADLINE_EXCEEDED,
        ),
    ],
)
def test_every_error_has_its_kind_and_the_daemons_domain(error: AgentError, kind: Kind) -> None:
    assert error.kind is kind
    assert error.domain == DOMAIN
    assert error.reason.isupper()


def test_what_is_given_wins_over_the_default() -> None:
    error = Forbidden(
        "user alice may not use partition power",
        reason="PARTITION_NOT_ALLOWED",
        domain="site.example",
        metadata={"partition": "power"},
        retry_after=1.5,
        violations=[Violation("partition", "not allowed", "PARTITION_NOT_ALLOWED")],
    )
    assert error.reason == "PARTITION_NOT_ALLOWED"
    assert error.domain == "site.example"
    assert error.metadata == {"partition": "power"}
    assert error.retry_after == 1.5
    assert error.violations[0].field == "partition"


def test_an_error_reads_as_its_message() -> None:
    assert str(NotFound("no job 7")) == "no job 7"
    assert NotFound("no job 7").message == "no job 7"


def test_a_refusal_takes_its_kind_from_the_backend() -> None:
    error = Refused("AssocGrpCpuLimit", kind=Kind.RESOURCE_EXHAUSTED, reason="ESLURM_X")
    assert (error.kind, error.reason) == (Kind.RESOURCE_EXHAUSTED, "ESLURM_X")


def test_one_violation_is_the_message() -> None:
    error = InvalidRequest([Violation('options["slurm"].nice', "below zero")])
    assert error.message == 'options["slurm"].nice: below zero'


def test_of_several_violations_the_message_counts_and_the_error_keeps_all() -> None:
    violations = [Violation("script", "is empty"), Violation("name", "is too long")]
    error = InvalidRequest(violations)
    assert error.message == "2 violations; the first is script: is empty"
    assert error.violations == tuple(violations)


def test_errors_do_not_share_their_facts() -> None:
    facts = {"job_id": "7"}
    error = NotFound("no job 7", metadata=facts)
    facts["job_id"] = "8"
    assert error.metadata == {"job_id": "7"}
    assert NotFound("no job 9").metadata == {}
