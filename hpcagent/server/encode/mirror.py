"""Messages that mirror the domain's dataclasses, field by field.

What tells about a cluster has hundreds of fields, and the domain names them as the contract does.
So the contract's own descriptors are the table: they tell what each field's value becomes. None is
unset; ``math.inf`` as a limit of time is no limit; the name of an enum's member has a prefix.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from enum import Enum
from typing import Any, TypeVar

from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from hpcagent.server.encode import values
from hpcagent.server.encode.jobs import time_limit

Mirror = TypeVar("Mirror", bound=Message)

_MADE: Mapping[str, Callable[[Any], Message | None]] = {
    "google.protobuf.Timestamp": values.timestamp,
    "google.protobuf.Duration": values.duration,
    "hpcagent.v1.TimeLimit": time_limit,
}
"""What is a number in the domain and a message in the contract."""


def message(kind: type[Mirror], value: Any) -> Mirror:  # noqa: ANN401 - any of the domain's records
    """Return the message of a dataclass whose fields are all the message's."""
    found = {}
    for field in fields(value):
        descriptor = kind.DESCRIPTOR.fields_by_name[field.name]
        given = getattr(value, field.name)
        if given is not None:
            found[field.name] = _written(descriptor, given)
    return kind(**found)


def messages(kind: type[Mirror], items: Iterable[object]) -> list[Mirror]:
    """Return the message of each."""
    return [message(kind, item) for item in items]


def _written(field: Any, given: Any) -> Any:  # noqa: ANN401 - as the field has it
    if isinstance(given, Mapping):
        return {values.text(key): values.text(value) for key, value in given.items()}
    if field.is_repeated:
        return [_single(field, one) for one in given]
    return _single(field, given)


def _single(field: Any, given: Any) -> Any:  # noqa: ANN401 - as the field has it
    if field.enum_type is not None:
        return _number(field.enum_type, given)
    if field.message_type is None:
        return values.text(given) if isinstance(given, str) else given
    made = _MADE.get(field.message_type.full_name)
    if made is not None:
        return made(given)
    return message(GetMessageClass(field.message_type), given)


def _number(enum: EnumDescriptor, member: Enum) -> int:
    prefix = enum.values[0].name.removesuffix("UNSPECIFIED")
    return enum.values_by_name[prefix + member.name].number
