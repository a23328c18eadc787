"""What kind of thing a job waits for, or ended by.

Slurm has some two hundred reasons, and more with each release; their numbers move, their words
stay. So a reason is known by its word, and sorted here into the few kinds that a scheduler can act
on. Source: slurm_protocol_defs.c, job_reason_string; squeue(1), JOB REASON CODES.
"""

from collections.abc import Mapping

from hpcagent.jobs.model import JobId, JobReason

_BY_WORD: Mapping[str, tuple[str, ...]] = {
    "PRIORITY": ("Priority",),
    "RESOURCES": (
        "MaxPoweredUpNodes", "MpiPortsBusy", "PowerNotAvail", "PowerReserved", "Resources",
        "SchedDefer",
    ),
    "DEPENDENCY": ("Dependency", "FedJobLock"),
    "HELD": ("JobHeldAdmin", "JobHeldUser", "JobHoldMaxRequeue"),
    "BEGIN_TIME": ("BeginTime",),
    "LIMIT": ("AccountingPolicy", "InactiveLimit", "JobArrayTaskLimit"),
    "PARTITION": (
        "PartitionConfig", "PartitionDown", "PartitionInactive", "PartitionNodeLimit",
        "PartitionTimeLimit",
    ),
    "NODES": ("FrontEndDown", "NodeDown", "ReqNodeNotAvail"),
    "RESERVATION": ("Reservation", "ReservationDeleted", "ReservationInvalid"),
    "LICENSES": ("Licenses",),
    "PREPARATION": ("BurstBufferResources", "BurstBufferStageIn", "Cleaning", "Prolog"),
    "BAD_REQUEST": (
        "AccountNotAllowed", "BadConstraints", "Constraints", "DependencyNeverSatisfied",
        "InvalidAccount", "InvalidQOS", "QOSNotAllowed",
    ),
    "SYSTEM": ("BurstBufferOperation", "JobLaunchFailure", "SystemFailure"),
    "JOB": ("DeadLine", "NonZeroExitCode", "OutOfMemory", "TimeLimit"),
}  # fmt: skip
_BY_PREFIX: Mapping[str, str] = {
    "Assoc": "LIMIT",  # AssocGrpCpuLimit, AssocMaxJobsLimit...
    "QOS": "LIMIT",  # QOSGrpMemLimit, QOSMinGRES...
    "Max": "LIMIT",  # MaxJobsPerAccount, MaxMemPerLimit, MaxCpuRunMinsPerUser...
    "RaisedSignal": "JOB",  # RaisedSignal:11(Segmentation_fault)
}
_CATEGORIES = {word: category for category, words in _BY_WORD.items() for word in words}


def reason(name: str, text: str) -> JobReason | None:
    """Return the reason of this name; Slurm says ``None`` where there is none."""
    if name in {"", "None"}:
        return None
    return made(name, text)


def made(
    name: str, text: str = "", *, blocked_by: str = "", blocking_jobs: tuple[JobId, ...] = ()
) -> JobReason:
    """Return a reason of this name."""
    return JobReason(name, text, category(name), blocking_jobs, blocked_by)


def category(name: str) -> str:
    """Return what kind of reason a word names; a word that is not known yet is OTHER."""
    if name in _CATEGORIES:
        return _CATEGORIES[name]
    found = (kind for prefix, kind in _BY_PREFIX.items() if name.startswith(prefix))
    return next(found, "OTHER")
