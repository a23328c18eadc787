"""SLURMJobDescMsg: the original system's description of a job, as JSON.

Its Go struct names the fields as sbatch names its options (`json:"ntasks-per-node"`), and what has
no option as the struct does. KEYS is all of them, and what each is of a SubmitJobRequest; so the
same job comes of either. Numbers are in Slurm's units: minutes, MiB. The violations of a job
given so, the backend's own too, are told by key.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from hpcagent.jobs.errors import Violation
from hpcagent.jobs.identity import Claim
from hpcagent.jobs.spec import JobSpec, NodeCount
from hpcagent.server.decode.unknown import unknown_fields
from hpcagent.server.decode.values import Faults, request_id
from hpcagent.v1 import slurm_agent_pb2

MINUTE = 60
MIB = 1 << 20
MEM_PER_CPU = 1 << 63
"""Flag in a number of MiB: for each processor (slurm.h)."""
UNLIMITED = (1 << 32) - 1
"""INFINITE (slurm.h): no time limit."""
DOCUMENT = "descriptor_json"
"""The field that holds it all."""

Values = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Type:
    """A type of the Go struct."""

    name: str
    fits: Callable[[object], bool]


@dataclass(frozen=True, slots=True)
class Key:
    """One key: which JSON value it takes, and what it is of a SubmitJobRequest."""

    name: str
    takes: Type
    field: str
    """The field of the request, or the option."""
    option: Callable[[object], object] | None = None
    """From the JSON value to the option's; None, where it is no option, or not one alone."""
    required: bool = False


def _number(name: str, least: int, most: int) -> Type:
    def fits(value: object) -> bool:
        return type(value) is int and least <= value <= most

    return Type(f"a number of Go's type {name} ({least} to {most})", fits)


_HALF = re.compile("[\ud800-\udfff]")
"""Half a character."""


def _is_text(value: object) -> bool:
    """Whether it is a string that UTF-8 can hold: JSON can spell half a character."""
    return isinstance(value, str) and not _HALF.search(value)


def _is_list(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


STRING = Type("a string", _is_text)
STRINGS = Type("a list of strings", _is_list)
U8, U16 = _number("uint8", 0, (1 << 8) - 1), _number("uint16", 0, (1 << 16) - 1)
U32, U64 = _number("uint32", 0, (1 << 32) - 1), _number("uint64", 0, (1 << 64) - 1)
I32 = _number("int32", -(1 << 31), (1 << 31) - 1)
I64 = _number("int64", -(1 << 63), (1 << 63) - 1)


def _time(minutes: object) -> object:
    number = cast("int", minutes)
    return math.inf if number == UNLIMITED else float(number * MINUTE)


def _same(value: object) -> object:
    return value


KEYS: tuple[Key, ...] = (
    Key("job-name", STRING, "name"),
    Key("chdir", STRING, "work_dir"),
    Key("script", STRING, "script", required=True),
    Key("argv", STRINGS, "argv"),
    Key("export", STRINGS, "environment"),
    Key("comment", STRING, "comment", _same),
    Key("deadline", I64, "deadline", lambda seconds: float(cast("int", seconds))),
    Key("time", U32, "time", _time),
    Key("input", STRING, "input", _same),
    Key("error", STRING, "error", _same),
    Key("output", STRING, "output", _same),
    Key("uid", U32, "user_id", required=True),
    Key("gid", U32, "group_id", required=True),
    Key("account", STRING, "account", _same),
    Key("partition", STRING, "partition"),
    Key("exclude", STRING, "exclude", _same),
    Key("nodelist", STRING, "nodelist", _same),
    Key("nodes", U32, "nodes"),
    Key("maxnodes", U32, "nodes"),
    Key("ntasks-per-node", U16, "ntasks_per_node", _same),
    Key("cpus-per-task", U16, "cpus_per_task", _same),
    Key("ntasks", U32, "ntasks", _same),
    Key("mincpus", U16, "mincpus", _same),
    Key("mem", U64, "mem_bytes"),
    Key("requeue", U16, "requeue", bool),
    Key("reboot", U16, "reboot", bool),
    Key("no-kill", U16, "no_kill", bool),
    Key("share", U16, "oversubscribe"),
    Key("wait-all-nodes", U16, "wait_all_nodes", bool),
    Key("open-mode", U8, "open_mode"),
    Key("nice", I32, "nice", _same),
    Key("MinCPUs", U32, "min_cpus"),
    Key("maxcpus", U32, "max_cpus"),
    Key("envsize", U32, "environment"),
    Key("argc", U32, "argv"),
)
"""In the order of the struct."""

ZERO_IS_NOTHING = frozenset({"nodes", "maxnodes", "MinCPUs", "maxcpus", "envsize", "argc"})
"""Counts that a Go program writes even where it has none; 0 means so."""
SHARED: Mapping[int, tuple[str, object]] = {
    0: ("exclusive", "JOB"),
    1: ("oversubscribe", True),
    2: ("exclusive", "USER"),
    3: ("exclusive", "MCS"),
}
"""JOB_SHARED_* (slurm.h): what a number of ``share`` means, as an option and its value."""
OPEN_MODES: Mapping[int, str] = {1: "APPEND", 2: "TRUNCATE"}
"""OPEN_MODE_* (slurm.h)."""

BY_NAME: Mapping[str, Key] = {key.name: key for key in KEYS}

PATHS: Mapping[str, str] = {
    **{key.field: key.name for key in reversed(KEYS)},
    "exclusive": "share",
    "mem_per_cpu_bytes": "mem",
}
"""The key that stands for each field or option of a SubmitJobRequest."""


def descriptor_spec(request: slurm_agent_pb2.SubmitDescriptorRequest) -> JobSpec:
    """Read a request, violations included, as ``hpcagent.server.decode.submission`` does."""
    faults: Faults = list(unknown_fields(request))
    given = _known(_document(request.descriptor_json, faults), faults)
    options = _options(given, faults)
    return JobSpec(
        claim=Claim(user_id=_whole(given, "uid"), group_id=_whole(given, "gid")),
        work_dir=_text(given, "chdir"),
        script=_text(given, "script"),
        partition=_text(given, "partition"),
        name=_text(given, "job-name"),
        environment=_texts(given, "export"),
        argv=_texts(given, "argv"),
        nodes=0 if "maxnodes" in given else _whole(given, "nodes") or 0,
        min_cpus=_whole(given, "MinCPUs") or 0,
        max_cpus=_whole(given, "maxcpus") or 0,
        options=options,
        request_id=request_id(request.request_id, "request_id", faults),
        validate_only=request.validate_only,
        faults=tuple(faults),
        paths=PATHS,
    )


def _document(text: str, faults: Faults) -> tuple[tuple[str, object], ...] | None:
    """Read the keys and their values; a key that is given twice is there twice."""
    said = "is no JSON object"
    try:
        pairs = json.loads(text, object_pairs_hook=tuple, parse_constant=_no_number)
        if isinstance(pairs, tuple):
            return pairs
    except (ValueError, RecursionError) as error:
        said = f"is no JSON: {error}"
    faults.append(Violation(DOCUMENT, said, "JSON_FORM"))
    return None


def _no_number(word: str) -> object:
    raise ValueError(f"{word} is no JSON")


def _known(pairs: tuple[tuple[str, object], ...] | None, faults: Faults) -> dict[str, object]:
    """Return the values that can be read, and note what else there is, and is not."""
    given: dict[str, object] = {}
    if pairs is None:
        return given
    for name, value in pairs:
        key = BY_NAME.get(name)
        if key is None:
            said = f"is no key of SLURMJobDescMsg; it has {', '.join(BY_NAME)}"
            faults.append(Violation(_HALF.sub("?", name[:80]), said, "UNKNOWN_KEY"))
        elif name in given:
            faults.append(Violation(name, "is given twice", "CONFLICT"))
        elif not key.takes.fits(value):
            faults.append(Violation(name, f"must be {key.takes.name}", "WRONG_TYPE"))
        elif value or name not in ZERO_IS_NOTHING:
            given[name] = value
    missing = {key.name for key in KEYS if key.required} - {name for name, _ in pairs}
    faults += [Violation(name, "is required", "REQUIRED") for name in sorted(missing)]
    _check_counts(given, faults)
    return given


def _check_counts(given: Values, faults: Faults) -> None:
    for count, of in (("argc", "argv"), ("envsize", "export")):
        listed = len(cast("list[str]", given.get(of, [])))
        if count in given and given[count] != listed:
            said = f"is {given[count]}, but {of} has {listed} entries"
            faults.append(Violation(count, said, "COUNT_MISMATCH"))


def _whole(given: Values, name: str) -> int | None:
    return cast("int | None", given.get(name))


def _text(given: Values, name: str) -> str:
    return cast("str", given.get(name, ""))


def _texts(given: Values, name: str) -> tuple[str, ...]:
    return tuple(cast("list[str]", given.get(name, ())))


# ---------------------------------------------------------------------- options


def _options(given: Values, faults: Faults) -> dict[str, object]:
    read = {
        key.field: key.option(given[key.name])
        for key in KEYS
        if key.option is not None and key.name in given
    }
    if "maxnodes" in given:
        least = _whole(given, "nodes") or 1
        read["nodes"] = NodeCount(least, _whole(given, "maxnodes"))
    if (memory := _whole(given, "mem")) is not None:
        per_cpu = bool(memory & MEM_PER_CPU)
        name = "mem_per_cpu_bytes" if per_cpu else "mem_bytes"
        read[name] = (memory & ~MEM_PER_CPU) * MIB
    if (shared := _whole(given, "share")) is not None:
        name, value = SHARED.get(shared, ("", None))
        read |= {name: value} if name else _refused("share", [*SHARED], faults)
    if (mode := _whole(given, "open-mode")) is not None:
        known = mode in OPEN_MODES
        read |= (
            {"open_mode": OPEN_MODES[mode]}
            if known
            else _refused("open-mode", [*OPEN_MODES], faults)
        )
    return read


def _refused(name: str, allowed: list[int], faults: Faults) -> dict[str, object]:
    said = f"must be one of {', '.join(map(str, allowed))}"
    faults.append(Violation(name, said, "UNKNOWN_VALUE"))
    return {}
