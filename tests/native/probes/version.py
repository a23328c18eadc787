"""Versions of releases and libraries."""

from _slurm.version import belong_together


def together(header: tuple[int, int, int], api: int) -> bool:
    """Whether they belong together; JSON has made a list of the version."""
    major, minor, micro = header
    return belong_together((major, minor, micro), api)
