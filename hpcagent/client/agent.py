"""One connection to one agent."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2

from hpcagent.client.failures import AgentFailure, CannotConnectError, Fault, failure, lost
from hpcagent.v1 import slurm_agent_pb2

SERVICE = slurm_agent_pb2.DESCRIPTOR.services_by_name["SlurmAgent"]
_HEALTH = "/grpc.health.v1.Health/Check"
"""A call that every agent answers, and that changes nothing."""
_SILENT = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


@dataclass(frozen=True, slots=True)
class Connection:
    """Where an agent is, and how to reach it. Without any file for TLS in plaintext."""

    address: str
    """``unix:/path`` or ``host:port``."""
    ca: str = ""
    """Empty, but with another of the files: whom the system trusts."""
    certificate: str = ""
    key: str = ""
    timeout: float = 60.0
    """Seconds that a call may take; one that follows something may take for ever."""


class Agent:
    """Calls an agent's methods by their names. Requests and answers are mappings."""

    def __init__(self, connection: Connection) -> None:
        self._address = connection.address
        self._timeout = connection.timeout
        self._channel = _channel(connection)

    def __enter__(self) -> Self:
        """Find out that there is an agent: whatever fails later may have reached it."""
        try:
            self._greet()
        except grpc.RpcError as error:
            if error.code() in _SILENT:
                self._channel.close()
                said = f"no agent answers at {self._address}: {error.details()}"
                raise AgentFailure("UNAVAILABLE", "NO_AGENT", said, ()) from error
        return self

    def _greet(self) -> None:
        ask = self._channel.unary_unary(
            _HEALTH,
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        ask(health_pb2.HealthCheckRequest(), timeout=self._timeout)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._channel.close()

    def call(self, method: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Ask, and return the answer. Raises AgentFailure.

        A request that has a ``request_id`` may have been carried out though no answer came: that
        failure's ``request_id`` finds it out.
        """
        described = SERVICE.methods_by_name[method]
        ask = self._channel.unary_unary(
            _path(described),
            request_serializer=_serialized,
            response_deserializer=GetMessageClass(described.output_type).FromString,
        )
        message, mark = _message(described, request), _mark(request)
        try:
            return _mapping(ask(message, timeout=self._timeout))
        except grpc.RpcError as error:
            raise failure(error, mark) from error
        except KeyboardInterrupt:
            if mark:
                raise lost("interrupted before the answer came", mark) from None
            raise

    def stream(self, method: str, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Ask, and yield the answers as they come. Raises AgentFailure."""
        described = SERVICE.methods_by_name[method]
        ask = self._channel.unary_stream(
            _path(described),
            request_serializer=_serialized,
            response_deserializer=GetMessageClass(described.output_type).FromString,
        )
        with _told():
            for answer in ask(_message(described, request)):
                yield _mapping(answer)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except grpc.RpcError as error:
        raise failure(error) from error


def _channel(connection: Connection) -> grpc.Channel:
    files = (connection.ca, connection.key, connection.certificate)
    if not any(files):
        return grpc.insecure_channel(connection.address)
    if bool(connection.key) != bool(connection.certificate):
        raise CannotConnectError(
            "a certificate and its key belong together: one of them is missing"
        )
    contents = [_pem(Path(file)) if file else None for file in files]
    return grpc.secure_channel(connection.address, grpc.ssl_channel_credentials(*contents))


def _pem(file: Path) -> bytes:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise CannotConnectError(f"{file}: {error.strerror}") from error
    if b"-----BEGIN " not in content:
        raise CannotConnectError(f"{file}: is no PEM")
    return content


def _path(method: MethodDescriptor) -> str:
    return f"/{SERVICE.full_name}/{method.name}"


def _mark(request: Mapping[str, Any]) -> str:
    """Return the id by which it can be found out what became of a request; empty: it has none."""
    return "" if request.get("validate_only") else str(request.get("request_id", ""))


def _message(method: MethodDescriptor, request: Mapping[str, Any]) -> Message:
    message = GetMessageClass(method.input_type)()
    try:
        return json_format.ParseDict(dict(request), message)
    except json_format.ParseError as error:
        fault = Fault(method.input_type.name, str(error), "FORM")
        raise AgentFailure("INVALID_ARGUMENT", "INVALID_REQUEST", str(error), (fault,)) from error


def _serialized(message: Message) -> bytes:
    return message.SerializeToString()


def _mapping(message: Message) -> dict[str, Any]:
    """Return a message with all its fields, so that what is zero or empty is there too."""
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
