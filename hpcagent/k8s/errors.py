"""From an answer of an API server, or the lack of one, to the error that a caller is told.

Every refusal is a ``Status`` (apimachinery, meta/v1): an HTTP status, a reason for programs and a
message with the words of whoever refused it: a validation, a quota, a webhook. What a reason means
stands in ``_REASONS``. The one question that it leaves open is whether a request that should change
something may have been carried out after all.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hpcagent.jobs.errors import (
    AgentError,
    BackendUnavailable,
    DeadlineExceeded,
    Details,
    Forbidden,
    Kind,
    NotFound,
    OutcomeUnknown,
    Refused,
    Unsupported,
    Violation,
)

DOMAIN = "kubernetes.hpcagent"
"""``ErrorInfo.domain`` of the reasons that are Kubernetes' own."""

RETRY_SECONDS = 1.0
"""When to try again where the API server did not say."""

QUOTA = re.compile(r"exceeded quota: ")
"""How a quota refuses: as Forbidden, which RBAC does, too (apiserver, plugin/resourcequota)."""

# meta/v1 StatusReason -> what it means to a caller.
_REASONS: dict[str, Kind] = {
    "BadRequest": Kind.INVALID_ARGUMENT,
    "Invalid": Kind.INVALID_ARGUMENT,
    "RequestEntityTooLarge": Kind.INVALID_ARGUMENT,
    "Forbidden": Kind.PERMISSION_DENIED,
    "NotFound": Kind.NOT_FOUND,
    "AlreadyExists": Kind.ALREADY_EXISTS,
    "Conflict": Kind.ABORTED,
    "Gone": Kind.OUT_OF_RANGE,
    "Expired": Kind.OUT_OF_RANGE,
    "MethodNotAllowed": Kind.UNIMPLEMENTED,
    "NotAcceptable": Kind.UNIMPLEMENTED,
    "UnsupportedMediaType": Kind.UNIMPLEMENTED,
    "TooManyRequests": Kind.RESOURCE_EXHAUSTED,
    # The agent's own credentials, not the caller's: UNAUTHENTICATED would blame the wrong one.
    "Unauthorized": Kind.UNAVAILABLE,
    "ServiceUnavailable": Kind.UNAVAILABLE,
    "ServerTimeout": Kind.UNAVAILABLE,
    "Timeout": Kind.UNAVAILABLE,
    "InternalError": Kind.UNAVAILABLE,
}

# For an answer without a reason: a proxy's in front of the API server, or a webhook's.
_STATUSES: dict[int, str] = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    410: "Gone",
    413: "RequestEntityTooLarge",
    422: "Invalid",
    429: "TooManyRequests",
    503: "ServiceUnavailable",
    504: "Timeout",
}

_UNDECIDED = frozenset({500, 502, 504})
"""Statuses that leave open whether a change was made: etcd may have it although its answer, or a
proxy's upstream, was lost. 429 and 503 are answered before anything is done."""

_CLASSES: dict[Kind, type[AgentError]] = {
    Kind.NOT_FOUND: NotFound,
    Kind.PERMISSION_DENIED: Forbidden,
    Kind.UNIMPLEMENTED: Unsupported,
    Kind.UNAVAILABLE: BackendUnavailable,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A refusal, as it came."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def document(self) -> Mapping[str, Any]:
        """The Status, or nothing if it is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) and found.get("kind") == "Status" else {}

    @property
    def reason(self) -> str:
        """A StatusReason."""
        return str(self.document.get("reason") or _STATUSES.get(self.status, "InternalError"))

    @property
    def said(self) -> str:
        """The words of whoever refused."""
        text = self.body.decode(errors="replace").strip()
        return str(self.document.get("message") or text or f"HTTP status {self.status}")

    @property
    def retry_after(self) -> float | None:
        """Seconds after which the API server wants to be asked again, if it said so."""
        details = self.document.get("details") or {}
        wanted = str(self.headers.get("Retry-After") or details.get("retryAfterSeconds"))
        return float(wanted) if wanted.isdigit() else None


def refusal(answer: Answer, cluster: str, verb: str = "") -> AgentError:
    """The error of an answer; ``verb`` is what should have been changed, empty for a question."""
    if verb and answer.status in _UNDECIDED:
        return lost(f"{cluster}: {answer.said}", verb, **_details(answer))
    kind = _kind(answer)
    details = _details(answer)
    if kind is Kind.UNAVAILABLE and details.get("retry_after") is None:
        details["retry_after"] = RETRY_SECONDS
    details["violations"] = tuple(_violations(answer)) if kind is Kind.INVALID_ARGUMENT else ()
    return _CLASSES.get(kind, Refused)(
        answer.said, kind=kind, reason=upper_snake(answer.reason), **details
    )


def lost(said: str, verb: str, *, deadline: bool = False, **details: Any) -> OutcomeUnknown:  # noqa: ANN401 - of the class
    """The error of a change that may or may not have been made."""
    return OutcomeUnknown(said, reason=f"{verb}_OUTCOME_UNKNOWN", deadline=deadline, **details)


def unreachable(cluster: str, why: str) -> BackendUnavailable:
    """The error of an API server that cannot be spoken to: nothing was sent."""
    said = f"the API server of {cluster} cannot be reached: {why}"
    return BackendUnavailable(said, reason="APISERVER_UNREACHABLE", retry_after=RETRY_SECONDS)


def too_late(cluster: str) -> DeadlineExceeded:
    """The error of a deadline that passed before an answer that was only to be read."""
    return DeadlineExceeded(f"the API server of {cluster} did not answer in time")


def upper_snake(reason: str) -> str:
    """``AlreadyExists`` as ALREADY_EXISTS."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", reason).upper()


def _kind(answer: Answer) -> Kind:
    if answer.reason == "Forbidden" and QUOTA.search(answer.said):
        return Kind.RESOURCE_EXHAUSTED
    return _REASONS.get(answer.reason, Kind.UNKNOWN)


def _details(answer: Answer) -> Details:
    facts = {"reason": answer.reason, "code": str(answer.status), "said": answer.said}
    return {"domain": DOMAIN, "metadata": facts, "retry_after": answer.retry_after}


def _violations(answer: Answer) -> Iterator[Violation]:
    """The API server's own; their paths are those in the manifest."""
    for cause in (answer.document.get("details") or {}).get("causes") or ():
        reason = upper_snake(cause.get("reason", "")).removeprefix("FIELD_VALUE_")
        yield Violation(f"manifest.{cause.get('field', '')}", cause.get("message", ""), reason)
