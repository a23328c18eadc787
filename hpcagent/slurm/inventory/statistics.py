"""From slurmctld's counters to the domain's statistics.

Sources: slurm.h (stats_info_response_msg_t); sdiag(1) and sdiag.c, which tell the units: all times
are microseconds but those of day.
"""

from collections.abc import Iterable, Mapping, Sequence

from hpcagent.jobs.cluster import RpcStatistics, ScheduleCycles, SchedulerStatistics
from hpcagent.slurm.inventory.rpc_names import rpc_name
from hpcagent.slurm.states import Record

MEMBERS: Sequence[str] = (
    "agent_count", "agent_queue_size", "agent_thread_count", "bf_active", "bf_backfilled_het_jobs",
    "bf_backfilled_jobs", "bf_cycle_counter", "bf_cycle_last", "bf_cycle_max", "bf_cycle_sum",
    "bf_depth_sum", "bf_last_backfilled_jobs", "bf_last_depth", "bf_last_depth_try", "bf_queue_len",
    "bf_when_last_cycle", "dbd_agent_queue_size", "gettimeofday_latency", "job_states_ts",
    "jobs_canceled", "jobs_completed", "jobs_failed", "jobs_pending", "jobs_running",
    "jobs_started", "jobs_submitted", "req_time_start", "rpc_queue_count", "rpc_queue_type_id",
    "rpc_type_cnt", "rpc_type_id", "rpc_type_time", "rpc_user_cnt", "rpc_user_id", "rpc_user_time",
    "schedule_cycle_counter", "schedule_cycle_depth", "schedule_cycle_last", "schedule_cycle_max",
    "schedule_cycle_sum", "schedule_queue_len", "server_thread_count",
)  # fmt: skip

_SAME: Mapping[str, str] = {
    "since_time": "req_time_start",
    "server_threads": "server_thread_count",
    "agent_queue_size": "agent_queue_size",
    "agents": "agent_count",
    "agent_threads": "agent_thread_count",
    "dbd_agent_queue_size": "dbd_agent_queue_size",
    "jobs_submitted": "jobs_submitted",
    "jobs_started": "jobs_started",
    "jobs_completed": "jobs_completed",
    "jobs_cancelled": "jobs_canceled",
    "jobs_failed": "jobs_failed",
    "jobs_pending": "jobs_pending",
    "jobs_running": "jobs_running",
    "job_states_time": "job_states_ts",
    "backfilled_jobs": "bf_backfilled_jobs",
    "backfilled_jobs_since_reset": "bf_last_backfilled_jobs",
    "backfilled_het_components": "bf_backfilled_het_jobs",
    "last_backfill_time": "bf_when_last_cycle",
}
"""Members by the field that has the same value."""

_MICROSECONDS = 1_000_000


def statistics(record: Record, users: Mapping[int, str]) -> SchedulerStatistics:
    """Return the statistics that a record has; ``users`` are names of those who sent RPCs."""
    return SchedulerStatistics(
        main=_main(record),
        backfill=_backfill(record),
        backfill_active=bool(record["bf_active"]),
        gettimeofday_latency=_seconds(record["gettimeofday_latency"]),
        rpcs=_by_count(
            RpcStatistics(type=rpc_name(kind), count=count, total_time=_seconds(time))
            for kind, count, time in zip(
                record["rpc_type_id"], record["rpc_type_cnt"], record["rpc_type_time"], strict=True
            )
            if kind
        ),
        rpcs_by_user=_by_count(
            RpcStatistics(
                user_id=uid, user=users.get(uid, ""), count=count, total_time=_seconds(time)
            )
            for uid, count, time in zip(
                record["rpc_user_id"], record["rpc_user_cnt"], record["rpc_user_time"], strict=True
            )
        ),
        pending_rpcs=_by_count(
            RpcStatistics(type=rpc_name(kind), count=count)
            for kind, count in zip(
                record["rpc_queue_type_id"], record["rpc_queue_count"], strict=True
            )
        ),
        **{field: record[member] for field, member in _SAME.items()},
    )


def _main(record: Record) -> ScheduleCycles:
    return ScheduleCycles(
        count=record["schedule_cycle_counter"],
        last=_seconds(record["schedule_cycle_last"]),
        max=_seconds(record["schedule_cycle_max"]),
        total=_seconds(record["schedule_cycle_sum"]),
        depth=record["schedule_cycle_depth"],
        queue_length=record["schedule_queue_len"],
    )


def _backfill(record: Record) -> ScheduleCycles:
    been = record["bf_when_last_cycle"] is not None
    return ScheduleCycles(
        count=record["bf_cycle_counter"],
        last=_seconds(record["bf_cycle_last"]),
        max=_seconds(record["bf_cycle_max"]),
        total=_seconds(record["bf_cycle_sum"]),
        depth=record["bf_depth_sum"],
        last_depth=record["bf_last_depth"] if been else None,
        last_depth_tried=record["bf_last_depth_try"] if been else None,
        queue_length=record["bf_queue_len"],
    )


def _by_count(rpcs: Iterable[RpcStatistics]) -> tuple[RpcStatistics, ...]:
    """Order by count, the most frequent first."""
    return tuple(sorted(rpcs, key=lambda rpc: rpc.count, reverse=True))


def _seconds(microseconds: int) -> float:
    return microseconds / _MICROSECONDS
