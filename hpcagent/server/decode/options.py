"""JobOptions, by its descriptor: every field that is set becomes one entry of the same name.

So a new option needs no line here. Only a message type needs one, where the domain has a form for
it; an option of a type without one is handed on by name alone, and refused by that name
(``hpcagent.slurm.description.descriptor``).
"""

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal, TypeAlias

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

from hpcagent.jobs.errors import Violation
from hpcagent.jobs.spec import (
    CpuFrequency,
    Dependency,
    DependencyTerm,
    Distribution,
    Gres,
    JobSignal,
    MemoryUpdate,
    NodeCount,
    Switches,
)
from hpcagent.server.decode.job_ids import job_id
from hpcagent.server.decode.values import Faults, length, moment, word
from hpcagent.v1 import job_options_pb2, job_pb2

Reader: TypeAlias = Callable[[Any, str, Faults], object | None]
"""Reads a value at a path; None: it cannot be accepted, and why was noted."""


def options(
    message: job_options_pb2.JobOptions,
    path: str,
    cluster: str,
    faults: Faults,
    only: Collection[str] | None = None,
) -> dict[str, object]:
    """Read all options that are set, or those that are named.

    ``cluster`` is the agent's own, empty while not known.
    """
    read: dict[str, object] = {}
    for field, value in message.ListFields():
        if only is not None and field.name not in only:
            continue
        reader = _dependency_in(cluster) if field.name == "dependency" else _reader(field)
        where = f"{path}.{field.name}"
        if field.is_repeated:
            items = [reader(item, f"{where}[{i}]", faults) for i, item in enumerate(value)]
            result: object | None = None if None in items else tuple(items)
        else:
            result = reader(value, where, faults)
        if result is not None:
            read[field.name] = result
    return read


def _reader(field: FieldDescriptor) -> Reader:
    if field.enum_type is not None:
        enum = field.enum_type
        return lambda number, path, faults: word(enum, number, path, faults)
    if field.message_type is None:
        return lambda value, _path, _faults: value
    name = field.message_type.full_name
    return MESSAGES.get(name, lambda _value, _path, _faults: name)


def _time_limit(message: job_pb2.TimeLimit, path: str, faults: Faults) -> float | None:
    form = message.WhichOneof("limit")
    if form == "unlimited":
        return math.inf
    if form == "value":
        return length(message.value, f"{path}.value", faults)
    faults.append(Violation(path, "is empty: give value or unlimited", "REQUIRED"))
    return None


def _gres(message: job_pb2.Gres, _path: str, _faults: Faults) -> Gres:
    count = message.count if message.HasField("count") else None
    return Gres(message.name, message.type, count)


def _node_count(message: job_options_pb2.NodeCount, _path: str, _faults: Faults) -> NodeCount:
    most = message.max if message.HasField("max") else None
    return NodeCount(message.min, most, message.sizes)


def _cpu_freq(
    message: job_options_pb2.CpuFrequency, path: str, faults: Faults
) -> CpuFrequency | None:
    noted = len(faults)
    least = _frequency(message, "min", path, faults)
    most = _frequency(message, "max", path, faults)
    governor = _word_or_none(_GOVERNOR, message.governor, f"{path}.governor", faults)
    return CpuFrequency(least, most, governor) if len(faults) == noted else None


def _frequency(
    message: job_options_pb2.CpuFrequency, bound: Literal["min", "max"], path: str, faults: Faults
) -> int | str | None:
    form = message.WhichOneof(bound)
    if form is None:
        return None
    value: int = getattr(message, form)
    return word(_LEVEL, value, f"{path}.{form}", faults) if form.endswith("_level") else value


def _distribution(
    message: job_options_pb2.Distribution, path: str, faults: Faults
) -> Distribution | None:
    noted = len(faults)
    read = Distribution(
        nodes=_word_or_none(_METHOD, message.nodes, f"{path}.nodes", faults),
        sockets=_word_or_none(_METHOD, message.sockets, f"{path}.sockets", faults),
        cores=_word_or_none(_METHOD, message.cores, f"{path}.cores", faults),
        plane_size=message.plane_size,
        pack=message.pack if message.HasField("pack") else None,
    )
    return read if len(faults) == noted else None


def _signal(message: job_options_pb2.JobSignal, path: str, faults: Faults) -> JobSignal | None:
    noted = len(faults)
    before = (
        length(message.before, f"{path}.before", faults) if message.HasField("before") else None
    )
    target = _word_or_none(_TARGET, message.target, f"{path}.target", faults)
    read = JobSignal(message.signal, before, target == "BATCH", message.reservation)
    return read if len(faults) == noted else None


def _switches(message: job_options_pb2.Switches, path: str, faults: Faults) -> Switches | None:
    if not message.HasField("max_wait"):
        return Switches(message.count)
    wait = length(message.max_wait, f"{path}.max_wait", faults)
    return None if wait is None else Switches(message.count, wait)


def _mem_update(
    message: job_options_pb2.MemoryUpdate, path: str, faults: Faults
) -> MemoryUpdate | None:
    delay = length(message.delay, f"{path}.delay", faults)
    return None if delay is None else MemoryUpdate(message.margin_percent, delay)


def _word_or_none(enum: EnumDescriptor, number: int, path: str, faults: Faults) -> str:
    """Read an enum whose zero means that nothing is said, which is the empty word."""
    return (word(enum, number, path, faults) or "") if number else ""


_GOVERNOR = job_options_pb2.CpuFrequency.Governor.DESCRIPTOR
_LEVEL = job_options_pb2.CpuFrequency.Level.DESCRIPTOR
_METHOD = job_options_pb2.Distribution.Method.DESCRIPTOR
_TARGET = job_options_pb2.JobSignal.Target.DESCRIPTOR

MESSAGES: Mapping[str, Reader] = {
    "google.protobuf.Timestamp": moment,
    "google.protobuf.Duration": length,
    "hpcagent.v1.TimeLimit": _time_limit,
    "hpcagent.v1.Gres": _gres,
    "hpcagent.v1.NodeCount": _node_count,
    "hpcagent.v1.CpuFrequency": _cpu_freq,
    "hpcagent.v1.Distribution": _distribution,
    "hpcagent.v1.JobSignal": _signal,
    "hpcagent.v1.Switches": _switches,
    "hpcagent.v1.MemoryUpdate": _mem_update,
}
"""Message types that the domain has a form for, by full name; Dependency is another."""


# ---------------------------------------------------------------------- dependencies

_TERM_TYPE = job_options_pb2.DependencyTerm.Type.DESCRIPTOR


def _dependency_in(cluster: str) -> Reader:
    """Return the reader of a dependency on jobs of the agent's cluster."""

    def dependency(
        message: job_options_pb2.Dependency, path: str, faults: Faults
    ) -> Dependency | None:
        form = message.WhichOneof("form")
        if form == "expression":
            return Dependency(expression=message.expression)
        terms = message.terms.terms
        if not terms:
            said = "is empty: give expression, or at least one of terms"
            faults.append(Violation(path, said, "REQUIRED"))
            return None
        where = [f"{path}.terms.terms[{index}]" for index in range(len(terms))]
        read = [_term(t, at, cluster, faults) for t, at in zip(terms, where, strict=True)]
        known = tuple(term for term in read if term is not None)
        return Dependency(terms=known, any=message.terms.any) if len(known) == len(terms) else None

    return dependency


def _term(
    message: job_options_pb2.DependencyTerm, path: str, cluster: str, faults: Faults
) -> DependencyTerm | None:
    noted = len(faults)
    kind = word(_TERM_TYPE, message.type, f"{path}.type", faults)
    jobs = [
        _job(job, f"{path}.jobs[{index}]", cluster, faults)
        for index, job in enumerate(message.jobs)
    ]
    delay = length(message.delay, f"{path}.delay", faults) if message.HasField("delay") else None
    if kind is None or len(faults) > noted:
        return None
    return DependencyTerm(kind, tuple(jobs), delay)


def _job(message: job_pb2.JobId, path: str, cluster: str, faults: Faults) -> str:
    """Read a job as a dependency names it. There ``123+1`` is no component: it means a delay."""
    read = job_id(message, path, cluster, faults)
    if read is not None and read.het_job_offset is not None:
        said = f"is component {read}: give the component's own number, Job.raw_job_id"
        faults.append(Violation(path, said, "JOB_ID_FORM"))
    return str(read)
