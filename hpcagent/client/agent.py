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

from hpcagent.client.failures import AgentFailure, CannotConnectError, Fault, failure
from hpcagent.v1 import slurm_agent_pb2

SERVICE = slurm_agent_pb2.DESCRIPTOR.services_by_name["SlurmAgent"]


@dataclass(frozen=True, slots=True)
class Connection:
    """Where an agent is, and how to reach it. Without TLS files in plaintext."""

    address: str
    """``unix:/path`` or ``host:port``."""
    ca: str = ""
    certificate: str = ""
    key: str = ""
    timeout: float = 60.0
    """Seconds that a call may take; one that follows something may take for ever."""


class Agent:
    """Calls an agent's methods by their names. Requests and answers are mappings."""

    def __init__(self, connection: Connection) -> None:
        self._timeout = connection.timeout
        self._channel = _channel(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._channel.close()

    def call(self, method: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Ask, and return the answer. Raises AgentFailure."""
        described = SERVICE.methods_by_name[method]
        ask = self._channel.unary_unary(
            _path(described),
            request_serializer=_serialized,
            response_deserializer=GetMessageClass(described.output_type).FromString,
        )
        with _told():
            return _mapping(ask(_message(described, request), timeout=self._timeout))

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
    if not connection.ca:
        return grpc.insecure_channel(connection.address)
    files = (connection.ca, connection.key, connection.certificate)
    try:
        contents = [Path(file).read_bytes() if file else None for file in files]
    except OSError as error:
        raise CannotConnectError(f"{error.filename}: {error.strerror}") from error
    return grpc.secure_channel(connection.address, grpc.ssl_channel_credentials(*contents))


def _path(method: MethodDescriptor) -> str:
    return f"/{SERVICE.full_name}/{method.name}"


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
