"""Options that are strings: as they are, checked for their form, or relative to a directory."""

import re
from dataclasses import dataclass
from typing import cast

from hpcagent.slurm.draft import Draft, FaultError
from hpcagent.slurm.kinds.checks import MAX_PATH, MAX_TEXT, check_text
from hpcagent.slurm.kinds.kind import OneMember


@dataclass(frozen=True, slots=True)
class Text(OneMember):
    """A string."""

    limit: int = MAX_TEXT
    variable: str = ""

    def __call__(self, value: object, draft: Draft) -> None:
        """Write it as it is."""
        text = check_text(cast("str", value), self.limit)
        draft.members[self.member] = text
        if self.variable:
            draft.variables[self.variable] = text


@dataclass(frozen=True, slots=True)
class Formed(OneMember):
    """A string of which sbatch checks the form, so that nobody learns of it from a failed job."""

    form: re.Pattern[str]
    example: str
    variable: str = ""

    def __call__(self, value: object, draft: Draft) -> None:
        """Write it as it is."""
        text = check_form(check_text(cast("str", value), MAX_TEXT), self.form, self.example)
        draft.members[self.member] = text
        if self.variable:
            draft.variables[self.variable] = text


def check_form(text: str, form: re.Pattern[str], example: str) -> str:
    """Return a string that is of a form."""
    if form.fullmatch(text) is None:
        raise FaultError(f"{text[:80]!r} is not of the form {example}", "TEXT_FORM")
    return text


@dataclass(frozen=True, slots=True)
class Path(OneMember):
    """A file of the job; relative to the working directory, as with sbatch (opt.c, _fullpath)."""

    def __call__(self, value: object, draft: Draft) -> None:
        """Write the absolute path."""
        path = check_text(cast("str", value), MAX_PATH)
        if not path.startswith("/"):
            path = check_text(f"{draft.work_dir.rstrip('/')}/{path}", MAX_PATH)
        draft.members[self.member] = path


@dataclass(frozen=True, slots=True)
class Container(OneMember):
    """What a job is contained in. A variable that is given is kept (opt.c, _opt_verify)."""

    variable: str

    def __call__(self, value: object, draft: Draft) -> None:
        """Write it, and tell the job unless it is told otherwise."""
        text = check_text(cast("str", value), MAX_PATH)
        draft.members[self.member] = draft.fallbacks[self.variable] = text


_ACCTG_ITEM = r"(?:(?:energy|task|filesystem|network)=)?[0-9]{1,9}"
ACCTG_FREQ = re.compile(rf"{_ACCTG_ITEM}(?:,{_ACCTG_ITEM})*", re.IGNORECASE)
"""Intervals of accounting (slurm_acct_gather.c, acct_gather_parse_freq)."""
POWER = re.compile(r"level", re.IGNORECASE)
"""The only word that --power ever had."""


def clusters(value: object, draft: Draft) -> None:
    """Write the clusters that may take the job; the agent's own must be one of them.

    sbatch asks each cluster when it could start the job, and goes there. The agent drives one.
    """
    names = cast("tuple[str, ...]", value)
    for name in names:
        check_text(name, MAX_TEXT)
        if "," in name:
            raise FaultError(f"has {name[:80]!r}, which is no cluster's name", "CLUSTER_FORM")
    if draft.cluster and not {draft.cluster, "all"} & set(names):
        said = f"are {', '.join(names)[:200]}, but this agent drives cluster {draft.cluster!r}"
        raise FaultError(said, "OTHER_CLUSTER")
    draft.members["clusters"] = check_text(",".join(names), MAX_TEXT)
    draft.clusters = True


def licenses(value: object, draft: Draft) -> None:
    """Keep licenses; those of ``resources`` go behind them."""
    draft.licenses.insert(0, check_text(cast("str", value), MAX_TEXT))


def more_licenses(value: object, draft: Draft) -> None:
    """Keep what slurmctld takes for licenses, too."""
    draft.licenses.append(check_text(cast("str", value), MAX_TEXT))


def power(value: object, draft: Draft) -> None:
    """Write how power is managed."""
    check_form(cast("str", value), POWER, "level")
    draft.members["power_flags"] = 1  # SLURM_POWER_FLAGS_LEVEL (slurm.h)


def burst_buffer_file(value: object, draft: Draft) -> None:
    """Keep the lines that go into the script, behind its first (run_command_add_to_script)."""
    draft.script_lines = check_text(cast("str", value), MAX_BURST_BUFFER_FILE)


MAX_BURST_BUFFER_FILE = 4 << 20
"""As long as a script may be by default; the script's own limit counts for both together."""
