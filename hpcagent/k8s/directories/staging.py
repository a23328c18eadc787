"""The directory of a task: made as its user before the task is, and removed when the task is gone.

Removed is only what the agent made itself, and nothing that another of its jobs still uses. A path
is either being submitted for or being removed, never both: else a job could begin in a directory
that is on its way out.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import msgspec
import structlog

from hpcagent import audit
from hpcagent.audit import Mutation
from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import AgentError, BackendUnavailable, OutcomeUnknown
from hpcagent.jobs.identity import Identity
from hpcagent.k8s.directories.making import Directories
from hpcagent.k8s.directories.owed import Owed, OwedFile
from hpcagent.k8s.paths import clean
from hpcagent.k8s.preparation import Prepared

RETRY_SECONDS = 2.0
_TAKING_BACK_SECONDS = 5.0
"""What removing a directory may take beyond the deadline of a caller whose task was refused."""

logger = structlog.get_logger(__name__)


class Staging:
    """Makes directories, notes them, and removes them."""

    def __init__(self, directories: Directories, owed: OwedFile) -> None:
        self._directories = directories
        self.owed = owed
        self._lock = threading.Lock()
        self._submitted: Counter[str] = Counter()
        self._removed: set[str] = set()

    def close(self) -> None:
        """End the processes that make directories."""
        self._directories.close()

    @contextmanager
    def made(self, ready: Prepared, deadline: Deadline) -> Iterator[Prepared]:
        """Give the task with its directory made, if it asks for that; undone if the block fails.

        Raises what ``Directories.make`` does, BackendUnavailable while the path is being removed.
        """
        stage = ready.stage
        if stage is None:
            yield ready
            return
        path, entry = clean(stage.dir), None
        with self._submitting(path):
            made = ready.stages and self._directories.make(stage, ready.identity, deadline)
            if made and not stage.leave_dir:
                ready = replace(ready, facts=replace(ready.facts, leave_dir=False))
                entry = _entry(path, ready)
                self.owed.put(entry)
            try:
                yield ready
            except OutcomeUnknown:
                raise  # it may be there, and need its directory
            except AgentError:
                if made:
                    self._take_back(path, ready.identity)
                raise
            if entry:
                self.owed.put(msgspec.structs.replace(entry, created=True))
            elif stage.leave_dir:
                self.owed.drop(path)  # whoever made it: it is to stay now

    def remove(self, entry: Owed, deadline: Deadline) -> None:
        """Remove a directory whose task is gone. Raises OSError, AgentError."""
        identity = Identity(entry.uid, entry.gid, "", "", entry.groups)
        facts = {"path": entry.path, "user_id": entry.uid, "group_id": entry.gid}
        change = Mutation("remove_work_dir", peer="", facts={**facts, "digest": entry.digest})
        audit.intent(change)
        try:
            self._directories.remove(entry.path, identity, deadline)
        except FileNotFoundError:
            audit.outcome(change, "done", found=False)
        except (OSError, AgentError) as error:
            audit.outcome(change, "failed", reason=str(error))
            raise
        else:
            audit.outcome(change, "done", found=True)
        self.owed.drop(entry.path)

    @contextmanager
    def removing(self, path: str) -> Iterator[bool]:
        """Keep a path from submissions inside the block; False if there is one under way."""
        with self._lock:
            free = not self._submitted[path]
            if free:
                self._removed.add(path)
        try:
            yield free
        finally:
            if free:
                with self._lock:
                    self._removed.discard(path)

    @contextmanager
    def _submitting(self, path: str) -> Iterator[None]:
        with self._lock:
            if path in self._removed:
                said = f"{path} of an earlier task is being removed"
                raise BackendUnavailable(said, reason="BEING_DELETED", retry_after=RETRY_SECONDS)
            self._submitted[path] += 1
        try:
            yield
        finally:
            with self._lock:
                self._submitted[path] -= 1
                if not self._submitted[path]:
                    del self._submitted[path]

    def _take_back(self, path: str, identity: Identity) -> None:
        """Remove a directory that no task came to use; what is in it by now is somebody's."""
        with self._lock:
            if self._submitted[path] > 1:
                return  # another needs it
        self.owed.drop(path)
        deadline = Deadline.after(_TAKING_BACK_SECONDS)
        try:
            self._directories.remove(path, identity, deadline, only_empty=True)
        except (OSError, AgentError) as error:
            logger.warning("work_dir_left", path=path, trouble=str(error))


def _entry(path: str, ready: Prepared) -> Owed:
    workload, identity = ready.manifests.workload, ready.identity
    return Owed(
        path=path,
        uid=identity.uid,
        gid=identity.gid,
        groups=identity.groups,
        cluster=ready.job_id.cluster,
        namespace=ready.job_id.namespace,
        kind=workload["kind"],
        name=ready.job_id.name,
        digest=ready.digest,
        selector=ready.selector,
        made_at=time.time(),
    )
