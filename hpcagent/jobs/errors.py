"""What can go wrong, in the domain's own words.

A caller decides by the kind of an error whether to retry, to place the job elsewhere or to ask
its user. So an error is raised once, where the cause is known, with everything that a caller may
need, and rises untouched to the gRPC edge, where `hpcagent.server.status` turns it into a
`google.rpc.Status`. Nothing in between catches, rewords or re-maps it.

The promise that the classes make, most of all to a scheduler which may retry:

- `BackendUnavailable`, `Overloaded`, `DeadlineExceeded`: nothing changed, a retry is safe.
- `OutcomeUnknown`: it may have happened. Ask again with the same `request_id`.
- all others: it was decided, and the same request would be decided the same way again,
  unless `retry_after` says that time may help.
"""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict, Unpack

DOMAIN = "hpcagent"
"""`ErrorInfo.domain` of the reasons that this daemon itself gives."""


class Kind(enum.Enum):
    """The canonical error codes, with the numbers of `google.rpc.Code`."""

    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    UNAUTHENTICATED = 16


@dataclass(frozen=True, slots=True)
class Violation:
    """One field of a request that cannot be accepted."""

    field: str
    """Path in the request message, in proto names: `options["slurm"].time`."""
    description: str
    """What is wrong and what would be right, in plain words."""
    reason: str = ""
    """The same for programs, in UPPER_SNAKE_CASE: `TOO_LONG`."""


class Details(TypedDict, total=False):
    """What every error may carry besides its message, kind and reason."""

    domain: str
    """Whose word `reason` is. Default `DOMAIN`."""
    metadata: Mapping[str, str]
    """Facts for programs. Keys are lowerCamelCase or snake_case, at most 64 characters."""
    retry_after: float | None
    """Seconds after which a retry may succeed; None (default) when only a change would help."""
    violations: Sequence[Violation]
    """The fields of the request that are to blame, if any are."""


class AgentError(Exception):
    """Any failure that a caller is told about; a subclass gives `kind` and `reason` defaults.

    `message` is for a person and names no internals. `reason` is for programs: a constant in
    UPPER_SNAKE_CASE (at most 63 characters) that keeps its meaning from release to release.
    """

    kind = Kind.UNKNOWN
    reason = "UNKNOWN"

    def __init__(
        self,
        message: str,
        *,
        kind: Kind | None = None,
        reason: str | None = None,
        **details: Unpack[Details],
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind or self.kind
        self.reason = reason or self.reason
        self.domain = details.get("domain", DOMAIN)
        self.metadata: dict[str, str] = dict(details.get("metadata", {}))
        self.retry_after = details.get("retry_after")
        self.violations: tuple[Violation, ...] = tuple(details.get("violations", ()))


class InvalidRequest(AgentError):
    """The request cannot be carried out as it stands; every violation is listed at once."""

    kind = Kind.INVALID_ARGUMENT
    reason = "INVALID_REQUEST"

    def __init__(self, violations: Sequence[Violation], *, message: str = "") -> None:
        super().__init__(message or _summary(violations), violations=violations)


class NotFound(AgentError):
    """What the request names does not exist, or its caller may not know that it does."""

    kind = Kind.NOT_FOUND
    reason = "JOB_NOT_FOUND"


class Forbidden(AgentError):
    """The caller, or the user it acts for, may not do that. The reason names the rule."""

    kind = Kind.PERMISSION_DENIED
    reason = "FORBIDDEN"


class Unsupported(AgentError):
    """The daemon, or the cluster's version of its backend, cannot do that."""

    kind = Kind.UNIMPLEMENTED
    reason = "UNSUPPORTED"


class Refused(AgentError):
    """The backend has decided: no. Kind, reason, domain and words are the backend's own."""


class BackendUnavailable(AgentError):
    """The backend could not be reached or did not answer, and surely nothing changed there."""

    kind = Kind.UNAVAILABLE
    reason = "BACKEND_UNAVAILABLE"


class Overloaded(AgentError):
    """The daemon has more to do than it may pass on; nothing was sent."""

    kind = Kind.RESOURCE_EXHAUSTED
    reason = "OVERLOADED"


class DeadlineExceeded(AgentError):
    """The caller's deadline passed before anything changed."""

    kind = Kind.DEADLINE_EXCEEDED
    reason = "DEADLINE_EXCEEDED"


class OutcomeUnknown(AgentError):
    """The request was sent and no answer came: it may or may not have been carried out.

    `reason` names the verb: `SUBMIT_OUTCOME_UNKNOWN`, `CANCEL_OUTCOME_UNKNOWN`...
    `deadline` says that it is the caller's deadline which ended the wait.
    """

    def __init__(
        self, message: str, *, reason: str, deadline: bool = False, **details: Unpack[Details]
    ) -> None:
        kind = Kind.DEADLINE_EXCEEDED if deadline else Kind.UNKNOWN
        super().__init__(message, kind=kind, reason=reason, **details)


def _summary(violations: Sequence[Violation]) -> str:
    first = violations[0]
    said = f"{first.field}: {first.description}"
    if len(violations) == 1:
        return said
    return f"{len(violations)} violations; the first is {said}"
