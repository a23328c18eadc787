"""What is wrong with the ports and probes of a task."""

import re

from hpcagent.config import kubernetes_names as names
from hpcagent.jobs.errors import Violation
from hpcagent.jobs.task import ExecAction, GrpcAction, HttpGetAction, Probe, TaskSpec, TcpAction
from hpcagent.k8s.paths import control_characters
from hpcagent.k8s.rules.faults import Found, formed, once, ranged, required

LAST_PORT = 65535
MAX_SECONDS = 86400
MAX_TRIES = 1_000_000
_HEADER = re.compile("[-A-Za-z0-9]+")


def check(spec: TaskSpec) -> Found:
    """Find everything that is wrong."""
    yield from _endpoints(spec)
    for name in ("liveness_probe", "readiness_probe", "startup_probe"):
        if (probe := getattr(spec, name)) is not None:
            yield from _probe(name, probe)
            if name != "readiness_probe" and probe.success_threshold not in {0, 1}:
                said = f"is {probe.success_threshold}; it must be 1 here"
                yield Violation(f"{name}.success_threshold", said, "OUT_OF_RANGE")


def _endpoints(spec: TaskSpec) -> Found:
    for index, one in enumerate(spec.endpoints):
        path = f"endpoints[{index}]"
        yield from required(f"{path}.name", one.name)
        yield from formed(f"{path}.name", one.name, names.dns_label)
        yield from ranged(f"{path}.target_port", one.target_port, 1, LAST_PORT)
        yield from ranged(f"{path}.source_port", one.source_port, 0, LAST_PORT)
    many = list(enumerate(spec.endpoints))
    yield from once((f"endpoints[{index}].name", one.name) for index, one in many)
    yield from once(
        (f"endpoints[{index}].source_port", f"{one.protocol} {one.port}") for index, one in many
    )


def _probe(path: str, probe: Probe) -> Found:
    yield from _handler(path, probe)
    yield from ranged(f"{path}.initial_delay", probe.initial_delay, 0, MAX_SECONDS)
    yield from ranged(f"{path}.period", probe.period, 1, MAX_SECONDS)
    yield from ranged(f"{path}.timeout", probe.timeout, 1, MAX_SECONDS)
    yield from ranged(f"{path}.success_threshold", probe.success_threshold, 0, MAX_TRIES)
    yield from ranged(f"{path}.failure_threshold", probe.failure_threshold, 0, MAX_TRIES)


def _handler(path: str, probe: Probe) -> Found:
    match probe.handler:
        case ExecAction(command):
            yield from required(f"{path}.exec.command", "".join(command[:1]))
        case HttpGetAction(port, where, _, headers):
            yield from ranged(f"{path}.http_get.port", port, 1, LAST_PORT)
            if where and not where.startswith("/"):
                yield Violation(f"{path}.http_get.path", "must begin with /", "PATH_FORM")
            yield from formed(f"{path}.http_get.path", where, control_characters, "PATH_FORM")
            for name, value in headers.items():
                at = f'{path}.http_get.headers["{name[:64]}"]'
                if not _HEADER.fullmatch(name):
                    said = "must be a name of letters, digits and -"
                    yield Violation(at, said, "NAME_FORM")
                yield from formed(at, value, control_characters, "HEADER_FORM")
        case TcpAction(port):
            yield from ranged(f"{path}.tcp_port", port, 1, LAST_PORT)
        case GrpcAction(port):
            yield from ranged(f"{path}.grpc.port", port, 1, LAST_PORT)
