"""Calls into the worker pool, with what their failures mean to a caller of the agent.

Whether a failed call may have been carried out depends on what it was to do and on how far it
came. That is decided here, once, for every way a call can fail outside of Slurm;
``hpcagent.slurm.errors`` decides it for Slurm's own answers.
"""

from collections.abc import Callable
from typing import Any

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import (
    AgentError,
    BackendUnavailable,
    DeadlineExceeded,
    OutcomeUnknown,
    Overloaded,
    Unsupported,
)
from hpcagent.jobs.work_dir import cannot_act
from hpcagent.slurm import errors, wire
from hpcagent.slurm.draft import Release
from hpcagent.slurm.pool.workers import (
    CallOverranError,
    NotSentError,
    NoWorkerError,
    WorkerDiedError,
    WorkerPool,
)

RETRY_SECONDS = 1.0
"""When a caller who was turned away may try again."""


REFUSED_BY_SLURMDBD = frozenset({2002, 7006, 7007})
"""ESLURM_ACCESS_DENIED, ESLURM_RESULT_TOO_LARGE, ESLURM_DB_QUERY_TOO_WIDE (slurm_errno.h): answers
of a slurmdbd that works, and gives the same one next time."""


class FileError(Exception):
    """A file operation in a worker failed, with the system's errno."""

    def __init__(self, number: int, text: str, path: str) -> None:
        super().__init__(number, text, path)
        self.number = number
        self.text = text
        self.path = path


class WorkerFaultError(Exception):
    """A worker could not make sense of a call: a defect of the agent."""


class Client:
    """Asks Slurm, and raises one of the domain's errors if it cannot or will not."""

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool
        self.release: Release = (0, 0, 0)
        """libslurm's, once ``learn_release`` has been called."""
        self.after_change: Callable[[], None] = _nothing
        """Called after every call that may have changed something."""
        self.library_version = ""
        """The same as Slurm prints it: ``22.05.8``."""

    def learn_release(self, deadline: Deadline) -> None:
        """Ask a worker which libslurm it has."""
        hello = self.call("hello", deadline)
        major, minor, micro = hello["version"]
        self.release, self.library_version = (major, minor, micro), hello["library_version"]

    def call(
        self,
        operation: str,
        deadline: Deadline,
        about: errors.Call = errors.LOAD,
        **arguments: object,
    ) -> Any:  # noqa: ANN401 - as the operation's own signature says
        """Carry out an operation of ``worker.calls``; ``about`` says what it would change."""
        try:
            reply = self._call(operation, deadline, about, **arguments)
        except NoWorkerError as error:
            raise _turned_away(error) from error
        except NotSentError as error:
            said = "the deadline passed before slurmctld could be asked; nothing was sent"
            raise DeadlineExceeded(said) from error
        except CallOverranError as error:
            raise _overran(about) from error
        except WorkerDiedError as error:
            raise _died(about) from error
        match reply:
            case wire.Done(value):
                return value
            case wire.Failed() as failed:
                raise self._failed(failed, about)

    def _call(
        self, operation: str, deadline: Deadline, about: errors.Call, **arguments: object
    ) -> wire.Reply:
        try:
            return self._pool.call(operation, deadline, **arguments)
        finally:
            if about.verb:
                self.after_change()

    def _failed(self, failed: wire.Failed, about: errors.Call) -> Exception:
        failure: Exception
        match failed.kind:
            case "accounting" if failed.code not in REFUSED_BY_SLURMDBD:
                failure = _accounting_silent(failed.text)
            case "slurm" | "accounting":
                failure = errors.refusal(
                    failed.code, failed.text, failed.said, version=self.release, call=about
                )
            case "no_reply":
                failure = _unknown(about, "slurmctld's answer was lost", deadline=False)
            case "member":
                said = f"Slurm {self.library_version}: {failed.said}: {failed.text}"
                failure = Unsupported(said, reason="NOT_SUPPORTED_BY_SLURM")
            case "identity":
                failure = cannot_act(failed.text)
            case "os":
                failure = FileError(failed.code, failed.text, failed.said)
            case _:
                failure = WorkerFaultError(failed.text)
        return failure


def _nothing() -> None:
    """Do nothing: nobody follows what is changed."""


def _turned_away(error: NoWorkerError) -> AgentError:
    if error.alive:
        said = "the agent has more calls to Slurm under way than it may make; nothing was sent"
        return Overloaded(said, retry_after=RETRY_SECONDS)
    said = "no worker process is running that could talk to Slurm; nothing was sent"
    return BackendUnavailable(said, reason="NO_WORKER", retry_after=RETRY_SECONDS)


def _accounting_silent(why: str) -> AgentError:
    said = f"slurmdbd does not answer: {why}"
    return BackendUnavailable(said, reason="SLURMDBD_UNAVAILABLE", retry_after=RETRY_SECONDS)


def _overran(about: errors.Call) -> AgentError:
    if about.verb:
        return _unknown(about, "slurmctld did not answer before the deadline", deadline=True)
    return DeadlineExceeded("slurmctld did not answer before the deadline; nothing was changed")


def _died(about: errors.Call) -> AgentError:
    if about.verb:
        return _unknown(about, "the worker process that made the call died", deadline=False)
    said = "the worker process that made the call died; nothing was changed"
    return BackendUnavailable(said, reason="WORKER_DIED", retry_after=RETRY_SECONDS)


def _unknown(about: errors.Call, why: str, *, deadline: bool) -> AgentError:
    if not about.verb:
        return BackendUnavailable(why, reason="NO_REPLY", retry_after=RETRY_SECONDS)
    said = f"{why}: the request may or may not have been carried out"
    return OutcomeUnknown(said, reason=f"{about.verb}_OUTCOME_UNKNOWN", deadline=deadline)
