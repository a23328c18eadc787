"""Amounts as Kubernetes writes them (apimachinery/pkg/api/resource/quantity.go), canonical."""

import math
import re
from fractions import Fraction

_SUFFIXES = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_MILLI = 1000
MAX = (1 << 63) - 1
"""Largest amount, in its smallest unit."""

_FORM = re.compile(
    r"(?P<number>[+-]?[0-9]{1,32}(?:\.[0-9]{0,32})?|[+-]?\.[0-9]{1,32})"
    r"(?:(?P<suffix>[KMGTPE]i|[numkMGTPE]|)|[eE](?P<exponent>[+-]?[0-9]{1,2}))"
)
_SCALES = {
    **{suffix: Fraction(1024) ** power for power, suffix in enumerate(_SUFFIXES)},
    **{suffix: Fraction(1000) ** power for power, suffix in enumerate("kMGTPE", start=1)},
    **{suffix: Fraction(1000) ** -power for power, suffix in enumerate("mun", start=1)},
}


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


def read(text: str) -> Fraction:
    """Return the amount that a Quantity is. Raises ValueError if it is none."""
    form = _FORM.fullmatch(text)
    if form is None:
        raise ValueError(f"{text!r} is no Quantity")
    exponent = form["exponent"]
    scale = _SCALES[form["suffix"]] if exponent is None else Fraction(10) ** int(exponent)
    return Fraction(form["number"]) * scale


def whole(name: str, amount: Fraction, *, up: bool = False) -> int:
    """Return an amount of a resource in its unit: CPU in thousandths, else as it is; not below 0.

    A rest is left out, or, with ``up``, taken as one more. ``name`` may be a quota's.
    """
    of_cpu = name == "cpu" or name.endswith(".cpu")
    scaled = amount * _MILLI if of_cpu else amount
    return min(max(0, math.ceil(scaled) if up else math.floor(scaled)), MAX)
