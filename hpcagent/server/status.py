"""The one translation from the domain's errors to what a gRPC caller receives.

A failed call answers with a `google.rpc.Status` (https://google.aip.dev/193): the code and message
that every client shows, and beside them, for programs, `ErrorInfo` with the reason, `BadRequest`
with every violation and `RetryInfo` where time may help.

It all travels in HTTP/2 trailers, of which a client accepts 8 KiB by default; beyond that it drops
the whole status and reports RESOURCE_EXHAUSTED instead. So what is long is clipped here, and says
that it was.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import NoReturn

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from hpcagent.jobs.errors import AgentError, Kind, Violation

MAX_VIOLATIONS = 25
MAX_WIRE_BYTES = 7000
"""What a status may take of the 8 KiB; other trailers have the rest."""

_MESSAGE_BYTES = 1200
_METADATA_BYTES = 2400
_VALUE_BYTES = 600
_VIOLATION_BYTES = 300
_CLIPPED = "..."

# Would garble a terminal, or cannot be encoded: control characters but tab and newline, and lone
# surrogates (Python's stand-ins for bytes that were no UTF-8).
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def abort(context: grpc.ServicerContext, error: Exception, *, log_id: str) -> NoReturn:
    """End the call with the status of `error`; raises what `context.abort` raises."""
    status = to_status(error, log_id=log_id)
    # grpcio-status has no annotations.
    context.abort_with_status(rpc_status.to_status(status))  # type: ignore[no-untyped-call]


def to_status(error: Exception, *, log_id: str) -> Status:
    """The status of `error`, within what a client accepts.

    An exception that is no `AgentError` is a mistake of ours: its words stay in the log, under
    `log_id`, and the caller learns no more than that id.
    """
    known = error if isinstance(error, AgentError) else _internal(log_id)
    shown = known.violations[:MAX_VIOLATIONS]
    status = _build(known, shown)
    while shown and wire_bytes(status) > MAX_WIRE_BYTES:
        shown = shown[:-1]
        status = _build(known, shown)
    return status


def wire_bytes(status: Status) -> int:
    """How many bytes a status takes in the trailers at most.

    The message is sent twice: percent-encoded as `grpc-message`, and within the whole status, which
    is base64-encoded for clients other than gRPC's own C core.
    """
    return _percent_encoded_bytes(status.message) + -(-status.ByteSize() // 3) * 4


def _internal(log_id: str) -> AgentError:
    return AgentError(
        f"internal error; the agent's log tells more under {log_id}",
        kind=Kind.INTERNAL,
        reason="INTERNAL",
        metadata={"log_id": log_id},
    )


def _build(error: AgentError, shown: Sequence[Violation]) -> Status:
    left_out = len(error.violations) - len(shown)
    note = f" (violations left out here: {left_out})" if left_out else ""
    facts = {"violations_left_out": str(left_out)} if left_out else {}
    details: list[Message] = [
        ErrorInfo(
            reason=error.reason,
            domain=error.domain,
            metadata=_clip_values(facts | error.metadata),
        )
    ]
    if shown:
        details.append(BadRequest(field_violations=map(_violation, shown)))
    if error.retry_after is not None:
        details.append(_retry_info(error.retry_after))
    room = _MESSAGE_BYTES - len(note)
    return Status(
        code=error.kind.value,
        message=_clip(error.message, room, _percent_encoded_bytes) + note,
        details=map(_packed, details),
    )


def _violation(violation: Violation) -> BadRequest.FieldViolation:
    return BadRequest.FieldViolation(
        field=_clip(violation.field, _VIOLATION_BYTES),
        description=_clip(violation.description, _VIOLATION_BYTES),
        reason=violation.reason,
    )


def _retry_info(seconds: float) -> RetryInfo:
    delay = Duration()
    delay.FromMilliseconds(round(seconds * 1000))
    return RetryInfo(retry_delay=delay)


def _packed(detail: Message) -> Any:
    packed = Any()
    packed.Pack(detail)
    return packed


def _clip_values(metadata: Mapping[str, str]) -> dict[str, str]:
    """As many entries as there is room for, in their order, long values clipped."""
    kept: dict[str, str] = {}
    room = _METADATA_BYTES
    for key, value in metadata.items():
        kept[key] = _clip(value, _VALUE_BYTES)
        room -= _utf8_bytes(key) + _utf8_bytes(kept[key])
        if room < 0:
            del kept[key]
            break
    return kept


def _utf8_bytes(text: str) -> int:
    return len(text.encode())


def _percent_encoded_bytes(text: str) -> int:
    """Length of `grpc-message`: each byte that is not printable ASCII becomes three."""
    plain = sum(" " <= character <= "~" and character != "%" for character in text)
    return plain + 3 * (len(text.encode()) - plain)


def _clip(text: str, limit: int, measure: Callable[[str], int] = _utf8_bytes) -> str:
    """As much of `text`, made safe, as `measure` finds no longer than `limit`."""
    # No character is shorter than 1, so that the rest of a very long text need not be looked at.
    safe = _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text[: limit + 1])
    if measure(safe) <= limit:
        return safe
    lengths = list(accumulate(map(measure, safe)))
    return safe[: bisect_right(lengths, limit - len(_CLIPPED))] + _CLIPPED
