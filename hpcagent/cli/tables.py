"""Answers laid out for a terminal: one line for each, columns as wide as they need to be."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias
from unicodedata import combining, east_asian_width

Row: TypeAlias = Mapping[str, Any]
Column: TypeAlias = tuple[str, Callable[[Row], object]]

MEBIBYTE: Final = 1 << 20


def table(columns: Sequence[Column], rows: Iterable[Row]) -> list[str]:
    """Return the lines of a table, its head first."""
    cells = [[head for head, _ in columns]]
    cells += [[_text(value(row)) for _, value in columns] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)
        ).rstrip()
        for line in cells
    ]


def cut(line: str, columns: int) -> str:
    """Return as much of a line as a terminal has room for."""
    width = 0
    for index, character in enumerate(line):
        width += _width(character)
        if width > columns:
            return line[:index]
    return line


def plain(text: object) -> str:
    """Return a text without what a terminal would obey: whoever named a job is not its owner."""
    return "".join(one if one.isprintable() else " " if one.isspace() else "?" for one in str(text))


def _text(value: object) -> str:
    return "-" if value in (None, "", ()) else plain(value)


def _width(text: str) -> int:
    """Return how many columns a text takes (Unicode, TR 11; marks have none of their own)."""
    return sum(0 if combining(one) else 2 if east_asian_width(one) in "WF" else 1 for one in text)


def field(name: str) -> Callable[[Row], object]:
    """Return what reads a field, by its path: ``job_id.id``."""

    def read(row: Row) -> object:
        found: Any = row
        for part in name.split("."):
            found = (found or {}).get(part)
        return found

    return read


def word(name: str) -> Callable[[Row], object]:
    """Return what reads an enum's word without the enum's prefix."""

    def read(row: Row) -> object:
        value = str(row.get(name) or "")
        for prefix in ("JOB_STATE_", "PARTITION_STATE_", "NODE_STATE_"):
            value = value.removeprefix(prefix)
        return value

    return read


def listed(name: str) -> Callable[[Row], object]:
    """Return what reads a repeated field, with commas."""
    return lambda row: ",".join(map(str, row.get(name) or ()))


def moment(name: str) -> Callable[[Row], object]:
    """Return what reads a time, as the local clock has it."""

    def read(row: Row) -> object:
        value = row.get(name)
        if not value:
            return None
        seconds = datetime.strptime(value[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
        return f"{seconds.astimezone():%Y-%m-%dT%H:%M:%S}"

    return read


def limit(name: str) -> Callable[[Row], object]:
    """Return what reads a TimeLimit, as Slurm prints one."""

    def read(row: Row) -> object:
        value = row.get(name) or {}
        if "unlimited" in value:
            return "infinite"
        return clock(value.get("value", ""))

    return read


def length(name: str) -> Callable[[Row], object]:
    """Return what reads a Duration, as Slurm prints one."""
    return lambda row: clock(row.get(name) or "")


def clock(duration: str) -> str:
    """Return ``1-02:03:04`` of JSON's ``93784s``; empty of none."""
    if not duration:
        return ""
    minutes, seconds = divmod(int(float(duration.removesuffix("s"))), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{f'{days}-' if days else ''}{hours:02}:{minutes:02}:{seconds:02}"


def mebibytes(name: str) -> Callable[[Row], object]:
    """Return what reads bytes, as MiB."""
    return lambda row: None if row.get(name) is None else int(row[name]) // MEBIBYTE


def gres(name: str) -> Callable[[Row], object]:
    """Return what reads generic resources, as Slurm prints them."""

    def read(row: Row) -> object:
        return ",".join(
            ":".join(filter(None, (one["name"], one["type"], one.get("count"))))
            for one in row.get(name) or ()
        )

    return read


def amounts(path: str) -> Callable[[Row], object]:
    """Return what reads trackable resources, as Slurm prints them."""

    def read(row: Row) -> object:
        return ",".join(map(_amount, field(path)(row) or ()))  # type: ignore[call-overload]

    return read


def _amount(one: Row) -> str:
    name = "/".join(filter(None, (one["type"], one["name"])))
    if one["type"] == "mem" and "count" in one:
        return f"{name}={int(one['count']) // MEBIBYTE}M"
    return f"{name}={one.get('count', one.get('minutes'))}"


JOBS: Final[Sequence[Column]] = (
    ("JOBID", field("job_id.id")),
    ("PARTITION", field("partition")),
    ("NAME", field("name")),
    ("USER", lambda row: row.get("user") or row.get("user_id")),
    ("STATE", field("backend_state")),
    ("TIME", length("run_time")),
    ("LIMIT", limit("time_limit")),
    ("NODES", field("nodes")),
    ("NODELIST(REASON)", lambda row: row.get("node_list") or _reason(row)),
)


def _reason(row: Row) -> str:
    name = (row.get("reason") or {}).get("name")
    return f"({name})" if name else ""


def details(answer: Row, indent: str = "") -> list[str]:
    """Return an answer as lines of ``name: value``; what is empty is left out."""
    lines: list[str] = []
    for name, value in answer.items():
        if isinstance(value, dict) and value:
            lines += [f"{indent}{name}:", *details(value, f"{indent}  ")]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for one in value:
                lines += [f"{indent}{name}:", *details(one, f"{indent}  ")]
        elif value not in ("", [], {}, None):
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            lines.append(f"{indent}{name}: {plain(shown)}")
    return lines
