"""Who a task's user is: as NSS has it, or, where this host knows no users, as the request says.

NSS is asked in processes of their own (``lookup``): one that does not answer by the deadline is
ended, and costs its own request only.
"""

import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

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

_NAME = re.compile(r"[^\s/:\x00-\x1f\x7f]{1,256}")
PROCESSES = 4
"""How many questions may be open at once."""


class LookupFailedError(AgentError):
    """NSS could not be asked; nothing was changed."""

    kind = Kind.UNAVAILABLE
    reason = "USER_LOOKUP_FAILED"


@dataclass(eq=False, slots=True)
class Helper:
    """A process that asks NSS, and our end of the socket to it."""

    process: subprocess.Popen[bytes]
    socket: socket.socket

    def ask(self, claim: Claim, deadline: Deadline) -> Facts:
        """Return what NSS knows. Raises OSError, TimeoutError among them."""
        self.socket.settimeout(max(deadline.remaining(), 0.001))
        self.socket.sendall(msgspec.json.encode(claim) + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            self.socket.settimeout(max(deadline.remaining(), 0.001))
            part = self.socket.recv(65536)
            if not part:
                raise ConnectionResetError("the process that asks NSS has ended")
            answer += part
        return msgspec.json.decode(answer, type=Facts)

    def end(self) -> None:
        """End it, whatever it does."""
        self.socket.close()
        self.process.kill()
        self.process.wait()


class NssUsers:
    """Users as the host's name services have them."""

    def __init__(self, policy: IdentityPolicy) -> None:
        self._policy = policy
        self._slots = threading.Semaphore(PROCESSES)
        self._lock = threading.Lock()
        self._idle: list[Helper] = []

    def identify(self, claim: Claim, home: str, deadline: Deadline) -> Identity:  # noqa: ARG002 - the policy judges it
        """Return who a claim means. Raises InvalidRequest, Forbidden."""
        with self._helper(deadline) as helper:
            facts = helper.ask(claim, deadline)
        return settle(claim, facts, self._policy)

    def close(self) -> None:
        """End the processes that wait for a question."""
        with self._lock:
            idle, self._idle = self._idle, []
        for helper in idle:
            helper.end()

    @contextmanager
    def _helper(self, deadline: Deadline) -> Iterator[Helper]:
        if not self._slots.acquire(timeout=deadline.remaining()):
            raise DeadlineExceeded("the name services have not answered earlier questions yet")
        try:
            helper = self._take()
            try:
                yield helper
            except OSError as error:
                helper.end()
                raise _failure(error) from error
            except BaseException:
                helper.end()
                raise
            with self._lock:
                self._idle.append(helper)
        finally:
            self._slots.release()

    def _take(self) -> Helper:
        with self._lock:
            return self._idle.pop() if self._idle else start()


def start() -> Helper:
    """Start a process that asks NSS."""
    ours, theirs = socket.socketpair()
    module = ["-m", "hpcagent.k8s.lookup", str(theirs.fileno())]
    with theirs:
        process = subprocess.Popen(  # noqa: S603 - this Python, our own module, no shell
            [sys.executable, "-P", *module],
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
    return Helper(process, ours)


def _failure(error: OSError) -> AgentError:
    if isinstance(error, TimeoutError):
        return DeadlineExceeded("the name services did not answer in time")
    return LookupFailedError(f"the name services cannot be asked: {error}", retry_after=1.0)


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
        if claim.group_id == 0:
            said = "gid 0 is not given away where the request alone says who is in it"
            fault = Violation("group_id", said, "GROUP_NOT_SERVED")
            raise Forbidden(said, reason=fault.reason, violations=[fault])
        user = User(claim.user_id, claim.user, claim.group_id)
        group = Group(claim.group_id, claim.group)
        facts = Facts(user, user, group, group, group, (claim.group_id,))
        return settle(claim, facts, self._policy)
