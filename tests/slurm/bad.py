"""What a bad request is, and who refuses it: the words of which `bad_requests` is made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from grpc import StatusCode

from hpcagent.jobs.errors import DOMAIN
from hpcagent.slurm.errors import DOMAIN as SLURM_DOMAIN

Fields = Mapping[str, Any]
"""Fields of the request in JSON's form; None is one that is not set; `.x` is option x."""
UNAVAILABLE = "ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class Bad:
    """One bad request, and how it is refused."""

    why: str
    asked: Fields
    blamed: Mapping[str, str] = field(default_factory=dict)
    """Every field that is to blame, with the violation's reason."""
    code: StatusCode = StatusCode.INVALID_ARGUMENT
    reason: str = "INVALID_REQUEST"
    domain: str = DOMAIN
    recorded: bool = False
    """slurmctld keeps a record, as of a job that failed at once: it found the flaw only after it
    had made the job (job_mgr.c, job_allocate)."""

    @property
    def fields(self) -> dict[str, Any]:
        """What is asked beside options."""
        return {name: value for name, value in self.asked.items() if not name.startswith(".")}

    @property
    def options(self) -> dict[str, Any]:
        """What is asked as options."""
        return {name[1:]: value for name, value in self.asked.items() if name.startswith(".")}

    @property
    def violations(self) -> dict[str, str]:
        """What is blamed, by path in the request."""
        prefix = 'options["slurm"]'
        return {
            prefix + name if name.startswith(".") else name: reason
            for name, reason in self.blamed.items()
        }


def forbidden(why: str, asked: Fields, blamed: Mapping[str, str]) -> Bad:
    """What the agent's policy refuses, by the reason of the first violation."""
    reason = next(iter(blamed.values()))
    return Bad(why, asked, blamed, StatusCode.PERMISSION_DENIED, reason)


def refused(why: str, asked: Fields, reason: str, blamed: str = "", code: str = "") -> Bad:
    """What slurmctld refuses; one field is to blame, or it cannot be told which."""
    violations = {blamed: reason} if blamed else {}
    kind = StatusCode[code] if code else StatusCode.INVALID_ARGUMENT
    return Bad(why, asked, violations, kind, reason, SLURM_DOMAIN)


def failed(why: str, asked: Fields) -> Bad:
    """What slurmctld refuses after it has made the job."""
    return Bad(
        why, asked, {}, StatusCode.INVALID_ARGUMENT, UNAVAILABLE, SLURM_DOMAIN, recorded=True
    )
