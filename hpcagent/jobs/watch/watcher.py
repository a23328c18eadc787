"""One watcher: what waits for it, and what it is told when it does not keep up."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

from hpcagent.jobs.errors import AgentError, BackendUnavailable, Kind
from hpcagent.jobs.matching import Matcher
from hpcagent.jobs.watch.events import Event, EventKind
from hpcagent.jobs.watch.tokens import Position, Tokens


class TooSlow(AgentError):
    """A watcher left more events waiting than are kept for it."""

    kind = Kind.ABORTED
    reason = "WATCH_TOO_SLOW"


class Watch:
    """What one watcher gets. One thread reads ``events``; any may close or end it.

    At most ``room`` events wait. ``as_of`` tells when the backend last said how things are.
    """

    def __init__(
        self,
        matches: Matcher,
        tokens: Tokens,
        *,
        room: int,
        quiet: float,
        as_of: Callable[[], float],
    ) -> None:
        self.matches = matches
        self.tokens = tokens
        self._room = room
        self._quiet = quiet
        self._as_of = as_of
        self._opening: Iterable[Event] = ()
        self._waiting: deque[Event] = deque()
        self._number = 0
        self._told = ""
        self._ended = False
        self._error: AgentError | None = None
        self.on_news: Callable[[], None] = _nothing
        """Called when something waits for ``pending``; must not wait itself."""
        self._news = threading.Condition()

    def begin(self, opening: Iterable[Event], number: int, token: str) -> None:
        """Tell ``opening`` first, which goes as far as the change of this number."""
        self._opening, self._number, self._told = opening, number, token

    def offer(self, events: Sequence[Event], number: int) -> None:
        """Add what follows from the changes up to a number; end the watch if that is too much."""
        with self._news:
            if self._ended:
                return
            self._number = number
            if len(self._waiting) + len(events) > self._room:
                self._end(self._too_slow())
            elif events:
                self._waiting.extend(events)
                self._news.notify()
                self.on_news()

    def stop(self, said: str) -> None:
        """End the watch from the agent's side; what waits is still told."""
        with self._news:
            error = BackendUnavailable(said, reason="WATCH_ENDED", retry_after=1.0)
            self._end(error)

    def close(self) -> None:
        """Forget the watch: nobody listens any more."""
        with self._news:
            self._waiting.clear()
            self._end(None)

    @property
    def ended(self) -> bool:
        """Whether nothing more is taken for it."""
        return self._ended

    def events(self) -> Iterator[Event]:
        """Yield events as they come, a bookmark when none has come for a while.

        Raises TooSlow, or BackendUnavailable when the agent ends it; both have the token to come
        back with, ``resume_token``, in their metadata. Ends when the watch is closed.
        """
        for event in self._opening:
            if self._ended:
                self._waiting.clear()  # it comes behind what has not been told
                break
            yield self._tell(event)
        self._opening = ()
        while (following := self._next()) is not None:
            yield self._tell(following)
        if self._error is not None:
            self._error.metadata["resume_token"] = self._told
            raise self._error

    def pending(self) -> list[Event]:
        """Return the events that wait, without waiting: for those who also wait for other things.

        In place of ``events``, not beside it.
        """
        events, self._opening = [self._tell(event) for event in self._opening], ()
        with self._news:
            events += [self._tell(event) for event in self._waiting]
            self._waiting.clear()
        return events

    def _tell(self, event: Event) -> Event:
        self._told = event.token
        return event

    def _next(self) -> Event | None:
        """Return the next event, once there is one; None: the watch has ended."""
        with self._news:
            self._news.wait_for(lambda: self._waiting or self._ended, self._quiet)
            if self._waiting:
                return self._waiting.popleft()
            if self._ended:
                return None
            token = self.tokens.write(Position(self._number))
            return Event(EventKind.BOOKMARK, token, self._as_of())

    def _end(self, error: AgentError | None) -> None:
        if not self._ended:
            self._ended, self._error = True, error
        self._news.notify()

    def _too_slow(self) -> AgentError:
        self._waiting.clear()
        said = f"more than {self._room} events waited: read faster, or watch fewer jobs"
        return TooSlow(said)


def _nothing() -> None:
    """Tell nobody."""
