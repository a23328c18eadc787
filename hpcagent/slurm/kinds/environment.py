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


def spank_job_env(value: object, draft: Draft) -> None:
    """Set what a SPANK plugin of sbatch's would set with spank_job_control_setenv(3).

    slurmd hands it to prologs and epilogs as SPANK_<NAME>; the job gets it as SLURM_SPANK_<NAME>,
    which wins over a given variable of that name. Source: sbatch/opt.c, spank_set_job_env;
    sbatch.c, _set_spank_env; slurm_protocol_defs.c, valid_spank_job_env.
    """
    variables: dict[str, str] = {}
    for entry in cast("Sequence[str]", value):
        name, equals, text = entry.partition("=")
        if "\0" in entry:
            raise FaultError("contains a NUL character", "NUL_CHARACTER")
        if not equals or not name:
            said = f"has {entry[:80]!r}, which is not of the form NAME=value"
            raise FaultError(said, "ENVIRONMENT_FORM")
        variables[name] = text
    draft.members["spank_job_env"] = [f"{name}={text}" for name, text in variables.items()]
    draft.variables |= {f"SLURM_SPANK_{name}": text for name, text in variables.items()}


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
