"""What a watcher is told, and from which changes it follows."""

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from hpcagent.jobs.matching import Matcher
from hpcagent.jobs.model import Job, JobState
from hpcagent.jobs.watch.log import Change
from hpcagent.jobs.watch.tokens import Position, Tokens


class EventKind(enum.Enum):
    """What happened; named as the fields of JobEvent are."""

    SNAPSHOT = enum.auto()
    """The job matched when the watch began."""
    SNAPSHOT_END = enum.auto()
    """The snapshot is complete."""
    CHANGED = enum.auto()
    """The job is new, or has changed."""
    GONE = enum.auto()
    """The job has left the filter or the backend's memory; this is its last state."""
    BOOKMARK = enum.auto()
    """Nothing happened."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a watch. All kinds but SNAPSHOT_END and BOOKMARK have a job."""

    kind: EventKind
    token: str
    """Resumes the watch behind this event."""
    as_of_time: float
    """When the backend had it so, in seconds since the epoch."""
    job: Job | None = None


def of_changes(
    changes: Iterable[Change], matches: Matcher, tokens: Tokens, key: str | None = None
) -> list[Event]:
    """Return what a filter lets through of some changes.

    ``key`` is that of the last job of a snapshot that is still to be completed.
    """
    return [
        Event(kind, tokens.write(Position(change.number, key)), change.job.as_of_time, change.job)
        for change in changes
        if (kind := _kind(change, matches)) is not None
    ]


def _kind(change: Change, matches: Matcher) -> EventKind | None:
    matched = change.before is not None and matches(change.before)
    matching = matches(change.job)
    if change.gone:
        return EventKind.GONE if matched or matching else None
    if matching:
        return EventKind.CHANGED
    return EventKind.GONE if matched else None


def snapshot(
    jobs: Iterable[tuple[str, Job]], number: int, as_of: float, tokens: Tokens
) -> Iterator[Event]:
    """Yield matching jobs, in the order of their keys, as they are behind a change."""
    for key, job in jobs:
        token = tokens.write(Position(number, key))
        yield Event(EventKind.SNAPSHOT, token, as_of, aged(job, as_of))
    yield Event(EventKind.SNAPSHOT_END, tokens.write(Position(number)), as_of)


def aged(job: Job, as_of: float) -> Job:
    """Return a job that has not changed since as it is now: only its run time has grown."""
    grown = max(0.0, as_of - job.as_of_time) if job.state is JobState.RUNNING else 0.0
    return replace(job, as_of_time=max(as_of, job.as_of_time), run_time=job.run_time + grown)
