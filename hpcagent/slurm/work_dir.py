"""Asking a worker to make a job's working directory, and saying why it could not."""

from collections.abc import Sequence
from dataclasses import asdict

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import AgentError, Violation
from hpcagent.jobs.identity import Identity
from hpcagent.jobs.spec import JobSpec, WorkDirRequest
from hpcagent.jobs.work_dir import MAX_MODE, refusal
from hpcagent.slurm.client import Client, FileError


def check(wanted: WorkDirRequest | None) -> list[Violation]:
    """Return what is wrong with the request for a directory."""
    if wanted is None or 0 <= wanted.mode <= MAX_MODE:
        return []
    said = f"is {wanted.mode}; it must be 0 to {MAX_MODE} (octal 7777)"
    return [Violation("create_work_dir.mode", said, "OUT_OF_RANGE")]


def make(
    client: Client, spec: JobSpec, identity: Identity, roots: Sequence[str], deadline: Deadline
) -> None:
    """Make the directory as the user; one that is there already is left as it is."""
    wanted = spec.create_work_dir or WorkDirRequest()
    try:
        client.call(
            "make_work_dir",
            deadline,
            path=spec.work_dir,
            mode=wanted.mode,
            roots=roots,
            parents=wanted.parents,
            identity=asdict(identity),
        )
    except FileError as error:
        raise _refusal(error) from error


def _refusal(error: FileError) -> AgentError:
    return refusal(
        error.number,
        error.text,
        error.path,
        field="work_dir",
        parents="create_work_dir.parents",
    )
