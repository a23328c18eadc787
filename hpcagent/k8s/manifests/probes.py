"""Probes as Kubernetes has them (v1.Probe)."""

from typing import Any

from hpcagent.jobs.task import ExecAction, GrpcAction, HttpGetAction, Probe, TcpAction


def probe(wanted: Probe) -> dict[str, Any]:
    """Return a probe; what the request leaves to Kubernetes is left out."""
    numbers = {
        "initialDelaySeconds": wanted.initial_delay,
        "periodSeconds": wanted.period,
        "timeoutSeconds": wanted.timeout,
        "successThreshold": wanted.success_threshold or None,
        "failureThreshold": wanted.failure_threshold or None,
    }
    given = {name: number for name, number in numbers.items() if number is not None}
    return {**_handler(wanted), **given}


def _handler(wanted: Probe) -> dict[str, Any]:
    match wanted.handler:
        case ExecAction(command):
            return {"exec": {"command": list(command)}}
        case HttpGetAction(port, path, https, headers):
            action: dict[str, Any] = {"port": port, "path": path or "/"}
            if https:
                action["scheme"] = "HTTPS"
            if headers:
                listed = [{"name": name, "value": headers[name]} for name in sorted(headers)]
                action["httpHeaders"] = listed
            return {"httpGet": action}
        case TcpAction(port):
            return {"tcpSocket": {"port": port}}
        case GrpcAction(port, service):
            return {"grpc": {"port": port, **({"service": service} if service else {})}}
