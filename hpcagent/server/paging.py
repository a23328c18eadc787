"""Pages of a list: how large one is, and where the next begins (https://google.aip.dev/158).

A token holds the key of the last item before it, a job's two numbers or a name, and a digest of the
filter it was made for. So it needs no memory here, survives a restart, and cannot be used to read
on in another list by mistake.
"""

import base64
import hashlib
import struct
from dataclasses import dataclass

from google.protobuf.message import Message

from hpcagent.jobs.errors import Violation

DEFAULT_SIZE = 100
MAX_SIZE = 1000

_FORM = struct.Struct(">B8sqq")
"""Version of the form, digest, and the key's two numbers: 25 bytes."""
_VERSION = 1
_NAME_VERSION = 2
"""The same, of a form with a name behind the digest."""
_DIGEST = 8
"""Bytes of the digest."""

Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Binding:
    """The list that tokens are for."""

    digest: bytes

    @classmethod
    def of(cls, wanted: Message) -> "Binding":
        """Return the binding to a filter."""
        form = wanted.SerializeToString(deterministic=True)
        return cls(hashlib.sha256(form).digest()[:_DIGEST])

    def token(self, key: Key | None) -> str:
        """Return the token of the page behind a key; empty: there is none."""
        if key is None:
            return ""
        return _token(_FORM.pack(_VERSION, self.digest, *key))

    def key(self, token: str) -> Key | Violation | None:
        """Return the key in a token, or what is wrong with it; None for the first page."""
        if not token:
            return None
        try:
            version, digest, *key = _FORM.unpack(_form(token))
        except (ValueError, struct.error):
            version, digest, key = 0, b"", []
        fault = self._fault(known=version == _VERSION, digest=digest)
        return fault or (key[0], key[1])

    def name_token(self, name: str | None) -> str:
        """Return the token of the page behind a name; empty: there is none."""
        if name is None:
            return ""
        return _token(
            bytes([_NAME_VERSION]) + self.digest + name.encode("utf-8", "surrogateescape")
        )

    def name(self, token: str) -> str | Violation:
        """Return the name in a token, or what is wrong with it; empty for the first page."""
        if not token:
            return ""
        try:
            form = _form(token)
            name = form[1 + _DIGEST :].decode("utf-8", "surrogateescape")
        except ValueError:
            form, name = b"", ""
        fault = self._fault(known=form[:1] == bytes([_NAME_VERSION]), digest=form[1 : 1 + _DIGEST])
        return fault or name

    def _fault(self, *, known: bool, digest: bytes) -> Violation | None:
        if not known:
            return Violation("page_token", "is no token of this agent's", "PAGE_TOKEN_FORM")
        if digest != self.digest:
            said = "is of another list: the filter must be that of the page before"
            return Violation("page_token", said, "PAGE_TOKEN_MISMATCH")
        return None


def _token(form: bytes) -> str:
    return base64.urlsafe_b64encode(form).rstrip(b"=").decode("ascii")


def _form(token: str) -> bytes:
    """Return what a token holds. Raises ValueError: it is none."""
    return base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)


def size(asked: int) -> int:
    """Return how many jobs a page has at most; ``asked`` is not negative."""
    return min(asked, MAX_SIZE) or DEFAULT_SIZE
