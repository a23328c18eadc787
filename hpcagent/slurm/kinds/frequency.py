"""Frequency of processors."""

from collections.abc import Mapping
from typing import cast

from hpcagent.jobs.spec import CpuFrequency
from hpcagent.slurm.draft import Draft, FaultError, Value
from hpcagent.slurm.kinds.checks import check_range
from hpcagent.slurm.kinds.numbers import number_of

LEVELS: Mapping[str, int] = {
    "LOW": 0x80000001, "MEDIUM": 0x80000002, "HIGH": 0x80000003, "HIGHM1": 0x80000004,
}  # fmt: skip
GOVERNORS: Mapping[str, int] = {
    "CONSERVATIVE": 0x88000000, "ONDEMAND": 0x84000000, "PERFORMANCE": 0x82000000,
    "POWERSAVE": 0x81000000, "SCHEDUTIL": 0x80400000, "USERSPACE": 0x80800000,
}  # fmt: skip
"""CPU_FREQ_* (slurm.h)."""
_TOLD = {"ONDEMAND": "OnDemand", "POWERSAVE": "PowerSave", "SCHEDUTIL": "SchedUtil",
         "USERSPACE": "UserSpace"}  # fmt: skip
"""Names that Slurm does not simply capitalise (cpu_freq_to_string)."""
_MAX_KHZ = 0x7FFFFFFF
"""Above it Slurm has its levels."""


def cpu_freq(value: object, draft: Draft) -> None:
    """Write bounds and governor, and tell the job (cpu_frequency.c, cpu_freq_verify_cmdline)."""
    wanted = cast("CpuFrequency", value)
    _check_together(wanted)
    least, most = _number(wanted.min, draft), _number(wanted.max, draft)
    governor = None
    if wanted.governor:
        governor = number_of(wanted.governor, GOVERNORS, {}, draft)
        _check_allowed(wanted.governor, governor, draft)
    if least is not None and most is not None and most < least:
        raise FaultError("has max below min", "OUT_OF_RANGE")
    written: dict[str, Value] = {
        "cpu_freq_min": least, "cpu_freq_max": most, "cpu_freq_gov": governor
    }  # fmt: skip
    draft.members |= written
    draft.variables["SLURM_CPU_FREQ_REQ"] = _told(wanted)


def _check_together(wanted: CpuFrequency) -> None:
    if wanted == CpuFrequency():
        raise FaultError("is empty: give max, or governor", "REQUIRED")
    if wanted.min is not None and wanted.max is None:
        raise FaultError("has min without max: give both, or max", "CPU_FREQUENCY_FORM")
    if wanted.governor and (wanted.min is None) != (wanted.max is None):
        said = "has governor and max: with a governor give min and max, or neither"
        raise FaultError(said, "CPU_FREQUENCY_FORM")


def _check_allowed(word: str, governor: int, draft: Draft) -> None:
    """Refuse a governor that slurm.conf does not allow; sbatch does, slurmctld does not."""
    allowed = draft.cpu_governors
    if allowed is not None and not governor & allowed & _MAX_KHZ:
        said = f"has governor {word}, which slurm.conf's CpuFreqGovernors does not allow"
        raise FaultError(said, "GOVERNOR_NOT_ALLOWED")


def _number(bound: int | str | None, draft: Draft) -> int | None:
    if bound is None:
        return None
    if isinstance(bound, str):
        return number_of(bound, LEVELS, {}, draft)
    return check_range(bound, 1, _MAX_KHZ)


def _told(wanted: CpuFrequency) -> str:
    bounds = "-".join(str(bound).capitalize() for bound in (wanted.min, wanted.max)
                      if bound is not None)  # fmt: skip
    governor = _TOLD.get(wanted.governor, wanted.governor.capitalize())
    return ":".join(word for word in (bounds, governor) if word)
