"""What a setting accepts, said in words: for whoever is refused, and for the documentation.

Both are read off the types of ``model``, so that neither can say something else than what is
checked.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, get_args, get_origin

import msgspec
from msgspec import inspect

_LONGEST = 60


def expected(kind: Any) -> str:  # noqa: ANN401 - an annotation
    """Say what a setting of this type accepts."""
    if get_origin(kind) is Literal:  # in our order; msgspec sorts them
        return _either(map(shown, get_args(kind)))
    return _of(inspect.type_info(kind))


def shown(value: object) -> str:
    """Write a value as the file would have it, clipped."""
    text = str(value) if isinstance(value, float) else msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def table_of(kind: Any) -> type[msgspec.Struct] | None:  # noqa: ANN401 - an annotation
    """Return the structure of a table, of a list of tables or of named tables; None: no table."""
    inner = get_args(kind) if get_origin(kind) in {tuple, Mapping} else (kind,)
    return next(
        (one for one in inner if isinstance(one, type) and issubclass(one, msgspec.Struct)), None
    )


def _of(kind: inspect.Type) -> str:
    return _WORDS[type(kind)](kind)


def _either(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def _both(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}"


def _integer(kind: inspect.IntType) -> str:
    return f"an integer from {kind.ge}" + ("" if kind.le is None else f" to {kind.le}")


_WORDS: Mapping[type[inspect.Type], Callable[[Any], str]] = {
    inspect.BoolType: lambda _: "true or false",
    inspect.DictType: lambda kind: f"a table of {_of(kind.key_type)} with {_of(kind.value_type)}",
    inspect.FloatType: lambda kind: f"a number above {kind.gt} and up to {kind.le}",
    inspect.FrozenSetType: lambda kind: f"a list, each item {_of(kind.item_type)}",
    inspect.IntType: _integer,
    inspect.LiteralType: lambda kind: _either(map(shown, kind.values)),
    inspect.Metadata: lambda kind: kind.extra_json_schema["description"],
    inspect.StrType: lambda _: "a string",
    inspect.StructType: lambda kind: f"a table of {_both(f.name for f in kind.fields)}",
    inspect.UnionType: lambda kind: _either(map(_of, kind.types)),
    inspect.VarTupleType: lambda kind: f"a list, each item {_of(kind.item_type)}",
}
