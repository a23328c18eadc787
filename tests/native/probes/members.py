"""What of the member tables JSON cannot ask for."""

import _slurm


def kinds(table: str) -> dict[str, str]:
    """The members of a table that can be used, with their kinds."""
    return dict(getattr(_slurm, f"{table}_MEMBERS"))


def opaque(table: str) -> dict[str, str]:
    """The other members of a table, with the reason."""
    return dict(getattr(_slurm, f"{table}_OPAQUE"))


def described(member: str, hexadecimal: str) -> object:
    """Set a member to bytes and read it."""
    return _slurm.describe({member: bytes.fromhex(hexadecimal)})[member]
