"""Signals, mails, profiles, and what else happens at a time of the job's life."""

import signal as posix
from collections.abc import Mapping, Sequence
from typing import cast

from hpcagent.jobs.spec import JobSignal, Switches
from hpcagent.slurm.draft import Draft, FaultError
from hpcagent.slurm.kinds.checks import MAX_I32, MAX_U16, MAX_U32, check_range
from hpcagent.slurm.kinds.numbers import Words, number_of, whole_seconds

SIGNALS: Mapping[str, int] = {
    name: int(getattr(posix, f"SIG{name}"))
    for name in (
        "HUP", "INT", "QUIT", "ABRT", "KILL", "ALRM", "TERM", "USR1", "USR2", "URG", "CONT",
        "STOP", "TSTP", "TTIN", "TTOU", "XCPU",
    )
}  # fmt: skip
"""The signals that sbatch knows by name (proc_args.c, sig_name2num)."""

DEFAULT_BEFORE = 60
"""Seconds before the end, where none are given (proc_args.c, get_signal_opts)."""
_BATCH, _RESERVATION = 1 << 0, 1 << 8
"""KILL_JOB_BATCH and KILL_JOB_RESV (slurm.h)."""


def signal(value: object, draft: Draft) -> None:
    """Write which signal, how long before the end, and to whom."""
    wanted = cast("JobSignal", value)
    before = DEFAULT_BEFORE if wanted.before is None else wanted.before
    draft.members |= {
        "warn_signal": _signal_number(wanted.signal),
        "warn_time": whole_seconds(before, MAX_U16),
        "warn_flags": _BATCH * wanted.batch | _RESERVATION * wanted.reservation,
    }


def _signal_number(name: str) -> int:
    if name.isascii() and name.isdigit():
        return check_range(int(name[:9]), 1, MAX_U16)
    number = SIGNALS.get(name.upper().removeprefix("SIG"))
    if number is None:
        said = f"{name[:80]!r} is no signal: give a number, or one of {', '.join(SIGNALS)}"
        raise FaultError(said, "SIGNAL_UNKNOWN")
    return number


def switches(value: object, draft: Draft) -> None:
    """Write how many leaf switches at most, and how long to wait for so few."""
    wanted = cast("Switches", value)
    draft.members["req_switch"] = check_range(wanted.count, 1, MAX_I32)
    if wanted.max_wait is not None:
        draft.members["wait4switch"] = whole_seconds(wanted.max_wait, MAX_U32)


_ALL_MAILS = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 8 | 1 << 10
MAIL_TYPES: Mapping[str, int] = {
    "NONE": 0,
    "BEGIN": 1 << 0,
    "END": 1 << 1,
    "FAIL": 1 << 2,
    "REQUEUE": 1 << 3,
    "ALL": _ALL_MAILS,
    "INVALID_DEPEND": 1 << 10,
    "STAGE_OUT": 1 << 8,
    "TIME_LIMIT": 1 << 4,
    "TIME_LIMIT_90": 1 << 5,
    "TIME_LIMIT_80": 1 << 6,
    "TIME_LIMIT_50": 1 << 7,
    "ARRAY_TASKS": 1 << 9,
}
"""MAIL_* (slurm.h) by sbatch's words (proc_args.c, parse_mail_type)."""

mail_type = Words("mail_type", MAIL_TYPES, alone="NONE")

_PROFILES = {"ENERGY": 1 << 1, "LUSTRE": 1 << 3, "NETWORK": 1 << 4, "TASK": 1 << 2}
"""ACCT_GATHER_PROFILE_* (slurm.h), in the order in which Slurm names them."""
_PROFILE_WORDS = {"NONE": 1, "ALL": 0} | _PROFILES


def profile(value: object, draft: Draft) -> None:
    """Write what to profile, and tell the job in Slurm's words."""
    words = cast("Sequence[str]", value)
    bits = 0
    for word in words:
        bits |= number_of(word, _PROFILE_WORDS, {}, draft)
    if "NONE" in words and len(set(words)) > 1:
        raise FaultError("has NONE beside others: give it alone", "CONFLICT")
    everything = "ALL" in words
    draft.members["profile"] = float("inf") if everything else bits  # all bits: its INFINITE
    told = [name.title() for name, bit in _PROFILES.items() if everything or bits & bit]
    draft.variables["SLURM_PROFILE"] = ",".join(told) or "None"


OPEN_MODES: Mapping[str, int] = {"APPEND": 1, "TRUNCATE": 2}
"""OPEN_MODE_* (slurm.h)."""


def open_mode(value: object, draft: Draft) -> None:
    """Write what becomes of an output file that exists."""
    word = cast("str", value)
    draft.members["open_mode"] = number_of(word, OPEN_MODES, {}, draft)
    draft.variables["SLURM_OPEN_MODE"] = word[0].lower()


_EXPEDITED_REQUEUE = 1 << 45
"""Bit of job_desc_msg_t.bitflags (slurm.h), since 25.11."""


def requeue_expedite(value: object, draft: Draft) -> None:
    """Let the job be requeued, and at once where its node fails."""
    if value:
        draft.members["requeue"] = 1
        draft.bits |= _EXPEDITED_REQUEUE
