"""Amounts as Kubernetes writes them (apimachinery/pkg/api/resource/quantity.go), canonical."""

_SUFFIXES = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_MILLI = 1000
MAX = (1 << 63) - 1
"""Largest amount, in its smallest unit."""


def cpu(millis: int) -> str:
    """Write processors: ``1500`` thousandths are ``1500m``, ``1000`` are ``1``."""
    whole, rest = divmod(millis, _MILLI)
    return f"{millis}m" if rest else str(whole)


def memory(amount: int) -> str:
    """Write bytes with the largest binary suffix that leaves a whole number: ``4Gi``."""
    steps = 0
    while amount and amount % 1024 == 0 and steps < len(_SUFFIXES) - 1:
        amount //= 1024
        steps += 1
    return f"{amount}{_SUFFIXES[steps]}"
