"""Changes are audited: intent before, outcome after."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from hpcagent import audit
from hpcagent.jobs.errors import AgentError, OutcomeUnknown


@contextmanager
def audited(mutation: audit.Mutation) -> Iterator[dict[str, object]]:
    """Audit what happens inside; facts about the outcome go into the dictionary yielded.

    They are also bound for the call's own log line.
    """
    audit.intent(mutation)
    facts: dict[str, object] = {}
    try:
        yield facts
    except OutcomeUnknown as error:
        audit.outcome(mutation, "unknown", reason=error.reason)
        raise
    except AgentError as error:
        audit.outcome(mutation, "failed", reason=error.reason)
        raise
    except BaseException as error:
        # Nobody foresaw it, so nobody knows whether it came before or after the change.
        audit.outcome(mutation, "unknown", reason=type(error).__name__)
        raise
    audit.outcome(mutation, "done", **facts)
    structlog.contextvars.bind_contextvars(**facts)
