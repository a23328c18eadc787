"""What the agent knows of its cluster, and whether slurmctld answers.

One thread asks for everyone: slurmctld's load does not grow with the number of callers, and a
request need not spend its deadline on finding out that slurmctld is down. It has a worker of its
own, so that it also works when all others are busy.
"""

import math
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import AgentError, BackendUnavailable
from hpcagent.slurm.client import RETRY_SECONDS, Client
from hpcagent.slurm.script import DEFAULT_MAX_SIZE

log = structlog.get_logger(__name__)

PING_SECONDS = 2.0
"""Time between two pings. One takes slurmctld about a millisecond."""
PING_PATIENCE = 3.0
"""A slurmctld that does not answer a ping for so long is taken for down."""
LOAD_PATIENCE = 15.0
"""How long to wait for slurmctld's configuration."""

_ROOT_ONLY = 1 << 3
"""PART_FLAG_ROOT_ONLY (slurm.h)."""
_DEFAULT = 1 << 0
"""PART_FLAG_DEFAULT (slurm.h)."""
_SPEC_RESOURCES = 1 << 3
"""CTL_CONF_ASRU (slurm.h): AllowSpecResourcesUsage."""


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """slurmctld's configuration, as far as it matters here."""

    name: str
    version: str
    controllers: tuple[str, ...]
    max_script_bytes: int
    propagate_limits: str
    propagate_limits_except: str
    root_only: Collection[str]
    default_partition: str
    cpu_governors: int
    spec_resources: bool
    min_job_age: float
    """For so many seconds slurmctld keeps a job that has ended."""


@dataclass(slots=True)
class _State:
    """What the thread has found out; guarded by the condition."""

    facts: ClusterFacts | None = None
    trouble: str = "slurmctld has not answered yet"
    loaded_at: float = 0.0
    stale: bool = True
    """slurmctld's configuration is to be read at the next look, however new it is."""
    looked: bool = False
    stopping: bool = False
    changed: threading.Condition = field(default_factory=threading.Condition)


class Cluster:
    """Watches slurmctld."""

    def __init__(self, client: Client, refresh: float) -> None:
        self._client = client
        self._refresh = refresh
        self._state = _State()
        self._thread = threading.Thread(target=self._run, name="cluster-watch", daemon=True)

    def start(self) -> None:
        """Begin to watch; return when it is first known whether slurmctld answers."""
        self._thread.start()
        with self._state.changed:
            self._state.changed.wait_for(lambda: self._state.looked, PING_PATIENCE + LOAD_PATIENCE)

    def stop(self) -> None:
        """Stop watching; a ping under way is not waited for."""
        with self._state.changed:
            self._state.stopping = True
            self._state.changed.notify_all()

    def reload(self) -> None:
        """Read slurmctld's configuration at the next ping."""
        self._state.stale = True

    @property
    def known(self) -> ClusterFacts | None:
        """What is known so far, without waiting."""
        return self._state.facts

    @property
    def name(self) -> str:
        """The cluster's name; empty until slurmctld has told it."""
        return self._state.facts.name if self._state.facts else ""

    @property
    def keeps_ended_jobs(self) -> float:
        """For so many seconds slurmctld keeps a job that has ended: for ever, until it is known."""
        return self._state.facts.min_job_age if self._state.facts else math.inf

    @property
    def trouble(self) -> str:
        """Why slurmctld is taken for down; empty: it answers."""
        return self._state.trouble

    def facts(self, deadline: Deadline) -> ClusterFacts:
        """Return what is known, even if slurmctld has gone down since; wait for it at first."""
        with self._state.changed:
            self._state.changed.wait_for(self._settled, deadline.remaining())
            if self._state.facts is None:
                raise self._unavailable()
            return self._state.facts

    def require(self) -> None:
        """Raise BackendUnavailable if slurmctld is taken for down: do not even try."""
        if self._state.trouble:
            raise self._unavailable()

    def _settled(self) -> bool:
        return self._state.facts is not None or self._state.stopping

    def _unavailable(self) -> AgentError:
        return BackendUnavailable(
            f"{self._state.trouble}; nothing was sent",
            reason="SLURMCTLD_UNAVAILABLE",
            retry_after=RETRY_SECONDS,
        )

    # ------------------------------------------------------------------ the thread

    def _run(self) -> None:
        while not self._state.stopping:
            try:
                self._look()
            except Exception:  # the watch goes on, or what it found last would be told for ever
                log.exception("cluster_watch_failed")
                self._note(self._state.facts, "the agent failed to look whether slurmctld answers")
            with self._state.changed:
                self._state.changed.wait_for(lambda: self._state.stopping, PING_SECONDS)

    def _look(self) -> None:
        trouble = self._ping()
        facts = self._state.facts
        if not trouble and self._is_due():
            facts, trouble = self._load(facts)
        self._note(facts, trouble)

    def _note(self, facts: ClusterFacts | None, trouble: str) -> None:
        if trouble != self._state.trouble:
            _report(trouble)
        with self._state.changed:
            self._state.facts, self._state.trouble, self._state.looked = facts, trouble, True
            self._state.changed.notify_all()

    def _is_due(self) -> bool:
        return self._state.stale or time.monotonic() - self._state.loaded_at > self._refresh

    def _ping(self) -> str:
        """Return why no controller can be used; empty: one answers."""
        try:
            answers = self._client.call("ping", Deadline.after(PING_PATIENCE))
        except AgentError as error:
            return f"slurmctld does not answer ({error.message})"
        if any(answer["code"] == 0 for answer in answers):
            return ""
        said = "; ".join(f"{answer['host']}: {answer['text']}" for answer in answers)
        return f"slurmctld does not answer ({said})"

    def _load(self, known: ClusterFacts | None) -> tuple[ClusterFacts | None, str]:
        self._state.stale = False  # before it is read: a reload in the meantime counts
        try:
            said = self._client.call("cluster", Deadline.after(LOAD_PATIENCE))
        except AgentError as error:
            self._state.stale = True
            log.warning("cluster_load_failed", error=error.message)
            return known, "" if known else f"slurmctld's configuration: {error.message}"
        self._state.loaded_at = time.monotonic()
        return _facts(said["conf"], said["partitions"]), ""


def _report(trouble: str) -> None:
    if trouble:
        log.warning("slurmctld_down", trouble=trouble)
    else:
        log.info("slurmctld_up")


def _facts(conf: Mapping[str, Any], partitions: list[Mapping[str, Any]]) -> ClusterFacts:
    flags = {partition["name"]: partition["flags"] or 0 for partition in partitions}
    default = next((name for name, bits in flags.items() if bits & _DEFAULT), "")
    return ClusterFacts(
        name=conf["cluster_name"] or "",
        version=conf["version"] or "",
        controllers=tuple(conf["control_machine"] or ()),
        max_script_bytes=_max_script_size(conf["sched_params"] or ""),
        propagate_limits=conf["propagate_rlimits"] or "",
        propagate_limits_except=conf["propagate_rlimits_except"] or "",
        root_only=frozenset(name for name, bits in flags.items() if bits & _ROOT_ONLY),
        default_partition=default,
        cpu_governors=conf["cpu_freq_govs"] or 0,
        spec_resources=bool((conf["conf_flags"] or 0) & _SPEC_RESOURCES),
        min_job_age=conf["min_job_age"] or math.inf,  # 0: it purges none (slurm.conf(5))
    )


def _max_script_size(scheduler_parameters: str) -> int:
    """Read ``max_script_size=N`` (slurm.conf(5), SchedulerParameters), in bytes."""
    for parameter in scheduler_parameters.split(","):
        name, _, value = parameter.strip().partition("=")
        if name.lower() == "max_script_size" and value.isdigit():
            return int(value)
    return DEFAULT_MAX_SIZE
