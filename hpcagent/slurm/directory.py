"""Users and groups: who a request means, and what jobs' owners are called.

NSS is asked in a worker, where it may hang without harm, and its answers are kept for a short
while: a scheduler that submits for the same users all day should not ask LDAP for each job.
"""

import threading
import time
from collections.abc import Callable, Hashable, Iterable
from typing import Any, Generic, TypeVar

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import Forbidden, InvalidRequest, Violation
from hpcagent.jobs.identity import Claim, Facts, Group, Identity, IdentityPolicy, User, settle
from hpcagent.jobs.model import Job
from hpcagent.slurm.client import Client
from hpcagent.slurm.states import Names

KEEP_SECONDS = 60.0
"""How long an answer is kept. A user who loses a group keeps it here for so long."""
_MOST = 10_000
"""Most answers kept of each kind."""

_Question = TypeVar("_Question", bound=Hashable)
_Answer = TypeVar("_Answer")


class Cache(Generic[_Question, _Answer]):
    """Answers by question, for a while."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[_Question, tuple[float, _Answer]] = {}

    def get(self, question: _Question) -> _Answer | None:
        """Return a kept answer, or None."""
        with self._lock:
            until, answer = self._kept.get(question, (0.0, None))
        return answer if time.monotonic() < until else None

    def put(self, question: _Question, answer: _Answer) -> None:
        """Keep an answer."""
        with self._lock:
            if len(self._kept) >= _MOST:
                self._kept.clear()
            self._kept[question] = (time.monotonic() + KEEP_SECONDS, answer)


class Directory:
    """Asks NSS through the workers."""

    def __init__(self, client: Client, policy: IdentityPolicy) -> None:
        self._client = client
        self._policy = policy
        self._claims: Cache[Claim, Identity] = Cache()
        self._users: Cache[int, str] = Cache()
        self._groups: Cache[int, str] = Cache()

    def identify(self, claim: Claim, deadline: Deadline) -> Identity:
        """Return who a claim means. Raises InvalidRequest, Forbidden."""
        identity = self._claims.get(claim)
        if identity is None:
            identity = settle(claim, self.facts(claim, deadline), self._policy)
            self._claims.put(claim, identity)
        return identity

    def owner(self, job: Job, deadline: Deadline) -> Identity:
        """Return a job's user. Raises Forbidden if the agent does not act for that one."""
        try:
            return self.identify(Claim(user_id=job.user_id), deadline)
        except (InvalidRequest, Forbidden) as error:
            reason = error.violations[0].reason
            blamed = Violation("job_id", f"its user: {error.message}", reason)
            raise Forbidden(error.message, reason=reason, violations=[blamed]) from error

    def names(self, uids: Iterable[int], gids: Iterable[int], deadline: Deadline) -> Names:
        """Return the names that users and groups have."""
        users, unknown_users = _kept(self._users, uids)
        groups, unknown_groups = _kept(self._groups, gids)
        if unknown_users or unknown_groups:
            found = self._client.call("names", deadline, uids=unknown_users, gids=unknown_groups)
            users |= _keep(self._users, unknown_users, found["users"])
            groups |= _keep(self._groups, unknown_groups, found["groups"])
        return Names(users, groups)

    def facts(self, claim: Claim, deadline: Deadline) -> Facts:
        """Return what NSS knows of a claim at this moment."""
        asked = {
            "user_id": claim.user_id,
            "user": claim.user,
            "group_id": claim.group_id,
            "group": claim.group,
        }
        said = self._client.call("resolve", deadline, claim=asked)
        return Facts(
            by_uid=_made(User, said["by_uid"]),
            by_name=_made(User, said["by_name"]),
            by_gid=_made(Group, said["by_gid"]),
            by_group=_made(Group, said["by_group"]),
            primary=_made(Group, said["primary"]),
            groups=tuple(said["groups"]),
        )


def _made(kind: Callable[..., _Answer], said: dict[str, Any] | None) -> _Answer | None:
    return None if said is None else kind(**said)


def _kept(cache: Cache[int, str], numbers: Iterable[int]) -> tuple[dict[int, str], list[int]]:
    """Return the names that are kept, and the numbers to ask for."""
    names: dict[int, str] = {}
    unknown: list[int] = []
    for number in set(numbers):
        name = cache.get(number)
        if name is None:
            unknown.append(number)
        else:
            names[number] = name
    return names, unknown


def _keep(cache: Cache[int, str], asked: list[int], found: dict[int, str]) -> dict[int, str]:
    """Keep what was found; that a number has no name is kept too, as an empty one."""
    names = {number: found.get(number, "") for number in asked}
    for number, name in names.items():
        cache.put(number, name)
    return names
