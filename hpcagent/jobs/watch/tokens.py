"""Where a watch stands, as a text that its caller keeps and comes back with.

A token is bound to the log it counts in (its epoch) and to the filter it was made for: with
another filter the caller would miss the jobs that only the new one means.
"""

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass

from hpcagent.jobs.errors import AgentError, InvalidRequest, Kind, Violation
from hpcagent.jobs.model import JobFilter

_DIGEST_BYTES = 8
_FORM = struct.Struct(">B8s8sQ?")
"""Version of the form, digests of log and filter, number; whether a key follows, in UTF-8."""
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Position:
    """Behind which change a watch stands, and behind which job's key if within its snapshot."""

    number: int
    key: str | None = None


class Expired(AgentError):
    """The changes behind a token are no longer kept; the watch must begin anew."""

    kind = Kind.OUT_OF_RANGE
    reason = "WATCH_TOKEN_EXPIRED"

    def __init__(self) -> None:
        super().__init__("resume_token is too old, or of another log: watch anew, without a token")


@dataclass(frozen=True, slots=True)
class Tokens:
    """Writes and reads the tokens of one filter's watches."""

    log: bytes
    """Digest of the log's epoch."""
    digest: bytes
    """Of the filter."""

    @classmethod
    def of(cls, wanted: JobFilter, epoch: str) -> "Tokens":
        """Return those of a filter; the order of a condition's values does not count."""
        form = repr({name: _canonical(getattr(wanted, name)) for name in _FIELDS})
        return cls(_digest(epoch), _digest(form))

    def write(self, position: Position) -> str:
        """Return the token of a position."""
        key = position.key
        form = _FORM.pack(_VERSION, self.log, self.digest, position.number, key is not None)
        form += (key or "").encode()
        return base64.urlsafe_b64encode(form).rstrip(b"=").decode("ascii")

    def read(self, token: str) -> Position:
        """Return the position of a token. Raises InvalidRequest, Expired (of another log)."""
        try:
            form = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            version, log, digest, number, has_key = _FORM.unpack_from(form)
            key = form[_FORM.size :].decode()
        except (binascii.Error, ValueError, struct.error):
            version, log, digest, number, has_key, key = 0, b"", b"", 0, False, ""
        if version != _VERSION:
            raise _refusal("is no token of this agent's", "WATCH_TOKEN_FORM")
        if digest != self.digest:
            said = "is of another watch: the filter must be the same"
            raise _refusal(said, "WATCH_TOKEN_MISMATCH")
        if log != self.log:
            raise Expired
        return Position(number, key if has_key else None)


_FIELDS = tuple(sorted(JobFilter.__dataclass_fields__))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:_DIGEST_BYTES]


def _canonical(value: object) -> object:
    return sorted(map(repr, value)) if isinstance(value, tuple) else value


def _refusal(said: str, reason: str) -> InvalidRequest:
    return InvalidRequest([Violation("resume_token", said, reason)])
