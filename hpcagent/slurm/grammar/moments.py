"""Points in time. Source: parse_time.c, parse_time.

Read in the local time of this process, as sbatch reads it in the submitter's. The forms:
``now[+count[unit]]``, ``today``, ``tomorrow``, ``midnight``, ``noon``, ``fika``, ``teatime``,
``HH:MM[:SS] [AM|PM]``, ``MMDD[YY]``, ``MM/DD[/YY]``, ``MM.DD[.YY]``, ``YYYY-MM-DD[THH:MM[:SS]]``,
``uts`` with seconds since the epoch, and a date and a time together.

A word that begins with a capital T is refused, as sbatch does: it skips the T of a timestamp first.
"""

import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, cast

from hpcagent.slurm.draft import FaultError
from hpcagent.slurm.grammar.forms import Grammar, fault

DAY = 86400
NOON = 12
UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": DAY, "week": 7 * DAY}
"""Seconds in a unit, in sbatch's words; each may have an s behind it."""
HOURS = {"midnight": 0, "noon": 12, "fika": 15, "teatime": 16}
LEAST_UTS = 1_000_000

_WANTED = (
    "it must be a time as sbatch writes it, for instance now+2hours, 16:00, tomorrow, 12/24/26"
    " or 2026-12-24T08:30:00"
)


_Clock: TypeAlias = tuple[int, int, int]
"""Hour, minute, second."""


@dataclass(slots=True)
class _Reading:
    """What has been read; a month or year of 0 has not."""

    now: time.struct_time
    clock: _Clock | None = None
    month: int = 0
    day: int = 0
    year: int = 0

    def date(self, of: time.struct_time) -> None:
        """Take the date of a time."""
        self.year, self.month, self.day = of.tm_year, of.tm_mon, of.tm_mday


def parse(text: str, now: float) -> float:
    """Read a time as seconds since the epoch. Raises FaultError."""
    if (uts := re.fullmatch(r"uts([0-9]{1,100})", text, re.IGNORECASE | re.ASCII)) is not None:
        if LEAST_UTS <= int(uts[1]) < 1 << 63:
            return float(uts[1])
        raise fault(text, f"the number behind uts must be at least {LEAST_UTS}", "MOMENT_FORM")
    reading = _Reading(time.localtime(now))
    position = 0
    while position < len(text):
        position = _step(text, position, now, reading)
    if reading.clock is None and not reading.month:
        raise _unknown(text)
    return _seconds(text, reading, _complete(reading, now))


def _unknown(text: str) -> FaultError:
    return fault(text, _WANTED, "MOMENT_FORM")


def _step(text: str, at: int, now: float, reading: _Reading) -> int:
    """Read one piece, and return where the next one begins."""
    if text[at] in " \t-T":
        return at + 1
    for pattern, take in _PIECES:
        if (found := pattern.match(text, at)) is not None:
            take(found, now, reading)
            return found.end()
    raise _unknown(text)


def _today(_found: re.Match[str], now: float, reading: _Reading) -> None:
    reading.date(time.localtime(now))


def _tomorrow(_found: re.Match[str], now: float, reading: _Reading) -> None:
    reading.date(time.localtime(now + DAY))


def _hour(found: re.Match[str], _now: float, reading: _Reading) -> None:
    reading.clock = (HOURS[found[0].lower()], 0, 0)


def _from_now(found: re.Match[str], now: float, reading: _Reading) -> None:
    if found.start():  # sbatch looks in the wrong place then
        raise _unknown(found.string)
    sign, digits, unit = found.groups()
    delta = int("".join((digits or "0").split())) * UNITS.get((unit or "second").lower(), 1)
    try:
        later = time.localtime(now - delta if sign == "-" else now + delta)
    except (OverflowError, OSError, ValueError) as error:
        raise _unknown(found.string) from error
    reading.date(later)
    reading.clock = (later.tm_hour, later.tm_min, later.tm_sec)


def _clock(found: re.Match[str], _now: float, reading: _Reading) -> None:
    hour, minute, second, half = found.groups()
    hours, minutes, seconds = int(hour), int(minute), int(second or 0)
    if half:  # 12 comes before 1, in either half
        if hours > NOON:
            raise _unknown(found.string)
        hours = hours % NOON + (NOON if half.lower() == "pm" else 0)
    if hours not in range(24) or minutes not in range(60) or seconds not in range(60):
        raise _unknown(found.string)
    reading.clock = (hours, minutes, seconds)


def _iso_date(found: re.Match[str], _now: float, reading: _Reading) -> None:
    _set_date(found, reading, year=int(found[1]), month=int(found[2]), day=int(found[3]))


def _date(found: re.Match[str], _now: float, reading: _Reading) -> None:
    """Month first; year 00 is the one to come."""
    year = int(found[3] or 0)
    _set_date(found, reading, year=year and 2000 + year, month=int(found[1]), day=int(found[2]))


def _set_date(found: re.Match[str], reading: _Reading, *, year: int, month: int, day: int) -> None:
    if month not in range(1, 13) or day not in range(1, 32):
        raise _unknown(found.string)
    reading.year, reading.month, reading.day = year or reading.year, month, day


_Take: TypeAlias = Callable[[re.Match[str], float, _Reading], None]


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE | re.ASCII)


_PIECES: tuple[tuple[re.Pattern[str], _Take], ...] = (
    (_pattern("today"), _today),
    (_pattern("tomorrow"), _tomorrow),
    (_pattern("|".join(HOURS)), _hour),
    (
        _pattern(
            r"now[ \t]*+(?:\Z|([+-])\s*+([0-9][0-9\s]{0,100}+)"
            rf"(?:({'|'.join(UNITS)})s?|\Z))"
        ),
        _from_now,
    ),
    (
        _pattern(r"(\d\d?+):(\d\d)(?::(\d\d))?(?!:)(?:\s*+(am|pm)|\s*+)"),
        _clock,
    ),
    (re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{1,2}+)"), _iso_date),
    (
        re.compile(r"([0-9]{1,2}+)[./]?+([0-9]{1,2}+)[./]?+(?:([0-9]{2})|(?![0-9]))"),
        _date,
    ),
)
"""What a time is made of; the first that fits is taken."""


def _complete(reading: _Reading, now: float) -> _Clock:
    """A date is meant at 00:00, a time on the soonest day, a day in the soonest year."""
    today, clock = reading.now, reading.clock or (0, 0, 0)
    if not reading.month:
        later = clock[:2] > (today.tm_hour, today.tm_min)
        reading.date(today if later else time.localtime(now + DAY))
    if not reading.year:
        wanted = (reading.month, reading.day, *clock[:2])
        passed = wanted <= (today.tm_mon, today.tm_mday, today.tm_hour, today.tm_min)
        reading.year = today.tm_year + passed
    return clock


def _seconds(text: str, reading: _Reading, clock: _Clock) -> float:
    parts = (reading.year, reading.month, reading.day, *clock, 0, 0, -1)
    try:
        seconds = time.mktime(parts)
    except OverflowError as error:
        raise _unknown(text) from error
    if seconds in {0, -1}:  # sbatch's and mktime(3)'s words for an error
        raise _unknown(text)
    return seconds


def write(value: object) -> str:
    """Write a time as ``YYYY-MM-DDTHH:MM:SS``, local."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(math.ceil(cast("float", value))))


MOMENT = Grammar(lambda text: parse(text, time.time()), write)
"""A point in time, counted from now."""
