"""A job told from what the journal remembers of it.

An end that was seen is final. Of a job whose end was not seen nobody can say how it ended, least of
all that it is done: its state is UNKNOWN, and what it was last seen as is told beside that.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import structlog

from hpcagent.jobs.journal import Entry
from hpcagent.jobs.matching import is_meant
from hpcagent.jobs.model import ENDED, Job, JobId, JobReason, JobSource, JobState, JobStateFlag

log = structlog.get_logger(__name__)

NOT_SEEN_TO_END = "NotSeenToEnd"
"""Name of the reason of a job whose state is unknown."""

_decoder = msgspec.msgpack.Decoder(Job)

Seen = tuple[bytes, str, float]
"""A row: the job as it was written, its state in the backend's words, and when it was seen."""


def job(entry: Entry, seen: Sequence[Seen], wanted: JobId) -> Job | None:
    """Return what is known of the job that an id means; None if the entry has no such job.

    A task that was asked for was there, though nobody may have looked while it was.
    """
    jobs = [found for row in seen if (found := _decoded(row)) is not None]
    meant = [one for one in jobs if is_meant(one, wanted)]
    if not meant:
        return _facts(entry, () if jobs else seen, wanted) if entry.includes(wanted) else None
    chosen = _chosen(meant, wanted)
    if wanted.array_task_id is not None and chosen.job_id.array_task_id is None:
        chosen = replace(chosen, job_id=replace(wanted, cluster=chosen.job_id.cluster))
    return _told(chosen)


def _decoded(row: Seen) -> Job | None:
    form, _, seen_at = row
    try:
        return replace(_decoder.decode(form), as_of_time=seen_at)
    except msgspec.DecodeError as error:  # another release wrote it
        log.warning("journal_row_unreadable", trouble=str(error))
        return None


def _chosen(meant: Sequence[Job], wanted: JobId) -> Job:
    """Return the job that GetJob means: of an array what waits, else the last task."""
    exact = [one for one in meant if str(one.job_id) == str(wanted)]
    leader = [one for one in meant if one.het_job and one.het_job.offset == 0]
    last = max(meant, key=lambda one: one.job_id.array_task_id or 0)
    return next(iter(exact + leader), last)


def _told(one: Job) -> Job:
    one = replace(one, source=JobSource.JOURNAL)
    if one.state in ENDED and JobStateFlag.COMPLETING not in one.state_flags:
        return one
    said = f"last seen as {one.backend_state} at {_moment(one.as_of_time)}"
    return replace(one, state=JobState.UNKNOWN, state_flags=(), reason=_reason(said))


def _facts(entry: Entry, seen: Sequence[Seen], wanted: JobId) -> Job:
    """Return what the entry alone tells, of a job that was not seen or cannot be read."""
    said, state = f"submitted at {_moment(entry.asked_at)} and not seen since", ""
    for _, state, seen_at in seen:
        said = f"last seen as {state} at {_moment(seen_at)}"
    return Job(
        job_id=replace(wanted, cluster=entry.cluster),
        state=JobState.UNKNOWN,
        backend_state=state,
        as_of_time=entry.asked_at,
        request_id=entry.request_id,
        name=entry.name,
        user_id=entry.user_id,
        user=entry.user,
        submit_time=entry.asked_at,
        reason=_reason(said),
        source=JobSource.JOURNAL,
    )


def _reason(said: str) -> JobReason:
    return JobReason(NOT_SEEN_TO_END, f"the job is not in the queue any more; {said}")


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
