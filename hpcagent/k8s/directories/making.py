"""Asking a process to make or remove the directory of a task as its user."""

from collections.abc import Sequence

import msgspec

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import AgentError, DeadlineExceeded, Kind
from hpcagent.jobs.identity import Identity
from hpcagent.jobs.task import Stage
from hpcagent.jobs.work_dir import cannot_act, refusal
from hpcagent.k8s.directories.as_user import Order, Outcome
from hpcagent.k8s.paths import clean
from hpcagent.k8s.side_processes import AllBusyError, SideProcesses

FIELD, PARENTS = "task.stage.dir", "task.stage.parents"
"""What a request calls the directory, and the wish for its parents."""


class DirectoryNotReachedError(AgentError):
    """The process that makes directories could not be asked; no job was made."""

    kind = Kind.UNAVAILABLE
    reason = "WORK_DIR_NOT_REACHED"


class Directories:
    """Directories of the file system that this host shares with the nodes."""

    def __init__(self, roots: Sequence[str]) -> None:
        self._roots = tuple(clean(root) for root in roots)
        self._processes = SideProcesses("hpcagent.k8s.directories.as_user")

    def close(self) -> None:
        """End the processes."""
        self._processes.close()

    def make(self, stage: Stage, identity: Identity, deadline: Deadline) -> bool:
        """Make a task's directory; False if it is there already.

        Raises InvalidRequest, Forbidden, Refused, DeadlineExceeded.
        """
        path = clean(stage.dir)
        order = self._order(path, identity, mode=stage.mode, parents=stage.parents)
        outcome = self._do(order, deadline)
        if outcome.number:
            raise _failure(outcome)
        return outcome.made

    def remove(
        self, path: str, identity: Identity, deadline: Deadline, *, only_empty: bool = False
    ) -> None:
        """Remove a directory with all that is in it. Raises OSError (the system's), AgentError."""
        order = self._order(path, identity, operation="remove", only_empty=only_empty)
        outcome = self._do(order, deadline)
        if outcome.number and outcome.path:
            raise OSError(outcome.number, outcome.text, outcome.path)
        if outcome.number:
            raise cannot_act(outcome.text)

    def _order(
        self, path: str, identity: Identity, operation: str = "make", **how: bool | int
    ) -> Order:
        whole = {
            "operation": operation,
            "path": path,
            "roots": self._roots,
            "uid": identity.uid,
            "gid": identity.gid,
            "groups": identity.groups,
            **how,
        }
        return msgspec.convert(whole, Order)

    def _do(self, order: Order, deadline: Deadline) -> Outcome:
        try:
            answer = self._processes.ask(msgspec.json.encode(order), deadline)
        except AllBusyError as error:
            raise DeadlineExceeded("the file system has not answered earlier calls yet") from error
        except TimeoutError as error:
            raise DeadlineExceeded(f"{order.path} was not reached in time") from error
        except OSError as error:
            said = f"{order.path} cannot be reached: {error}"
            raise DirectoryNotReachedError(said, retry_after=1.0) from error
        return msgspec.json.decode(answer, type=Outcome)


def _failure(outcome: Outcome) -> AgentError:
    if not outcome.path:
        return cannot_act(outcome.text)
    return refusal(outcome.number, outcome.text, outcome.path, field=FIELD, parents=PARENTS)
