"""Single values of a message: times, lengths of time, enum words, texts.

Each reader returns the domain's form, or notes a violation and returns None.
"""

from typing import Any, TypeAlias

from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from hpcagent.jobs.errors import Violation
from hpcagent.jobs.stamp import REQUEST_ID

Faults: TypeAlias = list[Violation]
"""What is wrong with a request, so far."""

MIN_TIMESTAMP = -62_135_596_800
MAX_TIMESTAMP = 253_402_300_799
"""Years 1 to 9999, in seconds since the epoch (timestamp.proto)."""
MAX_DURATION = 315_576_000_000
"""About 10,000 years, in seconds (duration.proto)."""
MAX_NANOS = 999_999_999
NANOS = 1_000_000_000
"""In a second."""

NOT_SUPPORTED = "is not supported by this release of hpcagent"


def not_supported(path: str) -> Violation:
    """Return the violation of a field that the contract has and this release cannot honour."""
    return Violation(path, NOT_SUPPORTED, "FIELD_NOT_SUPPORTED")


def moment(value: Timestamp, path: str, faults: Faults) -> float | None:
    """Read a time as seconds since the epoch, fraction kept."""
    if MIN_TIMESTAMP <= value.seconds <= MAX_TIMESTAMP and 0 <= value.nanos <= MAX_NANOS:
        return value.seconds + value.nanos / NANOS
    said = "is no valid Timestamp: years 1 to 9999, nanos 0 to 999999999"
    faults.append(Violation(path, said, "TIMESTAMP_FORM"))
    return None


def length(value: Duration, path: str, faults: Faults) -> float | None:
    """Read a length of time as seconds, fraction kept. It cannot be negative."""
    if 0 <= value.seconds <= MAX_DURATION and 0 <= value.nanos <= MAX_NANOS:
        return value.seconds + value.nanos / NANOS
    said = f"must be 0 to {MAX_DURATION} s, with nanos 0 to 999999999"
    faults.append(Violation(path, said, "DURATION_FORM"))
    return None


def whole(message: Message, name: str, path: str, faults: Faults) -> int | None:
    """Read a message's length of time, to the second, as ``path.name``; None: it has not got it."""
    if not message.HasField(name):
        return None
    where = f"{path}.{name}" if path else name
    seconds = length(getattr(message, name), where, faults)
    if seconds is None or seconds.is_integer():
        return None if seconds is None else int(seconds)
    faults.append(Violation(where, f"is {seconds:g} s; it must be whole seconds", "NOT_WHOLE"))
    return None


def optional(message: Message, name: str) -> Any | None:  # noqa: ANN401 - whatever the field is
    """Return a field that may be unset; None: it is."""
    return getattr(message, name) if message.HasField(name) else None


def choice(enum: EnumDescriptor, number: int, path: str, faults: Faults) -> str:
    """Read an enum's number as its word without the enum's prefix; unspecified is empty."""
    return (word(enum, number, path, faults) or "") if number else ""


def word(enum: EnumDescriptor, number: int, path: str, faults: Faults) -> str | None:
    """Read an enum's number as its word without the enum's prefix; it must be a specified one."""
    unspecified = enum.values[0].name
    prefix = unspecified.removesuffix("UNSPECIFIED")
    value = enum.values_by_number.get(number)
    if value is not None and number:
        return value.name.removeprefix(prefix)
    said = f"is {number}; it must be one of {', '.join(v.name for v in enum.values[1:])}"
    faults.append(Violation(path, said, "UNKNOWN_VALUE" if number else "UNSPECIFIED_VALUE"))
    return None


def request_id(value: str, path: str, faults: Faults) -> str:
    """Read the request_id of a request; empty is none."""
    if value and REQUEST_ID.fullmatch(value) is None:
        said = "must be 1 to 128 characters of A-Z a-z 0-9 . _ : -"
        faults.append(Violation(path, said, "REQUEST_ID_FORM"))
    return value
