"""From a file to settings, or to everything that is wrong with it.

msgspec stops at the first fault that it meets; an operator who mends a file wants to see them all.
So each setting is converted by itself here.
"""

import difflib
import os
import stat
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import msgspec

from hpcagent.config.errors import ConfigError, Fault
from hpcagent.config.model import Config
from hpcagent.config.rules import judge
from hpcagent.config.words import expected, shown, table_of

_Table = TypeVar("_Table", bound=msgspec.Struct)


def load(file: Path) -> Config:
    """Read the settings from a TOML file. Raises ConfigError with every fault of it."""
    faults: list[Fault] = []
    config = _table(Config, _parse(file), "", faults)
    # A setting at fault has its default here, so that the rules can judge all the others.
    faults += judge(config)
    if faults:
        raise ConfigError(file, faults)
    return config


def exposure(file: Path) -> str:
    """Say why others could change the settings of this daemon; empty: they cannot."""
    status = file.stat()
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"{file} can be written by others (mode {stat.S_IMODE(status.st_mode):04o})"
    if status.st_uid not in {0, os.geteuid()}:
        return f"{file} belongs to uid {status.st_uid}, neither root nor the daemon's user"
    return ""


def changes(old: Config, new: Config) -> Iterator[str]:
    """Yield the path of every setting that differs."""
    for table in Config.__struct_fields__:
        before, after = getattr(old, table), getattr(new, table)
        for key in before.__struct_fields__:
            if getattr(before, key) != getattr(after, key):
                yield f"{table}.{key}"


def _parse(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_bytes().decode())
    except OSError as error:
        said = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError as error:
        said = f"is not UTF-8 (at line {error.object.count(10, 0, error.start) + 1})"
    except tomllib.TOMLDecodeError as error:
        said = f"is not TOML: {error}"
    raise ConfigError(file, [Fault("", said)])


def _table(model: type[_Table], given: Mapping[str, Any], path: str, faults: list[Fault]) -> _Table:
    """Make the structure of a table, leaving out what is at fault."""
    kinds = {field.name: field.type for field in msgspec.structs.fields(model)}
    values = {}
    for key, value in given.items():
        below = f"{path}.{key}" if path else key
        if key not in kinds:
            faults.append(Fault(below, _unknown(key, kinds)))
            continue
        read = _value(kinds[key], value, below, faults)
        if read is not None:
            values[key] = read
    return model(**values)


def _value(kind: Any, value: Any, path: str, faults: list[Fault]) -> Any:  # noqa: ANN401 - any setting
    """Read what a key is set to; None: nothing of it can be used."""
    model, many, noted = table_of(kind), get_origin(kind), len(faults)
    if model is None:
        faults += _blame(kind, value, path)
        return msgspec.convert(value, kind) if len(faults) == noted else None
    if many is tuple and isinstance(value, list):
        rows = [_value(model, item, f"{path}[{i}]", faults) for i, item in enumerate(value)]
        return tuple(rows) if len(faults) == noted else None
    if many is Mapping and isinstance(value, dict):
        # That a name is there counts even where its table is at fault: others may refer to it.
        return {
            name: _value(model, item, f"{path}.{name}", faults) or model()
            for name, item in value.items()
        }
    if many is None and isinstance(value, dict):
        return _table(model, value, path, faults)
    word = "a list of tables" if many is tuple else "a table"
    faults.append(Fault(path, f"expected {word}, got {shown(value)}"))
    return None


def _blame(kind: Any, value: object, path: str) -> Iterator[Fault]:  # noqa: ANN401 - an annotation
    """Yield what keeps a value from being of this type, down to the item that is at fault."""
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        if isinstance(value, dict) and get_origin(kind) is Mapping:
            yield from _blame_entries(kind, value, path)
        elif isinstance(value, list) and get_origin(kind) in {tuple, frozenset}:
            for index, item in enumerate(value):
                yield from _blame(get_args(kind)[0], item, f"{path}[{index}]")
        else:
            yield Fault(path, f"expected {expected(kind)}, got {shown(value)}")


def _blame_entries(kind: Any, table: Mapping[str, object], path: str) -> Iterator[Fault]:  # noqa: ANN401 - an annotation
    names, items = get_args(kind)
    for key, item in table.items():
        if names is str or key in get_args(names):
            yield from _blame(items, item, f"{path}.{key}")
        else:
            yield Fault(f"{path}.{key}", _unknown(key, get_args(names)))


def _unknown(key: str, known: Iterable[str]) -> str:
    folded = {name.lower(): name for name in known}
    near = difflib.get_close_matches(key.lower(), folded, n=1)
    hint = f"did you mean {folded[near[0]]}?" if near else f"known are {', '.join(known)}"
    return f"unknown key; {hint}"
