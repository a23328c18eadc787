"""What calls take and give, as plain Python records.

They stand outside the extension modules so that they can be imported, typed and compared without
libslurm, and so that no record shares memory with a C structure.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

# What a member can be set to: None is Slurm's "no value", math.inf its "unlimited".
Given: TypeAlias = str | bytes | int | float | Sequence[str | bytes] | None
# What a member is read as. Text that is not UTF-8 has its odd bytes written as \xNN.
Read: TypeAlias = str | int | float | list[str] | list[int] | None
Record: TypeAlias = dict[str, Read]


@dataclass(frozen=True, slots=True)
class SubmitReply:
    """slurmctld's answer to an accepted batch job (submit_response_msg_t).

    `error_code` nonzero is an "accepted, but" (2042: held) and `error_text` Slurm's words for it.
    `job_submit_message` is what a job_submit plugin told the user, `said` what libslurm logged.
    """

    job_id: int
    error_code: int
    error_text: str
    job_submit_message: str
    said: str


@dataclass(frozen=True, slots=True)
class WillRun:
    """When and where a job would start (will_run_response_msg_t).

    `start_time` is in Unix seconds, `system_usage` the percentage of CPUs that are allocated; None
    where Slurm does not tell it, since 25.05. `preempted_jobs` are numbers of jobs.
    """

    start_time: int
    node_list: str
    partition: str
    cpus: int
    preempted_jobs: list[int]
    system_usage: float | None
    job_submit_message: str
    said: str


@dataclass(frozen=True, slots=True)
class TaskReply:
    """What became of some tasks of an array (job_array_resp_msg_t), or of the one job meant.

    `tasks` is their index expression, as `0-4,7`; slurmctld ends a very long one in `...`. It is
    empty where no array was meant. `code` is Slurm's, 0 for success, `text` Slurm's words for it.
    """

    tasks: str
    code: int = 0
    text: str = ""
    said: str = ""


@dataclass(frozen=True, slots=True)
class ControllerPing:
    """One controller's answer to slurm_ping(3); `index` 0 is the primary.

    `code` is 0 when it answered, else why it did not, and `text` Slurm's words for that. `seconds`
    is how long that took.
    """

    index: int
    host: str
    code: int
    text: str
    seconds: float

    @property
    def up(self) -> bool:
        """Whether the controller answered, as primary or as standby."""
        return self.code == 0


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which job records to keep; what is None (or empty flags) keeps all. Criteria are ANDed.

    `job_ids` match a record's job_id, array_job_id or het_job_id. `partitions` match any part of a
    pending job's comma list. `states` are values of enum job_states without flags; a record is
    kept when its base state is one of them or it carries any bit of `state_flags` (slurm.h
    JOB_COMPLETING...). `submit_from` is inclusive and `submit_until` exclusive, in Unix seconds.
    """

    job_ids: frozenset[int] | None = None
    users: frozenset[int] | None = None
    accounts: frozenset[str] | None = None
    partitions: frozenset[str] | None = None
    names: frozenset[str] | None = None
    states: frozenset[int] | None = None
    state_flags: int = 0
    admin_comment: str | None = None
    admin_comment_prefix: str | None = None
    submit_from: int | None = None
    submit_until: int | None = None


@dataclass(frozen=True, slots=True)
class JobPage:
    """One page of jobs, ordered by (submit_time, job_id), oldest first.

    `next_after` is the key to give as `after` for the following page, None on the last one.
    `matched` counts the records that the filter keeps, on all pages; `record_count` those that
    slurmctld sent. `last_update` is slurmctld's stamp of the data, in Unix seconds.
    """

    jobs: list[Record] = field(repr=False)
    next_after: tuple[int, int] | None
    matched: int
    record_count: int
    last_update: int


@dataclass(frozen=True, slots=True)
class JobChanges:
    """How the jobs of one look differ from those of the look before.

    `changed` are records that are new or differ, `vanished` ids of those that are no longer there.
    `more`: not all of `changed` is told yet. `record_count` is how many slurmctld has.
    """

    changed: list[Record] = field(repr=False)
    vanished: list[int]
    more: bool
    record_count: int


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """Which jobs of the accounting database to read; what is None is no condition.

    As in JobFilter. `cluster` is one cluster's name; jobs that had ended at `ended_before` are left
    out. Accounts are known in lower case.
    """

    cluster: str | None = None
    job_ids: frozenset[int] | None = None
    users: frozenset[int] | None = None
    accounts: frozenset[str] | None = None
    partitions: frozenset[str] | None = None
    names: frozenset[str] | None = None
    states: frozenset[int] | None = None
    admin_comment_prefix: str | None = None
    submit_from: int | None = None
    submit_until: int | None = None
    ended_before: int | None = None


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """One page of the accounting database's jobs, as JobPage; a record may have `steps`."""

    jobs: list[dict[str, Any]] = field(repr=False)
    next_after: tuple[int, int] | None
    matched: int


@dataclass(frozen=True, slots=True)
class NodeList:
    """All nodes, and all partitions that they are in, of the same moment."""

    nodes: list[Record] = field(repr=False)
    partitions: list[Record] = field(repr=False)


@dataclass(frozen=True, slots=True)
class AssocMgr:
    """What slurmctld's association manager holds.

    A record has, beside its members, lists with an amount for each of `tres_names`: the limits
    `grp_tres`, `grp_tres_mins`, `grp_tres_run_mins`, `max_tres_pj`, `max_tres_pn`,
    `max_tres_mins_pj` (a QOS also `max_tres_pu`, `max_tres_pa`, `min_tres_pj`), math.inf where
    there is none. `qos_ids` are an association's QOS as decimal ids, `preempts` the ids of those
    that a QOS preempts. `usage` is None, or `jobs`, `submit_jobs`, `tres`, `tres_run_secs`,
    `tres_secs`, `wall_secs`, and for an association `fs_factor`.
    """

    tres_names: list[str]
    associations: list[dict[str, Any]] = field(repr=False)
    qos: list[dict[str, Any]] = field(repr=False)
