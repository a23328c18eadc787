"""Who a task's user is: as NSS has it, or, where this host knows no users, as the request says.

NSS is asked in processes of their own (``lookup``): one that does not answer by the deadline is
ended, and costs its own request only.
"""

import re

import msgspec

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import (
    AgentError,
    DeadlineExceeded,
    Forbidden,
    InvalidRequest,
    Kind,
    Violation,
)
from hpcagent.jobs.identity import Claim, Facts, Group, Identity, IdentityPolicy, User, settle
from hpcagent.k8s.side_processes import AllBusyError, SideProcesses

_NAME = re.compile(r"[^\s/:\x00-\x1f\x7f]{1,256}")


class LookupFailedError(AgentError):
    """NSS could not be asked; nothing was changed."""

    kind = Kind.UNAVAILABLE
    reason = "USER_LOOKUP_FAILED"


class NssUsers:
    """Users as the host's name services have them."""

    def __init__(self, policy: IdentityPolicy) -> None:
        self._policy = policy
        self._processes = SideProcesses("hpcagent.k8s.lookup")

    def identify(self, claim: Claim, home: str, deadline: Deadline) -> Identity:  # noqa: ARG002 - the policy judges it
        """Return who a claim means. Raises InvalidRequest, Forbidden."""
        return settle(claim, self._ask(claim, deadline), self._policy)

    def close(self) -> None:
        """End the processes that wait for a question."""
        self._processes.close()

    def _ask(self, claim: Claim, deadline: Deadline) -> Facts:
        try:
            answer = self._processes.ask(msgspec.json.encode(claim), deadline)
        except AllBusyError as error:
            said = "the name services have not answered earlier questions yet"
            raise DeadlineExceeded(said) from error
        except TimeoutError as error:
            raise DeadlineExceeded("the name services did not answer in time") from error
        except OSError as error:
            said = f"the name services cannot be asked: {error}"
            raise LookupFailedError(said, retry_after=1.0) from error
        return msgspec.json.decode(answer, type=Facts)


class RequestUsers:
    """Users as requests describe them, for a host that knows none of the site's users."""

    def __init__(self, policy: IdentityPolicy) -> None:
        self._policy = policy

    def close(self) -> None:
        """Nothing is kept."""

    def identify(self, claim: Claim, home: str, deadline: Deadline) -> Identity:  # noqa: ARG002 - nobody is asked
        """Return who a claim describes. Raises InvalidRequest, Forbidden."""
        given = {
            "user_id": claim.user_id,
            "group_id": claim.group_id,
            "user": claim.user,
            "group": claim.group,
            "home": home,
        }
        missing = [name for name, value in given.items() if value in (None, "")]
        if missing or claim.user_id is None or claim.group_id is None:
            said = "is required: the agent's host knows no users (users = request)"
            raise InvalidRequest([Violation(name, said, "REQUIRED") for name in missing])
        said = "must be a name without spaces, control characters, / and :"
        names = {"user": claim.user, "group": claim.group}
        faults = [
            Violation(field, said, "NAME_FORM")
            for field, name in names.items()
            if not _NAME.fullmatch(name)
        ]
        if faults:
            raise InvalidRequest(faults)
        user = User(claim.user_id, claim.user, claim.group_id)
        group = Group(claim.group_id, claim.group)
        facts = Facts(user, user, group, group, group, (claim.group_id,))
        identity = settle(claim, facts, self._policy)  # who is refused as a user is told so first
        if claim.group_id == 0:
            said = "gid 0 is not given away where the request alone says who is in it"
            fault = Violation("group_id", said, "GROUP_NOT_SERVED")
            raise Forbidden(said, reason=fault.reason, violations=[fault])
        return identity
