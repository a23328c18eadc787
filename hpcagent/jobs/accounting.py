"""Who may use how much: associations and QOS, with their limits and what is used of them.

The fields are those of the contract's messages, as in ``jobs.cluster``. None, or a resource that is
not listed, is no limit.
"""

from dataclasses import dataclass

from hpcagent.jobs.model import Tres


@dataclass(frozen=True, slots=True)
class TresMinutes:
    """An amount of a trackable resource, times minutes; of memory MiB times minutes."""

    type: str
    name: str
    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountingLimits:
    """What an association or a QOS allows."""

    group_jobs: int | None = None
    group_submit_jobs: int | None = None
    group_tres: tuple[Tres, ...] = ()
    group_tres_minutes: tuple[TresMinutes, ...] = ()
    group_tres_run_minutes: tuple[TresMinutes, ...] = ()
    group_wall_time: float | None = None
    max_jobs: int | None = None
    max_submit_jobs: int | None = None
    max_tres_per_job: tuple[Tres, ...] = ()
    max_tres_per_node: tuple[Tres, ...] = ()
    max_tres_minutes_per_job: tuple[TresMinutes, ...] = ()
    max_wall_time_per_job: float | None = None
    max_jobs_per_user: int | None = None
    max_submit_jobs_per_user: int | None = None
    max_tres_per_user: tuple[Tres, ...] = ()
    max_jobs_per_account: int | None = None
    max_submit_jobs_per_account: int | None = None
    max_tres_per_account: tuple[Tres, ...] = ()
    min_tres_per_job: tuple[Tres, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountingUse:
    """What the jobs of an association or a QOS use, as it is counted against the limits."""

    jobs: int
    submit_jobs: int
    tres: tuple[Tres, ...]
    tres_minutes: tuple[TresMinutes, ...]
    tres_run_minutes: tuple[TresMinutes, ...]
    wall_time: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """The right of a user to charge an account, or an account itself."""

    id: int
    account: str
    parent_account: str
    user: str
    partition: str
    is_default: bool
    qos: tuple[str, ...]
    default_qos: str
    shares: int | None
    priority: int | None
    limits: AccountingLimits
    use: AccountingUse | None
    fairshare: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Qos:
    """A quality of service."""

    name: str
    description: str
    priority: int
    flags: tuple[str, ...]
    preempts: tuple[str, ...]
    preempt_mode: str
    grace_time: float
    preempt_exempt_time: float | None
    usage_factor: float
    limits: AccountingLimits
    use: AccountingUse | None


@dataclass(frozen=True, slots=True)
class AccountFilter:
    """Which associations are meant: all that match every condition given; by any of its values.

    An association that is for no user, or for no partition, is left out where such are asked for.
    """

    users: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    partitions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AccountPage:
    """Associations by account, user and partition; and the QOS that they name, by name."""

    associations: tuple[Association, ...]
    qos: tuple[Qos, ...]
    as_of_time: float
    next_name: str | None = None
