"""libslurm, natively: calls, records and errors, and nothing of hpcagent.

The package is built against the installed slurm.h and works with that library only. libslurm loads
plugins that look its symbols up in the global scope, so it has to be loaded with RTLD_GLOBAL before
anything calls it: without that the process ends at the first call, "undefined symbol:
slurm_running_in_slurmctld", with no Python traceback. That is what the flags below are for.

Call `init` once, before any thread starts; then everything else may be called from any thread.
A process that imports this package can be ended by libslurm (`fatal()`): keep it to itself.
"""

import os
import sys

from _slurm.errors import (
    AccountingError,
    LibraryError,
    MemberError,
    MemberRangeError,
    MemberTypeError,
    NoReply,
    OpaqueMemberError,
    SlurmError,
    UnknownMemberError,
)
from _slurm.records import (
    AssocMgr,
    ControllerPing,
    HistoryFilter,
    HistoryPage,
    JobChanges,
    JobFilter,
    JobPage,
    NodeList,
    Record,
    SubmitReply,
    TaskReply,
    WillRun,
)
from _slurm.version import dotted

_flags = sys.getdlopenflags()
sys.setdlopenflags(_flags | os.RTLD_GLOBAL)
try:
    from _slurm.accounting import load_history, load_tres
    from _slurm.assoc_mgr import load_assoc_mgr
    from _slurm.changes import Tracker
    from _slurm.control import (
        ALLOC_SID_USER_HOLD,
        JOB_REQUEUE_HOLD,
        KILL_FULL_JOB,
        KILL_JOB_BATCH,
        kill_job2,
        requeue2,
        resume2,
        suspend2,
        update_job2,
    )
    from _slurm.estimate import job_will_run2
    from _slurm.identity import acting_as
    from _slurm.job_desc import describe
    from _slurm.jobs import (
        SHOW_ALL,
        SHOW_DETAIL,
        SHOW_LOCAL,
        load_job,
        load_job_user,
        load_jobs,
        reason_word,
    )
    from _slurm.licenses import load_licenses
    from _slurm.members import (
        ASSOC_REC_MEMBERS,
        ASSOC_REC_OPAQUE,
        CONF_MEMBERS,
        CONF_OPAQUE,
        JOB_DESC_MEMBERS,
        JOB_DESC_OPAQUE,
        JOB_INFO_MEMBERS,
        JOB_INFO_OPAQUE,
        JOB_REC_MEMBERS,
        JOB_REC_OPAQUE,
        LICENSE_INFO_MEMBERS,
        LICENSE_INFO_OPAQUE,
        NODE_INFO_MEMBERS,
        NODE_INFO_OPAQUE,
        PARTITION_INFO_MEMBERS,
        PARTITION_INFO_OPAQUE,
        QOS_REC_MEMBERS,
        QOS_REC_OPAQUE,
        RESERVE_INFO_MEMBERS,
        RESERVE_INFO_OPAQUE,
        STATISTICS_MEMBERS,
        STATISTICS_OPAQUE,
    )
    from _slurm.nodes import load_nodes
    from _slurm.partitions import load_partitions
    from _slurm.reservations import load_reservations
    from _slurm.session import (
        HEADER_VERSION,
        api_version,
        check_library,
        fini,
        header_version,
        init,
        library_path,
        load_conf,
        own_conf,
        ping,
        strerror,
    )
    from _slurm.statistics import get_statistics
    from _slurm.submit import submit_batch_het_job, submit_batch_job
finally:
    sys.setdlopenflags(_flags)

__all__ = [
    "ALLOC_SID_USER_HOLD",
    "ASSOC_REC_MEMBERS",
    "ASSOC_REC_OPAQUE",
    "CONF_MEMBERS",
    "CONF_OPAQUE",
    "HEADER_VERSION",
    "JOB_DESC_MEMBERS",
    "JOB_DESC_OPAQUE",
    "JOB_INFO_MEMBERS",
    "JOB_INFO_OPAQUE",
    "JOB_REC_MEMBERS",
    "JOB_REC_OPAQUE",
    "JOB_REQUEUE_HOLD",
    "KILL_FULL_JOB",
    "KILL_JOB_BATCH",
    "LICENSE_INFO_MEMBERS",
    "LICENSE_INFO_OPAQUE",
    "NODE_INFO_MEMBERS",
    "NODE_INFO_OPAQUE",
    "PARTITION_INFO_MEMBERS",
    "PARTITION_INFO_OPAQUE",
    "QOS_REC_MEMBERS",
    "QOS_REC_OPAQUE",
    "RESERVE_INFO_MEMBERS",
    "RESERVE_INFO_OPAQUE",
    "SHOW_ALL",
    "SHOW_DETAIL",
    "SHOW_LOCAL",
    "STATISTICS_MEMBERS",
    "STATISTICS_OPAQUE",
    "AccountingError",
    "AssocMgr",
    "ControllerPing",
    "HistoryFilter",
    "HistoryPage",
    "JobChanges",
    "JobFilter",
    "JobPage",
    "LibraryError",
    "MemberError",
    "MemberRangeError",
    "MemberTypeError",
    "NoReply",
    "NodeList",
    "OpaqueMemberError",
    "Record",
    "SlurmError",
    "SubmitReply",
    "TaskReply",
    "Tracker",
    "UnknownMemberError",
    "WillRun",
    "acting_as",
    "api_version",
    "check_library",
    "describe",
    "dotted",
    "fini",
    "get_statistics",
    "header_version",
    "init",
    "job_will_run2",
    "kill_job2",
    "library_path",
    "load_assoc_mgr",
    "load_conf",
    "load_history",
    "load_job",
    "load_job_user",
    "load_jobs",
    "load_licenses",
    "load_nodes",
    "load_partitions",
    "load_reservations",
    "load_tres",
    "own_conf",
    "ping",
    "reason_word",
    "requeue2",
    "resume2",
    "strerror",
    "submit_batch_het_job",
    "submit_batch_job",
    "suspend2",
    "update_job2",
]
