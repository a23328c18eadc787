"""The cluster's parts, read through snapshots: slurmctld's load does not grow with the callers.

A snapshot is asked for when somebody wants it and the last one is too old; then all who want it
share the answer. Nodes and partitions are of one snapshot, so that their counts agree.
"""

import re
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from hpcagent.jobs.accounting import AccountFilter, AccountPage, Association, Qos
from hpcagent.jobs.cluster import (
    ClusterStatus,
    License,
    Page,
    Partition,
    Reservation,
    name_of,
    page,
)
from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import InvalidRequest, Kind, Refused, Violation
from hpcagent.jobs.nodes import Node, NodeFilter
from hpcagent.slurm import hostlist
from hpcagent.slurm.client import Client
from hpcagent.slurm.cluster import Cluster
from hpcagent.slurm.directory import Directory
from hpcagent.slurm.inventory import associations, nodes, partitions, reservations
from hpcagent.slurm.inventory.control_plane import ControlPlane
from hpcagent.slurm.inventory.snapshots import Snapshot, Taken

NODES_SECONDS = 2.0
"""How old nodes, partitions, reservations and licenses may be."""
ACCOUNTS_SECONDS = 5.0
"""How old associations and QOS may be: there can be tens of thousands."""

_UID = re.compile(r"[0-9]{1,10}")

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Parts:
    """Nodes, and the partitions that they are in, by name."""

    nodes: tuple[Node, ...]
    partitions: tuple[Partition, ...]


@dataclass(frozen=True, slots=True)
class Accounts:
    """Associations by account, user and partition, with the uid of each; and QOS by name."""

    associations: tuple[tuple[Association, int | None], ...]
    qos: Mapping[str, Qos]
    qos_names: Mapping[int, str]
    """By id."""


class SlurmInventory:
    """What one Slurm cluster is made of; a ``hpcagent.jobs.inventory.Inventory``."""

    def __init__(self, client: Client, cluster: Cluster, directory: Directory) -> None:
        self._client = client
        self._cluster = cluster
        self._directory = directory
        self._control_plane = ControlPlane(client, cluster, directory)
        self._parts = Snapshot(self._load_parts, NODES_SECONDS)
        self._reservations = Snapshot(self._load_reservations, NODES_SECONDS)
        self._licenses = Snapshot(self._load_licenses, NODES_SECONDS)
        self._accounts = Snapshot(self._load_accounts, ACCOUNTS_SECONDS)

    def reload(self) -> None:
        """Read slurmctld's configuration when it is next wanted."""
        self._control_plane.reload()

    def status(self, deadline: Deadline) -> ClusterStatus:
        """Tell about the cluster, even while no controller answers."""
        return self._control_plane.status(deadline)

    def parts(self, deadline: Deadline, since: float = 0.0) -> Parts:
        """Return all nodes and partitions, as they were after ``since``."""
        self._cluster.require()
        return self._parts.get(deadline, since).value

    def partitions(
        self, names: tuple[str, ...], size: int, after: str, deadline: Deadline
    ) -> Page[Partition]:
        """Return partitions of these names, or all."""
        taken = self._taken(self._parts, deadline)
        return page(_named(taken.value.partitions, names), size, after, taken.as_of_time)

    def nodes(self, wanted: NodeFilter, size: int, after: str, deadline: Deadline) -> Page[Node]:
        """Return the nodes that match. Raises InvalidRequest for a hostlist that is none."""
        names = _expanded(wanted.names)
        taken = self._taken(self._parts, deadline)
        found = [
            node
            for node in taken.value.nodes
            if (names is None or node.name in names) and _matches(node, wanted)
        ]
        return page(found, size, after, taken.as_of_time, hostlist.order)

    def reservations(
        self, names: tuple[str, ...], size: int, after: str, deadline: Deadline
    ) -> Page[Reservation]:
        """Return reservations of these names, or all."""
        taken = self._taken(self._reservations, deadline)
        return page(_named(taken.value, names), size, after, taken.as_of_time)

    def licenses(
        self, names: tuple[str, ...], size: int, after: str, deadline: Deadline
    ) -> Page[License]:
        """Return licenses of these names, or all."""
        taken = self._taken(self._licenses, deadline)
        return page(_named(taken.value, names), size, after, taken.as_of_time)

    def accounts(
        self, wanted: AccountFilter, size: int, after: str, deadline: Deadline
    ) -> AccountPage:
        """Return the associations that match. Raises Refused where there is no accounting."""
        self._cluster.require()
        if not self._control_plane.accounting(deadline):
            said = "slurm.conf names no slurmdbd (AccountingStorageType): there are no accounts"
            raise Refused(said, kind=Kind.FAILED_PRECONDITION, reason="ACCOUNTING_NOT_CONFIGURED")
        taken = self._taken(self._accounts, deadline)
        found = [one for one, uid in taken.value.associations if _means(wanted, one, uid)]
        cut = page(found, size, after, taken.as_of_time, key=_place)
        names = {name for one in cut.items for name in (*one.qos, one.default_qos) if name}
        qos = tuple(taken.value.qos[name] for name in sorted(names))
        return AccountPage(cut.items, qos, cut.as_of_time, cut.next_name)

    def limits(self, deadline: Deadline) -> Accounts | None:
        """Return associations and QOS with their limits; None where slurmctld enforces none."""
        self._cluster.require()
        if not self._control_plane.enforces_limits(deadline):
            return None
        return self._accounts.get(deadline).value

    def accounting(self, deadline: Deadline) -> bool:
        """Whether slurmctld keeps accounts in slurmdbd."""
        return self._control_plane.accounting(deadline)

    def qos_names(self, deadline: Deadline) -> Mapping[int, str]:
        """Return the names of QOS by Slurm's numbers."""
        return self._accounts.get(deadline).value.qos_names

    # ------------------------------------------------------------------ asking

    def _taken(self, snapshot: Snapshot[Item], deadline: Deadline) -> Taken[Item]:
        self._cluster.require()
        return snapshot.get(deadline)

    def _load_parts(self, deadline: Deadline) -> Parts:
        said = self._client.call(
            "nodes", deadline, members=nodes.MEMBERS, partition_members=partitions.MEMBERS
        )
        who = {record["reason_uid"] for record in said["nodes"] if record["reason"]}
        users = self._directory.names(who - {None}, (), deadline).users
        found = [nodes.node(record, users, self._client.release) for record in said["nodes"]]
        members = defaultdict(list)
        for node in found:
            for name in node.partitions:
                members[name].append(node)
        made = [partitions.partition(one, members[one["name"]]) for one in said["partitions"]]
        return Parts(
            tuple(sorted(found, key=lambda node: hostlist.order(node.name))),
            tuple(sorted(made, key=name_of)),
        )

    def _load_reservations(self, deadline: Deadline) -> tuple[Reservation, ...]:
        said = self._client.call("reservations", deadline, members=reservations.MEMBERS)
        now = time.time()
        return tuple(sorted((reservations.reservation(one, now) for one in said), key=name_of))

    def _load_licenses(self, deadline: Deadline) -> tuple[License, ...]:
        said = self._client.call("licenses", deadline, members=reservations.LICENSE_MEMBERS)
        return tuple(sorted(map(reservations.license_, said), key=name_of))

    def _load_accounts(self, deadline: Deadline) -> Accounts:
        said = self._client.call(
            "associations",
            deadline,
            members=associations.MEMBERS,
            qos_members=associations.QOS_MEMBERS,
        )
        context = associations.Context(
            said["tres_names"],
            {one["id"]: one["name"] for one in said["qos"]},
            fairshare=self._control_plane.fairshare(deadline),
        )
        found = [(associations.association(one, context), one["uid"])
                 for one in said["associations"]]  # fmt: skip
        qos = (associations.quality(one, context) for one in said["qos"])
        return Accounts(
            tuple(sorted(found, key=lambda pair: _place(pair[0]))),
            {one.name: one for one in qos},
            context.qos_names,
        )


def _place(association: Association) -> str:
    """Where an association is in the list: no name has a NUL byte, which comes before all else."""
    return f"{association.account}\0{association.user}\0{association.partition}"


def _named(items: Iterable[Item], names: tuple[str, ...]) -> list[Item]:
    return [item for item in items if not names or name_of(item) in names]


def _expanded(names: tuple[str, ...]) -> frozenset[str] | None:
    """Return the names that names and hostlists stand for; None is no condition."""
    found: set[str] = set()
    faults = []
    for index, name in enumerate(names):
        try:
            found.update(hostlist.expand(name))
        except ValueError as error:
            faults.append(Violation(f"filter.names[{index}]", str(error), "HOSTLIST_FORM"))
    if faults:
        raise InvalidRequest(faults)
    return frozenset(found) if names else None


def _matches(node: Node, wanted: NodeFilter) -> bool:
    return (
        (not wanted.partitions or not set(wanted.partitions).isdisjoint(node.partitions))
        and (not wanted.states or node.state in wanted.states)
        and set(wanted.features) <= set(node.active_features)
    )


def _means(wanted: AccountFilter, one: Association, uid: int | None) -> bool:
    users = {int(user) if _UID.fullmatch(user) else user for user in wanted.users}
    return (
        (not users or bool(one.user and not users.isdisjoint({one.user, uid})))
        and (not wanted.accounts or one.account in wanted.accounts)
        and (not wanted.partitions or one.partition in {"", *wanted.partitions})
    )
