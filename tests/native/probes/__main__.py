"""The child's side of native.child: a call a line on stdin, an answer a line on stdout."""

import dataclasses
import importlib
import json
import sys
from collections.abc import Mapping
from typing import Any


def plain(value: object) -> object:
    """What JSON has no word for, as something that it has one for."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a probe returned {type(value).__name__}")


def outcome(function: str, arguments: list[Any], keywords: dict[str, Any]) -> dict[str, object]:
    """Call the function and tell what came of it."""
    module, _, name = function.rpartition(":")
    try:
        target = getattr(importlib.import_module(module or "_slurm"), name)
        returned = target(*arguments, **keywords) if callable(target) else target
    except Exception as error:  # noqa: BLE001 - it is the answer
        about = {"kind": type(error).__name__, "text": str(error), "attributes": vars(error)}
        return {"raised": about}
    return {"returned": returned}


for line in sys.stdin:
    sys.stdout.write(json.dumps(outcome(*json.loads(line)), default=plain) + "\n")
    sys.stdout.flush()
