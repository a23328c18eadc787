"""K8sAgent: the methods that tell about clusters, as ``inventory`` does it for SlurmAgent."""

import grpc

from hpcagent.jobs.task_backend import TaskBackend
from hpcagent.server.deadlines import deadline_of
from hpcagent.server.decode import inventory as asked
from hpcagent.server.encode.mirror import message, messages
from hpcagent.server.inventory import ending
from hpcagent.v1 import cluster_pb2


class TaskClusterMethods:
    """A part of ``hpcagent.server.k8s_agent.K8sAgent``."""

    _backend: TaskBackend
    _clusters: tuple[str, ...]
    _max_deadline: float

    def GetCluster(
        self, request: cluster_pb2.GetClusterRequest, context: grpc.ServicerContext
    ) -> cluster_pb2.Cluster:
        """Tell about a cluster."""
        deadline = deadline_of(context, self._max_deadline)
        asked.check_cluster_query(request, "")
        found = self._backend.inventory.status(request.cluster, deadline)
        return message(cluster_pb2.Cluster, found)

    def ListNodes(
        self, request: cluster_pb2.ListNodesRequest, context: grpc.ServicerContext
    ) -> cluster_pb2.ListNodesResponse:
        """Tell about a cluster's nodes."""
        deadline = deadline_of(context, self._max_deadline)
        cluster = request.cluster or self._clusters[0]
        query = asked.cluster_nodes_query(request, cluster)
        nodes, place = self._backend.inventory.nodes, query.place
        page = nodes(cluster, query.wanted, place.size, place.after, deadline)
        found = messages(cluster_pb2.Node, page.items)
        return cluster_pb2.ListNodesResponse(nodes=found, **ending(place, page))

    def ListNamespaces(
        self, request: cluster_pb2.ListNamespacesRequest, context: grpc.ServicerContext
    ) -> cluster_pb2.ListNamespacesResponse:
        """Tell about the namespaces of a cluster that tasks may be in."""
        deadline = deadline_of(context, self._max_deadline)
        cluster = request.cluster or self._clusters[0]
        query = asked.namespaces_query(request, cluster)
        namespaces, place = self._backend.inventory.namespaces, query.place
        page = namespaces(cluster, query.names, place.size, place.after, deadline)
        found = messages(cluster_pb2.Namespace, page.items)
        return cluster_pb2.ListNamespacesResponse(namespaces=found, **ending(place, page))
