"""Fields that a newer client sends and this release's contract does not have.

protobuf parses over them in silence. Here that would run another job than was asked for, or cancel
more of them: so they are refused, by number, since their names are not known.
"""

from collections.abc import Iterator

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from hpcagent.jobs.errors import Violation


def unknown_fields(message: Message, path: str = "") -> Iterator[Violation]:
    """Find the unknown fields of a message and of the messages in it.

    Maps are left to whoever reads their keys.
    """
    unknown = UnknownFieldSet(message)
    for number in {unknown[index].field_number for index in range(len(unknown))}:
        said = f"{message.DESCRIPTOR.name} has no field {number} in this release of hpcagent"
        yield Violation(_join(path, str(number)), said, "UNKNOWN_FIELD")
    for field, value in message.ListFields():
        if field.message_type is None or _is_map(field):
            continue
        if field.is_repeated:
            for index, item in enumerate(value):
                yield from unknown_fields(item, f"{_join(path, field.name)}[{index}]")
        else:
            yield from unknown_fields(value, _join(path, field.name))


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
