"""Listing jobs with a filter that arrives as JSON."""

from typing import Any

import _slurm

SETS = ("job_ids", "users", "accounts", "partitions", "names", "states")


def listed(criteria: dict[str, Any], **keywords: Any) -> _slurm.JobPage:  # noqa: ANN401
    """A page of the jobs that meet the criteria."""
    sets = {name: frozenset(criteria[name]) for name in SETS if criteria.get(name) is not None}
    after = keywords.pop("after", None)
    return _slurm.load_jobs(
        keep=_slurm.JobFilter(**{**criteria, **sets}),
        after=None if after is None else tuple(after),
        **keywords,
    )
