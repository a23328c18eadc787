"""Where changes come in and go out to all watchers."""

import threading
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import itemgetter

from hpcagent.jobs.matching import matcher
from hpcagent.jobs.model import Job, JobFilter, ObjectId
from hpcagent.jobs.watch import events
from hpcagent.jobs.watch.events import Event
from hpcagent.jobs.watch.log import Change, ChangeLog
from hpcagent.jobs.watch.tokens import Expired, Position, Tokens
from hpcagent.jobs.watch.watcher import Watch

ROOM = 8192
"""Events that may wait for one watcher. They share the jobs in them with all other watchers."""
QUIET_SECONDS = 10.0
"""After so long without an event a watcher gets a bookmark; the contract promises 15 s."""
PAGE = 500
"""Changes that are read from the log at once for a watcher that comes back."""


def key_of(job: Job) -> str:
    """Return what names a job here: its id as its backend prints it, after its cluster if need be.

    A hub of Kubernetes has several clusters, whose jobs may have the same names.
    """
    if isinstance(job.job_id, ObjectId):
        return f"{job.job_id.cluster}/{job.job_id}"
    return str(job.job_id)


class Hub:
    """Holds every job of one backend as it was last told, and passes changes on."""

    def __init__(self, log: ChangeLog, *, room: int = ROOM, quiet: float = QUIET_SECONDS) -> None:
        self._log = log
        self._room = room
        self._quiet = quiet
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = dict(log.jobs())
        self._snapshots: dict[bytes, Sequence[tuple[str, Job]]] = {}
        """By filter: matching jobs as they are now, in order; watchers that begin share them."""
        self._watches: set[Watch] = set()
        self._as_of = 0.0

    # ------------------------------------------------------------------ from the backend

    @property
    def jobs(self) -> Mapping[str, Job]:
        """All jobs as they were last told, by key. Only the thread that publishes may walk it."""
        return self._jobs

    def publish(self, changed: Iterable[Job], gone: Iterable[Job], as_of: float) -> None:
        """Take note of jobs that are new or have changed, and then of those that are gone.

        ``gone`` has each as it was at last. ``as_of`` is when the backend said so.
        """
        with self._lock:
            changes = list(self._numbered(changed, gone))
            if changes:
                self._log.append(changes)
            for change in changes:
                if change.gone:
                    self._jobs.pop(change.key, None)
                else:
                    self._jobs[change.key] = change.job
            self._as_of = as_of
            self._snapshots.clear()
            self._pass_on(changes)

    @property
    def watched(self) -> bool:
        """Whether anybody watches."""
        return bool(self._watches)

    # ------------------------------------------------------------------ from watchers

    def watch(self, wanted: JobFilter, resume_token: str = "") -> Watch:
        """Begin a watch, or go on with one. Raises InvalidRequest, Expired.

        The watch must be given back with ``leave``.
        """
        tokens = Tokens.of(wanted, self._log.epoch)
        with self._lock:
            watch = Watch(
                matcher(wanted),
                tokens,
                room=self._room,
                quiet=self._quiet,
                as_of=lambda: self._as_of,
            )
            number = self._log.number
            watch.begin(self._opening(watch, resume_token, number), number, resume_token)
            self._watches.add(watch)
            return watch

    def leave(self, watch: Watch) -> None:
        """Forget a watch."""
        watch.close()
        with self._lock:
            self._watches.discard(watch)

    # ------------------------------------------------------------------ with the lock held

    def _numbered(self, changed: Iterable[Job], gone: Iterable[Job]) -> Iterator[Change]:
        number, known = self._log.number, dict[str, Job | None]()
        for is_gone, jobs in ((False, changed), (True, gone)):
            for job in jobs:
                key = key_of(job)
                before = known[key] if key in known else self._jobs.get(key)
                if is_gone and before is None:
                    continue
                number += 1
                yield Change(number, key, job, is_gone, before)
                known[key] = None if is_gone else job

    def _pass_on(self, changes: list[Change]) -> None:
        """Give every watch what is meant for it; equal filters are judged once."""
        number = self._log.number
        judged: dict[bytes, list[Event]] = {}
        for watch in self._watches:
            tokens = watch.tokens
            if tokens.digest not in judged:
                judged[tokens.digest] = events.of_changes(changes, watch.matches, tokens)
            watch.offer(judged[tokens.digest], number)

    def _opening(self, watch: Watch, resume_token: str, number: int) -> Iterable[Event]:
        """Return what is told before the changes behind ``number``."""
        if not resume_token:
            return self._snapshot(watch, "", number)
        position = watch.tokens.read(resume_token)
        if not self._log.floor <= position.number <= number:
            raise Expired
        replayed = self._replay(watch, position, number)
        if position.key is None:
            return replayed
        return _one_after_the_other(replayed, self._snapshot(watch, position.key, number))

    def _snapshot(self, watch: Watch, after: str, number: int) -> Iterator[Event]:
        """Return the matching jobs with keys behind ``after``, as they are at this moment."""
        digest = watch.tokens.digest
        if digest not in self._snapshots:
            found = [(key, job) for key, job in self._jobs.items() if watch.matches(job)]
            self._snapshots[digest] = sorted(found)
        chosen = self._snapshots[digest]
        rest = islice(chosen, bisect_right(chosen, after, key=itemgetter(0)), None)
        return events.snapshot(rest, number, self._as_of, watch.tokens)

    # ------------------------------------------------------------------ in the watcher's own thread

    def _replay(self, watch: Watch, position: Position, until: int) -> Iterator[Event]:
        """Yield what happened since a position; within its snapshot, to the jobs it had had.

        Raises Expired if the log has forgotten it in the meantime.
        """
        last, told = position.number, position.key
        while last < until:
            page = self._log.since(last, until, PAGE)
            if self._log.floor > last or not page:
                raise Expired
            last = page[-1].number
            seen = [change for change in page if told is None or change.key <= told]
            yield from events.of_changes(seen, watch.matches, watch.tokens, told)


def _one_after_the_other(*parts: Iterable[Event]) -> Iterator[Event]:
    for part in parts:
        yield from part
