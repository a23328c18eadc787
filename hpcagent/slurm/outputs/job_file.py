"""Which file a job's output is, whether more may come, and how it is opened as its user."""

import errno
from collections.abc import Callable, Mapping
from dataclasses import asdict

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import (
    AgentError,
    Forbidden,
    InvalidRequest,
    Kind,
    NotFound,
    Refused,
    Violation,
)
from hpcagent.jobs.model import ENDED, Job, JobStateFlag
from hpcagent.jobs.outputs import OutputQuery, OutputStream
from hpcagent.jobs.watch import Watch
from hpcagent.slurm.client import Client, FileError
from hpcagent.slurm.directory import Directory

ASK_SECONDS = 15.0
"""How long slurmctld, or the file system, may take for one question about a file."""

Find = Callable[[Deadline], Job]
"""Asks for the job whose file it is."""

_PATHS: Mapping[OutputStream, Callable[[Job], str]] = {
    OutputStream.STDOUT: lambda job: job.resolved_std_out,
    OutputStream.STDERR: lambda job: job.resolved_std_err,
    OutputStream.STDIN: lambda job: job.resolved_std_in,
}


class JobFile:
    """The file behind one stream of one job. Raises what ``find`` does, InvalidRequest."""

    def __init__(self, query: OutputQuery, find: Find, deadline: Deadline) -> None:
        self._query = query
        self._find = find
        self._watch: Watch | None = None
        self._job = find(deadline)
        self._gone = False
        self._path = ""
        self._learn(self._job)
        if self._job.array is not None and query.job_id.array_task_id is None:
            said = f"{query.job_id} is an array, whose tasks each write their own: name one"
            raise InvalidRequest([Violation("job_id", said, "ARRAY_TASK_REQUIRED")])

    def follow(self, watch: Watch) -> None:
        """Learn from now on what becomes of the job; ``watch`` tells when something does."""
        self._watch = watch

    @property
    def path(self) -> str:
        """Where it is; empty as long as that is not known, for the job has not started."""
        return self._path

    @property
    def ended(self) -> bool:
        """Whether nothing more will be written: the job has ended, and all its processes."""
        cleaning = JobStateFlag.COMPLETING in self._job.state_flags
        return self._gone or (self._job.state in ENDED and not cleaning)

    def refresh(self) -> None:
        """Take note of what has become of the job, if anything has."""
        if self._watch is None or not (self._watch.pending() or self._watch.ended):
            return
        try:
            self._learn(self._find(Deadline.after(ASK_SECONDS)))
        except NotFound:
            self._gone = True

    def open(self, client: Client, directory: Directory, deadline: Deadline) -> int | None:
        """Return a descriptor of the file, opened as the job's user; None: it is not there.

        Raises Forbidden or Refused where it cannot be read, whatever may come.
        """
        if not self._path:
            return None
        owner = asdict(directory.owner(self._job, deadline))
        try:
            opened: int = client.call("open_output", deadline, path=self._path, identity=owner)
        except FileError as error:
            if error.number in {errno.ENOENT, errno.ENOTDIR}:
                return None
            raise unreadable(error.path, OSError(error.number, error.text)) from error
        return opened

    def missing(self) -> AgentError:
        """Return what is to be said when the file is not there."""
        said = f"there is no file {self._path}" if self._path else "it has not started"
        return NotFound(f"job {self._query.job_id}: {said}", reason="OUTPUT_NOT_FOUND")

    def _learn(self, job: Job) -> None:
        self._job = job
        # A job that was put back into the queue has no path until it starts anew.
        self._path = _PATHS[self._query.stream](job) or self._path


def unreadable(path: str, error: OSError) -> AgentError:
    """Return what is to be said of a file that cannot be read."""
    if error.errno in {errno.EACCES, errno.EPERM}:
        said = f"{path}: the job's user may not read it ({error.strerror})"
        return Forbidden(said, reason="OUTPUT_FORBIDDEN")
    why = _WHY.get(error.errno or 0, (error.strerror, "OUTPUT_UNREADABLE"))
    said, reason = f"{path}: {why[0]}", why[1]
    return Refused(said, kind=Kind.FAILED_PRECONDITION, reason=reason, metadata={"path": path})


_WHY: Mapping[int, tuple[str, str]] = {
    errno.ELOOP: ("a symbolic link on the way is not followed", "OUTPUT_IS_LINK"),
    errno.EINVAL: ("it is no regular file", "OUTPUT_NOT_REGULAR"),
}
