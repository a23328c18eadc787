"""What kind of thing a job waits for, or ended by.

Slurm has some two hundred reasons, and more with each release; their numbers move, their words
stay. So a reason is known by its word, and sorted here into the few kinds that a scheduler can act
on. Source: slurm_protocol_defs.c, job_reason_string; squeue(1), JOB REASON CODES.
"""

import re
from collections.abc import Mapping
from typing import Any

from hpcagent.jobs.model import JobId, JobReason

_BY_WORD: Mapping[str, tuple[str, ...]] = {
    "PRIORITY": ("Priority",),
    "RESOURCES": (
        "MaxPoweredUpNodes", "MpiPortsBusy", "NvidiaImexChannels", "PowerNotAvail",
        "PowerReserved", "Resources", "SchedDefer",
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


_NAMED_BY_CATEGORY: Mapping[str, str] = {
    "LICENSES": "licenses",
    "PARTITION": "partition",
    "RESERVATION": "resv_name",
}
_NAMED_BY_WORD: Mapping[str, str] = {
    "AccountingPolicy": "account",
    "AccountNotAllowed": "account",
    "BadConstraints": "features",
    "Constraints": "features",
    "InvalidAccount": "account",
    "InvalidQOS": "qos",
    "QOSNotAllowed": "qos",
    "ReservationInvalid": "resv_name",
}
_NAMED_BY_PREFIX: Mapping[str, str] = {
    "Assoc": "account",
    "Max": "qos",  # MaxJobsPerAccount is a limit of the QOS, too: WAIT_QOS_MAX_JOB_PER_ACCT
    "QOS": "qos",
}
"""Which member of the job's record names what holds it up; of limits by the beginning."""

_DEPENDENCY = re.compile(
    r"(?P<type>[a-z]+):(?P<job>[0-9]+)(?:_(?P<task>[0-9]+|\*))?(?:\+[0-9]+)?(?:\((?P<state>\w+)\))?"
)
"""One of the dependencies that a record tells: ``afterok:12_3(unfulfilled)``, ``after:12+5(...)``
(job_scheduler.c, _depend_list2str)."""
_UNAVAILABLE = re.compile(r"UnavailableNodes:\s*(\S+)")
"""In the text of ReqNodeNotAvail."""


def reason(record: Mapping[str, Any], cluster: str = "") -> JobReason | None:
    """Return why a job is in its state; Slurm says ``None`` where there is no reason."""
    name, text = record["state_reason_name"], record["state_desc"] or ""
    if name in {"", "None"}:
        return None
    waits = name in {"Dependency", "DependencyNeverSatisfied"}
    return made(
        name,
        text,
        blocked_by=_blocked_by(name, text, record),
        blocking_jobs=blocking_jobs(record["dependency"] or "", cluster) if waits else (),
    )


def blocking_jobs(dependency: str, cluster: str = "") -> tuple[JobId, ...]:
    """Return the jobs that are waited for: of a whole array, the array's id."""
    found: dict[JobId, None] = {}
    for one in _DEPENDENCY.finditer(dependency):
        task = None if one["task"] in {None, "*"} else int(one["task"])
        if one["state"] != "fulfilled":
            found[JobId(int(one["job"]), task, None, cluster)] = None
    return tuple(found)


def _blocked_by(name: str, text: str, record: Mapping[str, Any]) -> str:
    """Return what holds a job up, as Slurm calls it; empty where the record does not tell."""
    kind = category(name)
    if kind == "NODES":
        nodes = _UNAVAILABLE.search(text)
        return nodes[1] if nodes else ""
    member = _NAMED_BY_WORD.get(name) or _NAMED_BY_CATEGORY.get(kind, "")
    if kind == "LIMIT" and not member:
        found = (m for prefix, m in _NAMED_BY_PREFIX.items() if name.startswith(prefix))
        member = next(found, "")
    return str(record[member] or "") if member else ""


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
