"""What kind of thing a job waits for, or ended by.

Slurm has some two hundred reasons, and more with each release; their numbers move, their words
stay. So a reason is known by its word, and sorted here into the few kinds that a scheduler can act
on. Source: slurm_protocol_defs.c, job_reason_string; squeue(1), JOB REASON CODES.
"""

from collections.abc import Mapping

from hpcagent.jobs.model import JobReason

_BY_WORD: Mapping[str, tuple[str, ...]] = {
    "PRIORITY": ("Priority",),
    "RESOURCES": ("Resources", "PowerNotAvail", "PowerReserved", "SchedDefer"),
    "DEPENDENCY": ("Dependency", "FedJobLock"),
    "HELD": ("JobHeldAdmin", "JobHeldUser", "JobHoldMaxRequeue"),
    "BEGIN_TIME": ("BeginTime",),
    "LIMIT": ("AccountingPolicy", "InactiveLimit", "JobArrayTaskLimit", "MaxMemPerLimit"),
    "PARTITION": (
        "PartitionConfig", "PartitionDown", "PartitionInactive", "PartitionNodeLimit",
        "PartitionTimeLimit",
    ),
    "NODES": ("FrontEndDown", "NodeDown", "ReqNodeNotAvail"),
    "RESERVATION": ("Reservation", "ReservationDeleted"),
    "LICENSES": ("Licenses",),
    "PREPARATION": (
        "BurstBufferResources", "BurstBufferStageIn", "Cleaning", "Prolog", "ReservationMaintenance"
    ),
    "BAD_REQUEST": (
        "AccountNotAllowed", "BadConstraints", "DependencyNeverSatisfied", "InvalidAccount",
        "InvalidQOS", "QOSNotAllowed",
    ),
    "SYSTEM": ("BurstBufferOperation", "JobLaunchFailure", "SystemFailure"),
    "JOB": ("DeadLine", "NonZeroExitCode", "OutOfMemory", "RaisedSignal", "TimeLimit"),
}  # fmt: skip
_BY_PREFIX: Mapping[str, str] = {
    "Assoc": "LIMIT",
    "QOS": "LIMIT",
    "MaxCpuPer": "LIMIT",
    "MaxGRESPer": "LIMIT",
    "MaxNodePer": "LIMIT",
    "MaxMemPer": "LIMIT",
    "MaxBillingPer": "LIMIT",
    "RaisedSignal": "JOB",
}
_CATEGORIES = {word: category for category, words in _BY_WORD.items() for word in words}


def reason(name: str, text: str) -> JobReason | None:
    """Return the reason of this name; Slurm says ``None`` where there is none."""
    if name in {"", "None"}:
        return None
    return JobReason(name, text, category(name))


def category(name: str) -> str:
    """Return what kind of reason a word names; a word that is not known yet is OTHER."""
    if name in _CATEGORIES:
        return _CATEGORIES[name]
    found = (kind for prefix, kind in _BY_PREFIX.items() if name.startswith(prefix))
    return next(found, "OTHER")
