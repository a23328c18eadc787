"""Looks at the queue, one after another."""

from collections.abc import Sequence

import _slurm

trackers: dict[str, _slurm.Tracker] = {}


def track(name: str, members: Sequence[str]) -> None:
    """Begin to look under a name."""
    trackers[name] = _slurm.Tracker(members)


def look(name: str, **keywords: int) -> _slurm.JobChanges:
    """Look again."""
    return trackers[name].load(**keywords)
