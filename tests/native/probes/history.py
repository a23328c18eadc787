"""Reading the past with a filter that arrives as JSON."""

from typing import Any

import _slurm

SETS = ("job_ids", "users", "accounts", "partitions", "names", "states")


def loaded(criteria: dict[str, Any], **keywords: Any) -> _slurm.HistoryPage:  # noqa: ANN401
    """A page of the past jobs that meet the criteria."""
    sets = {name: frozenset(criteria[name]) for name in SETS if name in criteria}
    after = keywords.pop("after", None)
    return _slurm.load_history(
        keep=_slurm.HistoryFilter(**{**criteria, **sets}),
        after=None if after is None else tuple(after),
        **keywords,
    )
