"""What an agent answers instead of what was asked for, in words and facts."""

from collections.abc import Iterator
from dataclasses import dataclass

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from grpc_status import rpc_status

_NOT_THE_AGENTS = frozenset(
    {"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "UNKNOWN", "INTERNAL"}
)
"""Codes that gRPC gives itself to a call whose answer did not come whole."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One field of a request that cannot be accepted."""

    field: str
    description: str
    reason: str


class AgentFailure(Exception):
    """A call that failed: gRPC's code, the agent's reason and words, and every fault."""

    def __init__(self, code: str, reason: str, message: str, faults: tuple[Fault, ...]) -> None:
        super().__init__(code, reason, message, faults)
        self.code = code
        self.reason = reason
        self.message = message
        self.faults = faults
        self.retry_after: float | None = None
        self.request_id = ""
        """Of a request that may have been carried out all the same; else empty."""

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> Iterator[str]:
        """What to tell a person: the fields to mend, each by itself, else the message."""
        about = self.reason or self.code
        if not self.faults:
            yield f"{self.message} [{about}]"
        for fault in self.faults:
            yield f"{fault.field}: {fault.description} [{fault.reason or about}]"
        if self.retry_after is not None:
            yield f"a retry may succeed in {self.retry_after:g} s"


class CannotConnectError(Exception):
    """The agent's address, or a file for TLS, is of no use."""


def lost(why: str, request_id: str) -> AgentFailure:
    """Return the failure of a request that was sent, and that nobody has answered."""
    said = f"{why}: the request may or may not have been carried out"
    found = AgentFailure("UNKNOWN", "ANSWER_LOST", said, ())
    found.request_id = request_id
    return found


def failure(error: grpc.RpcError, request_id: str = "") -> AgentFailure:
    """Return what an RPC's error says; ``request_id`` is that of what might have been done.

    An error without a reason is not the agent's own, but of a connection that broke meanwhile.
    """
    code, details = error.code().name, error.details() or ""
    status = rpc_status.from_call(error)  # type: ignore[no-untyped-call] # has no annotations
    reason, faults, retry = "", [], None
    for detail in status.details if status is not None else ():
        info, bad, again = ErrorInfo(), BadRequest(), RetryInfo()
        if detail.Unpack(info):
            reason = info.reason
        elif detail.Unpack(bad):
            faults += [Fault(v.field, v.description, v.reason) for v in bad.field_violations]
        elif detail.Unpack(again):
            retry = again.retry_delay.ToTimedelta().total_seconds()
    if request_id and not reason and code in _NOT_THE_AGENTS:
        return lost(details, request_id)
    found = AgentFailure(code, reason, details, tuple(faults))
    found.retry_after = retry
    found.request_id = request_id if reason.endswith("_OUTCOME_UNKNOWN") else ""
    return found
