"""What the gRPC edge needs of whatever knows the cluster's parts, beside ``jobs.backend``."""

from typing import Protocol

from hpcagent.jobs.accounting import AccountFilter, AccountPage
from hpcagent.jobs.cluster import ClusterStatus, License, Page, Partition, Reservation
from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.nodes import Node, NodeFilter


class Inventory(Protocol):
    """Tells about the cluster's parts. Pages hold ``size`` items behind the name ``after``."""

    def status(self, deadline: Deadline) -> ClusterStatus:
        """Tell about the cluster, even while no controller answers."""

    def partitions(
        self, names: tuple[str, ...], size: int, after: str, deadline: Deadline
    ) -> Page[Partition]:
        """Return partitions of these names, or all."""

    def nodes(self, wanted: NodeFilter, size: int, after: str, deadline: Deadline) -> Page[Node]:
        """Return the nodes that match."""

    def reservations(
        self, names: tuple[str, ...], size: int, after: str, deadline: Deadline
    ) -> Page[Reservation]:
        """Return reservations of these names, or all."""

    def licenses(
        self, names: tuple[str, ...], size: int, after: str, deadline: Deadline
    ) -> Page[License]:
        """Return licenses of these names, or all."""

    def accounts(
        self, wanted: AccountFilter, size: int, after: str, deadline: Deadline
    ) -> AccountPage:
        """Return the associations that match. Raises Refused where there is no accounting."""
