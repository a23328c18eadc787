"""The cluster's control plane: which controller answers, what it was told, and how it fares."""

import time
from typing import Any

from hpcagent.jobs.cluster import ClusterStatus, Controller, SchedulerStatistics
from hpcagent.jobs.deadline import Deadline
from hpcagent.slurm.client import Client
from hpcagent.slurm.cluster import Cluster
from hpcagent.slurm.directory import Directory
from hpcagent.slurm.inventory.snapshots import Snapshot
from hpcagent.slurm.inventory.statistics import MEMBERS, statistics

STATUS_SECONDS = 2.0
"""How old what is told of the controllers may be."""
CONFIGURATION_SECONDS = 30.0
"""How old slurmctld's configuration may be."""

ENFORCED = (
    "associations", "limits", "wckeys", "qos", "safe", "nojobs", "nosteps", "tres",
)  # fmt: skip
"""Words of AccountingStorageEnforce by their bit, ACCOUNTING_ENFORCE_*
(slurm_accounting_storage.h)."""

DATABASE = "accounting_storage/slurmdbd"
MULTIFACTOR = "priority/multifactor"


class ControlPlane:
    """Asks the controllers about themselves."""

    def __init__(self, client: Client, cluster: Cluster, directory: Directory) -> None:
        self._client = client
        self._cluster = cluster
        self._directory = directory
        self._status = Snapshot(self._load_status, STATUS_SECONDS)
        self._configuration = Snapshot(self._load_configuration, CONFIGURATION_SECONDS)

    def status(self, deadline: Deadline) -> ClusterStatus:
        """Tell about the cluster. While no controller answers, what slurm.conf here says."""
        return self._status.get(deadline).value

    def accounting(self, deadline: Deadline) -> bool:
        """Whether slurmctld keeps accounts in slurmdbd."""
        return _keeps_accounts(self._configuration.get(deadline).value)

    def enforces_limits(self, deadline: Deadline) -> bool:
        """Whether slurmctld holds jobs to the limits of their accounts and QOS."""
        return "limits" in _enforced(self._configuration.get(deadline).value)

    def fairshare(self, deadline: Deadline) -> bool:
        """Whether slurmctld works priorities out of shares."""
        conf = self._configuration.get(deadline).value
        return bool(conf["priority_type"] == MULTIFACTOR)

    def reload(self) -> None:
        """Read slurmctld's configuration when it is next wanted."""
        self._configuration.forget()

    def _load_configuration(self, deadline: Deadline) -> dict[str, Any]:
        conf: dict[str, Any] = self._client.call("configuration", deadline)
        return conf

    def _load_status(self, deadline: Deadline) -> ClusterStatus:
        if self._cluster.trouble:
            return self._silent(deadline)
        taken = self._configuration.get(deadline)
        pings = self._client.call("ping", deadline)
        return _status(
            taken.value,
            tuple(
                Controller(
                    host=ping["host"] or "",
                    index=ping["index"],
                    responding=ping["code"] == 0,
                    latency=ping["seconds"] if ping["code"] == 0 else None,
                    error=ping["text"],
                )
                for ping in pings
            ),
            self._load_statistics(deadline),
            taken.as_of_time,
        )

    def _load_statistics(self, deadline: Deadline) -> SchedulerStatistics:
        said = self._client.call("statistics", deadline, members=MEMBERS)
        users = self._directory.names(said["rpc_user_id"], (), deadline).users
        return statistics(said, users)

    def _silent(self, deadline: Deadline) -> ClusterStatus:
        """Tell what is known without slurmctld, which is not waited for."""
        trouble, facts = self._cluster.trouble, self._cluster.known
        conf = self._client.call("host", deadline)["conf"]
        return ClusterStatus(
            name=conf["cluster_name"] or "",
            version=facts.version if facts else "",
            controllers=tuple(
                Controller(host=host, index=index, responding=False, error=trouble)
                for index, host in enumerate(conf["control_machine"])
            ),
            as_of_time=time.time(),
        )


def _keeps_accounts(conf: dict[str, Any]) -> bool:
    return bool(conf["accounting_storage_type"] == DATABASE)


def _enforced(conf: dict[str, Any]) -> tuple[str, ...]:
    """Return the words of AccountingStorageEnforce."""
    bits = conf["accounting_storage_enforce"] or 0
    return tuple(word for bit, word in enumerate(ENFORCED) if bits & (1 << bit))


def _status(
    conf: dict[str, Any],
    controllers: tuple[Controller, ...],
    found: SchedulerStatistics,
    as_of_time: float,
) -> ClusterStatus:
    return ClusterStatus(
        name=conf["cluster_name"] or "",
        version=conf["version"] or "",
        controllers=controllers,
        statistics=found,
        boot_time=conf["boot_time"],
        select_type=conf["select_type"] or "",
        scheduler_type=conf["schedtype"] or "",
        priority_type=conf["priority_type"] or "",
        accounting=_keeps_accounts(conf),
        accounting_enforce=_enforced(conf),
        max_job_count=conf["max_job_cnt"] or 0,
        max_array_size=conf["max_array_sz"] or 0,
        min_job_age=conf["min_job_age"] or 0,
        as_of_time=as_of_time,
    )
