"""The hub by itself: what a watcher is told, in which order, and from where it can go on."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import pytest

from hpcagent.jobs.errors import AgentError, InvalidRequest, Kind
from hpcagent.jobs.model import Job, JobFilter, JobId, JobState
from hpcagent.jobs.watch import Event, EventKind, Hub, MemoryLog, Watch

ANY = JobFilter()
RUNNING = JobFilter(states=(JobState.RUNNING,))

Told = tuple[str, str, str]


def job(number: int, state: JobState = JobState.PENDING) -> Job:
    return Job(job_id=JobId(number), state=state, backend_state=state.name, as_of_time=100.0)


def told(events: Iterator[Event], count: int) -> list[Told]:
    """The next events: kind, job, state."""
    return [
        (e.kind.name, str(e.job.job_id) if e.job else "", e.job.state.name if e.job else "")
        for e in islice(events, count)
    ]


def rest(watch: Watch) -> list[Told]:
    """All events up to the first bookmark."""
    found: list[Told] = []
    for event in watch.events():
        if event.kind is EventKind.BOOKMARK:
            return found
        found += told(iter([event]), 1)
    return found


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog(most=20)


@pytest.fixture
def hub(log: MemoryLog) -> Hub:
    return Hub(log, room=10, quiet=0.01)


def test_a_watch_begins_with_what_is_there_and_says_when_that_is_all(hub: Hub) -> None:
    hub.publish([job(2), job(1, JobState.RUNNING)], [], 100.0)
    assert rest(hub.watch(ANY)) == [
        ("SNAPSHOT", "1", "RUNNING"),
        ("SNAPSHOT", "2", "PENDING"),
        ("SNAPSHOT_END", "", ""),
    ]


def test_changes_follow_in_their_order(hub: Hub) -> None:
    watch = hub.watch(ANY)
    hub.publish([job(1)], [], 100.0)
    hub.publish([job(1, JobState.RUNNING), job(2)], [], 101.0)
    hub.publish([], [job(1, JobState.COMPLETED)], 102.0)
    assert rest(watch) == [
        ("SNAPSHOT_END", "", ""),
        ("CHANGED", "1", "PENDING"),
        ("CHANGED", "1", "RUNNING"),
        ("CHANGED", "2", "PENDING"),
        ("GONE", "1", "COMPLETED"),
    ]


def test_a_job_that_leaves_the_filter_is_gone_and_comes_back_as_changed(hub: Hub) -> None:
    hub.publish([job(1, JobState.RUNNING), job(2)], [], 100.0)
    watch = hub.watch(RUNNING)
    hub.publish([job(1, JobState.COMPLETED)], [], 101.0)
    hub.publish([job(1, JobState.RUNNING)], [], 102.0)
    hub.publish([], [job(2), job(3)], 103.0)
    assert rest(watch) == [
        ("SNAPSHOT", "1", "RUNNING"),
        ("SNAPSHOT_END", "", ""),
        ("GONE", "1", "COMPLETED"),
        ("CHANGED", "1", "RUNNING"),
    ]


def test_a_final_state_told_together_with_the_end_is_seen_by_those_who_wait_for_it(
    hub: Hub,
) -> None:
    hub.publish([job(1, JobState.RUNNING)], [], 100.0)
    watch = hub.watch(JobFilter(states=(JobState.FAILED,)))
    hub.publish([job(1, JobState.FAILED)], [job(1, JobState.FAILED)], 101.0)
    assert rest(watch)[1:] == [("CHANGED", "1", "FAILED"), ("GONE", "1", "FAILED")]


def test_a_running_job_of_a_snapshot_has_run_until_now(hub: Hub) -> None:
    running = replace(job(1, JobState.RUNNING), run_time=5.0)
    hub.publish([running, job(2)], [], 100.0)
    hub.publish([], [], 130.0)
    first, second = islice(hub.watch(ANY).events(), 2)
    assert first.job == replace(running, run_time=35.0, as_of_time=130.0)
    assert second.job == replace(job(2), as_of_time=130.0)


def test_a_bookmark_comes_when_nothing_happens_and_tells_when_that_was_known(hub: Hub) -> None:
    hub.publish([], [], 123.0)
    watch = hub.watch(RUNNING)
    _, bookmark = islice(watch.events(), 2)
    assert (bookmark.kind, bookmark.as_of_time) == (EventKind.BOOKMARK, 123.0)


@pytest.mark.parametrize("position", range(10))
def test_a_watch_goes_on_behind_any_of_its_events(hub: Hub, position: int) -> None:
    hub.publish([job(n) for n in (1, 2, 3)], [], 100.0)
    watch = hub.watch(ANY)
    hub.publish([job(2, JobState.RUNNING)], [job(1)], 101.0)
    hub.publish([job(4), job(2, JobState.COMPLETED)], [], 102.0)
    hub.publish([], [job(3)], 103.0)
    events = list(islice(watch.events(), 10))  # the last one is a bookmark
    whole = state_after(events)
    resumed = hub.watch(ANY, events[position].token)
    more = [e for e in islice(resumed.events(), 12) if e.kind is not EventKind.BOOKMARK]
    assert state_after(events[: position + 1] + more) == whole
    if position >= 3:  # behind the snapshot: exactly what followed
        assert [e.token for e in more] == [e.token for e in events[position + 1 : -1]]


def state_after(events: list[Event]) -> dict[str, str]:
    """What a watcher knows that believes each event."""
    known: dict[str, str] = {}
    for event in events:
        if event.kind is EventKind.GONE and event.job:
            known.pop(str(event.job.job_id), None)
        elif event.job:
            known[str(event.job.job_id)] = event.job.state.name
    return known


def test_a_watch_that_broke_off_in_its_snapshot_hears_of_every_job(hub: Hub) -> None:
    hub.publish([job(n) for n in (1, 2, 3)], [], 100.0)
    first = next(hub.watch(ANY).events())
    hub.publish([job(1, JobState.RUNNING), job(3, JobState.RUNNING), job(4)], [job(2)], 101.0)
    assert rest(hub.watch(ANY, first.token)) == [
        ("CHANGED", "1", "RUNNING"),
        ("SNAPSHOT", "3", "RUNNING"),
        ("SNAPSHOT", "4", "PENDING"),
        ("SNAPSHOT_END", "", ""),
    ]


def test_a_token_of_changes_that_are_forgotten_has_expired(hub: Hub) -> None:
    *_, end = islice(hub.watch(ANY).events(), 1)
    for _ in range(21):
        hub.publish([job(1)], [], 100.0)
    with pytest.raises(AgentError) as caught:
        hub.watch(ANY, end.token)
    assert (caught.value.kind, caught.value.reason) == (Kind.OUT_OF_RANGE, "WATCH_TOKEN_EXPIRED")


def test_a_token_of_another_log_has_expired(hub: Hub) -> None:
    token = next(Hub(MemoryLog()).watch(ANY).events()).token
    with pytest.raises(AgentError) as caught:
        hub.watch(ANY, token)
    assert caught.value.reason == "WATCH_TOKEN_EXPIRED"


@pytest.mark.parametrize(
    ("token", "reason"),
    [("nonsense", "WATCH_TOKEN_FORM"), ("%", "WATCH_TOKEN_FORM"), ("", "WATCH_TOKEN_MISMATCH")],
)
def test_a_token_that_is_none_or_of_another_watch_is_refused(
    hub: Hub, token: str, reason: str
) -> None:
    other = next(hub.watch(RUNNING).events()).token
    with pytest.raises(InvalidRequest) as caught:
        hub.watch(ANY, token or other)
    assert [(v.field, v.reason) for v in caught.value.violations] == [("resume_token", reason)]


def test_the_order_of_a_filters_values_does_not_matter_to_its_tokens(hub: Hub) -> None:
    token = next(hub.watch(JobFilter(names=("a", "b"))).events()).token
    assert rest(hub.watch(JobFilter(names=("b", "a")), token)) == []


def test_a_watcher_that_leaves_too_much_waiting_is_ended_where_it_stands(hub: Hub) -> None:
    watch = hub.watch(ANY)
    events = watch.events()
    next(events)
    hub.publish([job(1)], [], 100.0)
    seen = next(events)
    for _ in range(11):
        hub.publish([job(2)], [], 100.0)
    with pytest.raises(AgentError) as caught:
        next(events)
    error = caught.value
    assert (error.kind, error.reason) == (Kind.ABORTED, "WATCH_TOO_SLOW")
    assert error.metadata["resume_token"] == seen.token
    hub.leave(watch)
    assert rest(hub.watch(ANY, seen.token)) == [("CHANGED", "2", "PENDING")] * 11


def test_a_slow_watcher_does_not_hold_up_another(hub: Hub) -> None:
    slow, quick = hub.watch(ANY), hub.watch(ANY)
    events = quick.events()
    next(events)
    for number in range(1, 30):
        hub.publish([job(number)], [], 100.0)
        assert told(events, 1) == [("CHANGED", str(number), "PENDING")]
    assert slow.ended


def test_a_watch_that_the_agent_ends_tells_what_waits_and_then_the_token(hub: Hub) -> None:
    watch = hub.watch(ANY)
    events = watch.events()
    next(events)
    hub.publish([job(1)], [], 100.0)
    watch.stop("the agent stops")
    last = next(events)
    with pytest.raises(AgentError) as caught:
        next(events)
    assert (caught.value.kind, caught.value.message) == (Kind.UNAVAILABLE, "the agent stops")
    assert caught.value.metadata["resume_token"] == last.token


def test_a_watch_that_is_ended_in_its_snapshot_goes_on_there(hub: Hub) -> None:
    hub.publish([job(1), job(2)], [], 100.0)
    watch = hub.watch(ANY)
    events = watch.events()
    first = next(events)
    hub.publish([job(3)], [], 100.0)
    watch.stop("the agent stops")
    with pytest.raises(AgentError) as caught:
        next(events)
    assert caught.value.metadata["resume_token"] == first.token


def test_a_watcher_that_waits_is_woken_by_a_change_and_by_its_end(log: MemoryLog) -> None:
    hub = Hub(log, quiet=60)
    watch = hub.watch(ANY)
    events = watch.events()
    next(events)
    found: list[Told] = []
    reader = threading.Thread(target=lambda: found.extend(told(events, 2)))
    reader.start()
    hub.publish([job(1)], [], 100.0)
    hub.leave(watch)
    reader.join(20)
    assert found in ([("CHANGED", "1", "PENDING")], [])
    assert not reader.is_alive()
    assert not hub.watched


def test_a_job_that_was_never_there_is_not_gone(hub: Hub, log: MemoryLog) -> None:
    hub.publish([], [job(1)], 100.0)
    assert log.number == 0
