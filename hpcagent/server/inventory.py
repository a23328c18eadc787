"""SlurmAgent: the methods that tell about the cluster and its parts."""

from typing import Any

import grpc

from hpcagent.jobs.accounting import AccountPage
from hpcagent.jobs.backend import Backend
from hpcagent.jobs.cluster import Page
from hpcagent.server.deadlines import deadline_of
from hpcagent.server.decode import inventory as asked
from hpcagent.server.encode.mirror import message, messages
from hpcagent.server.encode.values import timestamp
from hpcagent.v1 import cluster_pb2


class ClusterMethods:
    """A part of ``hpcagent.server.slurm_agent.SlurmAgent``."""

    _backend: Backend
    _max_deadline: float

    def GetCluster(
        self, request: cluster_pb2.GetClusterRequest, context: grpc.ServicerContext
    ) -> cluster_pb2.Cluster:
        """Tell about the cluster."""
        deadline = deadline_of(context, self._max_deadline)
        asked.check_cluster_query(request, self._cluster)
        return message(cluster_pb2.Cluster, self._backend.inventory.status(deadline))

    def ListPartitions(
        self, request: cluster_pb2.ListPartitionsRequest, context: grpc.ServicerContext
    ) -> cluster_pb2.ListPartitionsResponse:
        """Tell about partitions."""
        deadline = deadline_of(context, self._max_deadline)
        query = asked.names_query(request, self._cluster)
        place = query.place
        page = self._backend.inventory.partitions(query.names, place.size, place.after, deadline)
        return cluster_pb2.ListPartitionsResponse(
            partitions=messages(cluster_pb2.Partition, page.items),
            **ending(place, page),
        )

    def ListNodes(
        self, request: cluster_pb2.ListNodesRequest, context: grpc.ServicerContext
    ) -> cluster_pb2.ListNodesResponse:
        """Tell about nodes."""
        deadline = deadline_of(context, self._max_deadline)
        query = asked.nodes_query(request, self._cluster)
        place = query.place
        page = self._backend.inventory.nodes(query.wanted, place.size, place.after, deadline)
        return cluster_pb2.ListNodesResponse(
            nodes=messages(cluster_pb2.Node, page.items),
            **ending(place, page),
        )

    def ListReservations(
        self, request: cluster_pb2.ListReservationsRequest, context: grpc.ServicerContext
    ) -> cluster_pb2.ListReservationsResponse:
        """Tell about reservations."""
        deadline = deadline_of(context, self._max_deadline)
        query = asked.names_query(request, self._cluster)
        place = query.place
        page = self._backend.inventory.reservations(query.names, place.size, place.after, deadline)
        return cluster_pb2.ListReservationsResponse(
            reservations=messages(cluster_pb2.Reservation, page.items),
            **ending(place, page),
        )

    def ListLicenses(
        self, request: cluster_pb2.ListLicensesRequest, context: grpc.ServicerContext
    ) -> cluster_pb2.ListLicensesResponse:
        """Tell about licenses."""
        deadline = deadline_of(context, self._max_deadline)
        query = asked.names_query(request, self._cluster)
        place = query.place
        page = self._backend.inventory.licenses(query.names, place.size, place.after, deadline)
        return cluster_pb2.ListLicensesResponse(
            licenses=messages(cluster_pb2.License, page.items),
            **ending(place, page),
        )

    def ListAccounts(
        self, request: cluster_pb2.ListAccountsRequest, context: grpc.ServicerContext
    ) -> cluster_pb2.ListAccountsResponse:
        """Tell who may charge which account, and how much of it is used."""
        deadline = deadline_of(context, self._max_deadline)
        query = asked.accounts_query(request, self._cluster)
        place = query.place
        page = self._backend.inventory.accounts(query.wanted, place.size, place.after, deadline)
        return cluster_pb2.ListAccountsResponse(
            associations=messages(cluster_pb2.Association, page.associations),
            qos=messages(cluster_pb2.Qos, page.qos),
            **ending(place, page),
        )

    @property
    def _cluster(self) -> str:
        """The cluster's name, empty until slurmctld has told it."""
        return self._backend.info().cluster


def ending(place: asked.Place, page: Page[Any] | AccountPage) -> dict[str, Any]:
    """Return what every page ends with."""
    return {
        "next_page_token": place.binding.name_token(page.next_name),
        "as_of_time": timestamp(page.as_of_time),
    }
