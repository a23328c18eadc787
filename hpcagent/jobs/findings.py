"""What ``hpcagent check`` finds about a backend: the answer to one question, and what to do."""

import enum
from dataclasses import dataclass


class State(enum.StrEnum):
    """How bad it is."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question."""

    check: str
    """What was looked at."""
    state: State
    said: str
    advice: str = ""
    """What to do about it."""
    misconfigured: bool = False
    """Only a change of the configuration or the installation mends it."""
