"""What the pods of a job tell: how its containers fare, and how they ended."""

from collections.abc import Iterable, Iterator
from typing import Any

from hpcagent.jobs.model import ExitStatus

_SIGNALLED = 128
"""An exit code above it is 128 and the number of a signal (bash(1), runc)."""
_LAST_SIGNAL = 64

OUT_OF_MEMORY = "OOMKilled"


def containers(pods: Iterable[Any]) -> Iterator[Any]:
    """Yield the statuses of all containers, those of init containers first."""
    for pod in pods:
        status = pod.get("status") or {}
        yield from status.get("initContainerStatuses") or ()
        yield from status.get("containerStatuses") or ()


def restarts(pods: Iterable[Any]) -> int:
    """Restarts of all containers, added up."""
    return sum(one.get("restartCount", 0) for one in containers(pods))


def terminations(pods: Iterable[Any]) -> list[Any]:
    """Ends of containers that are known, the latest first."""
    found = [
        one[state]["terminated"]
        for one in containers(pods)
        for state in ("state", "lastState")
        if "terminated" in (one.get(state) or {})
    ]
    return sorted(found, key=lambda end: end.get("finishedAt") or "", reverse=True)


def exit_status(end: Any) -> ExitStatus:  # noqa: ANN401 - JSON
    """How a container ended; the kernel's signal is told from the exit code, as a shell does."""
    code = end.get("exitCode", 0)
    signal = end.get("signal", 0)
    if not signal and _SIGNALLED < code <= _SIGNALLED + _LAST_SIGNAL:
        signal = code - _SIGNALLED
    return ExitStatus(code, signal)


def is_ending(thing: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether an object is being deleted."""
    return "deletionTimestamp" in thing["metadata"]


def condition(thing: Any, kind: str) -> Any:  # noqa: ANN401 - JSON
    """Return a condition of an object; empty if it has none of that type."""
    listed = (thing.get("status") or {}).get("conditions") or ()
    return next((one for one in listed if one["type"] == kind), {})


def is_true(thing: Any, kind: str) -> bool:  # noqa: ANN401 - JSON
    """Whether a condition of an object holds."""
    return bool(condition(thing, kind).get("status") == "True")
