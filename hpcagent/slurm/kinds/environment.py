"""Options that reach slurmd through the job's environment only."""

from collections.abc import Sequence
from typing import cast

from hpcagent.slurm.draft import Draft, FaultError
from hpcagent.slurm.environment import LIMITS
from hpcagent.slurm.kinds.checks import check_range


def umask(value: object, draft: Draft) -> None:
    """Tell slurmd the file mode creation mask, as sbatch does: by the environment."""
    draft.variables["SLURM_UMASK"] = f"0{check_range(cast('int', value), 0, 0o777):03o}"


def get_user_env(value: object, draft: Draft) -> None:
    """Let slurmd load the user's login environment (slurmd/req.c, _get_user_env).

    The limits stay, as with ``sbatch --export=NONE``; ``sbatch --get-user-env`` leaves them to
    slurmd, for the sake of Moab (sbatch.c, main).
    """
    if value:
        draft.variables["SLURM_GET_USER_ENV"] = "1"


def propagate(value: object, draft: Draft) -> None:
    """Choose the limits that the job gets, in place of those that slurm.conf lets through.

    Source: sbatch.c, _set_rlimit_env; slurm_rlimits_info.c, parse_rlimits.
    """
    words = [word.removeprefix("RLIMIT_") for word in cast("Sequence[str]", value)]
    unknown = [word for word in words if word not in {*LIMITS, "ALL", "NONE"}]
    if unknown:
        known = ", ".join(LIMITS)
        said = f"has {unknown[0][:80]!r}; it must be ALL, NONE, or of {known}"
        raise FaultError(said, "UNKNOWN_VALUE")
    if len(words) > 1 and {"ALL", "NONE"} & set(words):
        raise FaultError("has ALL or NONE beside others: give it alone", "CONFLICT")
    everything = words == ["ALL"]
    draft.propagate = frozenset(LIMITS) if everything else frozenset(words) - {"NONE"}
