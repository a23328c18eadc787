"""Pages of a list: how large one is, and where the next begins (https://google.aip.dev/158).

A token holds the key of the last job before it and a digest of the filter it was made for. So it
needs no memory here, survives a restart, and cannot be used to read on in another list by mistake.
"""

import base64
import binascii
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

Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Binding:
    """The list that tokens are for."""

    digest: bytes

    @classmethod
    def of(cls, wanted: Message) -> "Binding":
        """Return the binding to a filter."""
        form = wanted.SerializeToString(deterministic=True)
        return cls(hashlib.sha256(form).digest()[:8])

    def token(self, key: Key | None) -> str:
        """Return the token of the page behind a key; empty: there is none."""
        if key is None:
            return ""
        form = _FORM.pack(_VERSION, self.digest, *key)
        return base64.urlsafe_b64encode(form).rstrip(b"=").decode("ascii")

    def key(self, token: str) -> Key | Violation | None:
        """Return the key in a token, or what is wrong with it; None for the first page."""
        if not token:
            return None
        try:
            form = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            version, digest, *key = _FORM.unpack(form)
        except (binascii.Error, ValueError, struct.error):
            version, digest, key = 0, b"", []
        if version != _VERSION:
            return Violation("page_token", "is no token of this agent's", "PAGE_TOKEN_FORM")
        if digest != self.digest:
            said = "is of another list: the filter must be that of the page before"
            return Violation("page_token", said, "PAGE_TOKEN_MISMATCH")
        return key[0], key[1]


def size(asked: int) -> int:
    """Return how many jobs a page has at most; ``asked`` is not negative."""
    return min(asked, MAX_SIZE) or DEFAULT_SIZE
