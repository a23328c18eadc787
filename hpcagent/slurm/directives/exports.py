"""What ``#SBATCH --export`` makes of a request's environment.

The request's ``environment`` stands for the one that sbatch is started in, so --export chooses from
it, as it does there: sbatch.c, _fill_job_desc_from_opts; env.c, env_merge_filter. Any choice but
ALL also has slurmd load the user's own environment, and tells srun of it in SLURM_EXPORT_ENV.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hpcagent.slurm.draft import FaultError, Release

NIL_SINCE: Release = (23, 2, 0)
SPANK_SINCE: Release = (24, 5, 0)
SPANK = "_SLURM_SPANK_OPTION_"
"""How the variables begin that carry the options of plugins."""

_TOKEN = re.compile(r"""((?:[^,'"]|'[^']*'|"[^"]*")+)(?:,|\Z)""")


@dataclass(frozen=True, slots=True)
class Exported:
    """An environment, and whether slurmd shall load the user's own beneath it."""

    environment: tuple[str, ...]
    get_user_env: bool


def export(text: str, environment: Sequence[str], release: Release) -> Exported:
    """Choose from an environment of well-formed entries. Raises FaultError."""
    word = text.upper()
    if word in {"", "ALL"}:
        return Exported(tuple(environment), get_user_env=False)
    told = () if _has(environment, "SLURM_EXPORT_ENV") else (f"SLURM_EXPORT_ENV={text}",)
    if word == "NIL" and release >= NIL_SINCE:
        return Exported((*_of_slurm(environment, release), *told), get_user_env=False)
    if word == "NONE":
        return Exported((*_of_slurm(environment, release), *told), get_user_env=True)
    chosen: list[str] = []
    for token in _tokens(text):
        chosen += _chosen(token, environment)
    return Exported((*chosen, *_of_slurm(environment, release, "SLURM_"), *told), get_user_env=True)


def _has(environment: Sequence[str], name: str) -> bool:
    return any(entry.startswith(f"{name}=") for entry in environment)


def _of_slurm(
    environment: Sequence[str], release: Release, prefix: str = "SLURM"
) -> tuple[str, ...]:
    """Return what no choice leaves out."""
    prefixes = ("SLURM", SPANK) if release >= SPANK_SINCE else (prefix,)
    return tuple(entry for entry in environment if entry.startswith(prefixes))


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise FaultError(f"is {text[:80]!r}: it must name variables", "EXPORT_FORM")
        tokens.append(_unquoted(token[1]))
        at = token.end()
    return tokens


def _unquoted(token: str) -> str:
    """Take off quotes around the whole of a choice; others belong to its value."""
    return token[1:-1] if len(token) > 1 and token[0] in "\"'" and token[0] == token[-1] else token


def _chosen(token: str, environment: Sequence[str]) -> list[str]:
    if token.upper() == "ALL":
        return [*environment]
    if "=" in token:
        return [token]
    return [entry for entry in environment if entry.startswith(f"{token}=")]
