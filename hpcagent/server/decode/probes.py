"""Probe: how Kubernetes is to find out whether a container fares well."""

from collections.abc import Callable, Mapping
from typing import Any

from hpcagent.jobs import task as domain
from hpcagent.jobs.errors import Violation
from hpcagent.server.decode.values import Faults, whole
from hpcagent.v1 import k8s_agent_pb2

HANDLERS: Mapping[str, Callable[[Any], domain.ProbeHandler]] = {
    "exec": lambda message: domain.ExecAction(tuple(message.command)),
    "http_get": lambda message: domain.HttpGetAction(
        message.port, message.path, message.https, dict(message.headers)
    ),
    "tcp_port": domain.TcpAction,
    "grpc": lambda message: domain.GrpcAction(message.port, message.service),
}
"""How each form of Probe's handler is read, by the name of its field."""


def probe(
    request: k8s_agent_pb2.SubmitTaskRequest, name: str, faults: Faults
) -> domain.Probe | None:
    """Read one of a request's probes; None if it has not got it, or cannot be read."""
    if not request.HasField(name):  # type: ignore[arg-type] # the stubs want a literal
        return None
    message: k8s_agent_pb2.Probe = getattr(request, name)
    form = message.WhichOneof("handler")
    if form is None:
        said = "is empty: give exec, http_get, tcp_port or grpc"
        faults.append(Violation(name, said, "REQUIRED"))
        return None
    return domain.Probe(
        handler=HANDLERS[form](getattr(message, form)),
        initial_delay=whole(message, "initial_delay", name, faults),
        period=whole(message, "period", name, faults),
        timeout=whole(message, "timeout", name, faults),
        success_threshold=message.success_threshold,
        failure_threshold=message.failure_threshold,
    )
