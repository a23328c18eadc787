"""The audit trail: who had the agent do what, as whom, and what came of it.

Every change is told twice, before it is tried and after, so that a crash in between leaves a trace.
Scripts, environments and secrets never appear: a digest tells what was asked for, to be compared
with what the caller claims to have sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

log = structlog.get_logger("audit")


@dataclass(frozen=True, slots=True)
class Mutation:
    """A change that a caller asks for."""

    verb: str
    """``submit``, ``cancel``..."""
    peer: str
    """The caller, as far as the transport knows it."""
    request_id: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)
    """What it is about: user, target, digest, size... never contents."""


def intent(mutation: Mutation) -> None:
    """Tell that a change is about to be tried."""
    _entry(mutation).info("intent")


def outcome(mutation: Mutation, word: str, **facts: object) -> None:
    """Tell what came of it: ``done``, ``failed`` or ``unknown``."""
    _entry(mutation).info("outcome", outcome=word, **facts)


def _entry(mutation: Mutation) -> structlog.typing.FilteringBoundLogger:
    entry: structlog.typing.FilteringBoundLogger = log.bind(
        verb=mutation.verb,
        peer=mutation.peer,
        request_id=mutation.request_id,
        **mutation.facts,
    )
    return entry
