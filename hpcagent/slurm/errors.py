"""From a code of Slurm's to the error that a caller is told.

Every failed call of libslurm comes down to a number, Slurm's text for it and what libslurm logged
on the way, where slurmctld's own explanation is. What a number means stands in `errno_table`; here
it becomes one of the domain's errors, once. The one question that the number alone leaves open is
whether a request that should change something may have been carried out after all.
"""

from collections.abc import Collection
from dataclasses import dataclass

from hpcagent.jobs.errors import (
    AgentError,
    BackendUnavailable,
    Details,
    Forbidden,
    Kind,
    NotFound,
    OutcomeUnknown,
    Refused,
    Unsupported,
    Violation,
)
from hpcagent.jobs.model import Warning as JobWarning
from hpcagent.slurm.errno_table import ROWS, Outcome, Row, Version

DOMAIN = "slurm.hpcagent"
"""`ErrorInfo.domain` of the reasons that are Slurm's own names."""

UNLISTED = "UNLISTED_SLURM_ERRNO"
"""Reason for a number that no row has; `metadata["errno"]` tells it."""


@dataclass(frozen=True, slots=True)
class Call:
    """What was asked of Slurm, as far as it decides what a failure means."""

    verb: str = ""
    """What it should have changed, as in SUBMIT_OUTCOME_UNKNOWN; empty if it only asked."""
    describes_job: bool = False
    """It carried a job's description, so that a refusal may be about a field of that."""
    options: Collection[str] = ()
    """The options in that description."""
    changes_job: bool = False
    """The description is of what shall change: UpdateJobRequest, not SubmitJobRequest."""

    def blamed(self, row: Row) -> str:
        """Return the path of the field of the request that a refusal is about; it may be none."""
        path = row.path(self.options) if self.describes_job else ""
        return changed(path) if path and self.changes_job else path


def changed(path: str) -> str:
    """Return the path in UpdateJobRequest of what has this one in SubmitJobRequest."""
    return "job." + path.replace('options["slurm"]', "options")


SUBMIT = Call("SUBMIT", describes_job=True)
ESTIMATE = Call(describes_job=True)
CANCEL = Call("CANCEL")
LOAD = Call()

_UNREADABLE_REPLY = "slurm_unpack_received_msg: "
"""How libslurm's log line for it starts: the function's name (slurm_protocol_api.c)."""

_CLASSES: dict[Kind, type[AgentError]] = {
    Kind.NOT_FOUND: NotFound,
    Kind.PERMISSION_DENIED: Forbidden,
    Kind.UNIMPLEMENTED: Unsupported,
    Kind.UNAVAILABLE: BackendUnavailable,
}


def lookup(code: int, *, version: Version) -> Row:
    """What `code` means in this version of Slurm: the one that libslurm belongs to.

    A few numbers have changed their meaning (2040 was a refusal, and is a warning since 23.02), and
    a newer slurmctld, or a site's job_submit plugin, may answer with a number that no row has.
    """
    for row in _BY_NUMBER.get(code, ()):
        if version < row.before:
            return row
    return Row(code, UNLISTED, Kind.UNKNOWN, _unlisted_outcome(code))


def outcome(code: int, said: str, *, version: Version) -> Outcome:
    """What a call that should change something, and that failed with `code`, has left behind.

    `said` is what libslurm logged during the call. It is needed for one case: until 22.05 libslurm
    hides why a reply could not be read behind -1 (slurm_receive_msg), which is also what a site's
    job_submit plugin answers to refuse a job. In the first case, and only then, it logs so.
    """
    if code == -1 and version < (23, 2) and _UNREADABLE_REPLY in said:
        return Outcome.UNKNOWN
    return lookup(code, version=version).outcome


def refusal(code: int, text: str, said: str, *, version: Version, call: Call) -> AgentError:
    """The error for a call that failed with `code`.

    `code` is what the call returned or left in errno, 0 if that told nothing; `text` is
    slurm_strerror of it; `said` is what libslurm logged during the call, and may be empty. Whether
    the request may have been carried out is asked only of a call that should change something.
    """
    row = lookup(code, version=version)
    if call.verb and outcome(code, said, version=version) is Outcome.UNKNOWN:
        return OutcomeUnknown(
            f"Slurm may or may not have carried out the request: {text}",
            reason=f"{call.verb}_OUTCOME_UNKNOWN",
            metadata={"name": row.name} | _metadata(code, text, said),
        )
    message = said or text
    blamed = call.blamed(row)
    details: Details = {
        "domain": DOMAIN,
        "metadata": _metadata(code, text, said),
        "retry_after": row.retry,
        "violations": [Violation(blamed, message, row.name)] if blamed else [],
    }
    error = _CLASSES.get(row.kind, Refused)
    return error(message, kind=row.kind, reason=row.name, **details)


def warning(code: int, text: str, *, version: Version) -> JobWarning:
    """The remark that a nonzero `code` beside a valid job id is: the job was accepted."""
    return JobWarning(lookup(code, version=version).name, text, code)


def foreseen(name: str, said: str) -> AgentError:
    """The error that slurmctld would answer with, where it is known before it is asked.

    `name` is Slurm's own, as the table has it.
    """
    row = _BY_NAME[name]
    facts = {"errno": str(row.number)}
    error = _CLASSES.get(row.kind, Refused)
    return error(said, kind=row.kind, reason=name, domain=DOMAIN, metadata=facts)


def remark(name: str, said: str) -> JobWarning:
    """The same as a remark: what was asked for is so already."""
    return JobWarning(name, said, _BY_NAME[name].number)


def _metadata(code: int, text: str, said: str) -> dict[str, str]:
    facts = {"errno": str(code), "text": text, "said": said}
    return {key: value for key, value in facts.items() if value}


def _unlisted_outcome(code: int) -> Outcome:
    """Judge a number by its range: below 2000, and from 5000 to 5999, it is about the connection.

    All others come from slurmctld or from one of its plugins, which then has decided.
    """
    if 0 <= code < 2000 or 5000 <= code < 6000:  # noqa: PLR2004 - slurm_errno.h's own ranges
        return Outcome.UNKNOWN
    return Outcome.REFUSED


def _by_number() -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for row in ROWS:
        found.setdefault(row.number, []).append(row)
    return found


_BY_NUMBER = _by_number()
_BY_NAME = {row.name: row for row in ROWS}
