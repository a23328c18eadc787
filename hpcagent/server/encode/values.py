"""Times, lengths and texts in protobuf's form."""

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from hpcagent.server.decode.values import NANOS


def timestamp(seconds: float | None) -> Timestamp | None:
    """Return a time as a message; None is none."""
    return None if seconds is None else Timestamp(**_split(seconds))


def duration(seconds: float) -> Duration:
    """Return a length of time as a message."""
    return Duration(**_split(seconds))


def _split(seconds: float) -> dict[str, int]:
    whole, nanos = divmod(round(seconds * NANOS), NANOS)
    return {"seconds": whole, "nanos": nanos}


def text(value: str) -> str:
    """Return a text that protobuf takes."""
    if value.isascii():
        return value
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
