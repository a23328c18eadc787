"""What every kind of option checks: lengths, ranges, releases; and the limits of C's types."""

from hpcagent.slurm.draft import Draft, FaultError, Release, dotted

MAX_U16 = 0xFFFD
"""Largest 16 bit number: the next ones mean NO_VAL16 and INFINITE16 (slurm.h)."""
MAX_U32 = 0xFFFFFFFD
"""Largest 32 bit number: the next ones mean NO_VAL and INFINITE."""
MAX_I32 = 0x7FFFFFFF
"""Largest number of tasks: sbatch keeps it in an int."""
MAX_I64 = (1 << 63) - 1
MAX_U64 = (1 << 64) - 1
MAX_TEXT = 1024
"""slurmctld's limit of most strings, in bytes (job_mgr.c, MAX_STR_LEN)."""
MAX_PATH = 4095
"""Longest path, in bytes (MAXPATHLEN less the end mark)."""


def check_text(value: str, limit: int) -> str:
    """Return a string that slurmctld can take: not empty, no NUL, at most ``limit`` bytes."""
    if not value:
        raise FaultError("is empty: leave it unset", "EMPTY")
    if "\0" in value:
        raise FaultError("contains a NUL character", "NUL_CHARACTER")
    size = len(value.encode())
    if size > limit:
        raise FaultError(f"has {size} bytes; at most {limit} are allowed", "TOO_LONG")
    return value


def check_range(number: int, least: int, most: int) -> int:
    """Return a number that is in range."""
    if not least <= number <= most:
        raise FaultError(f"is {number}; it must be {least} to {most}", "OUT_OF_RANGE")
    return number


def check_release(word: str, since: Release | None, draft: Draft) -> None:
    """Refuse what the installed Slurm does not have yet."""
    if since is not None and draft.release < since:
        installed = dotted(draft.release)
        said = f"is {word}, which came with Slurm {dotted(since)}; this one is {installed}"
        raise FaultError(said, "SLURM_TOO_OLD")
