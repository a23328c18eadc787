"""What the agent tells of itself."""

from hpcagent import config
from hpcagent.jobs import model
from hpcagent.jobs.task_backend import TaskBackendInfo
from hpcagent.server import paging
from hpcagent.v1 import agent_pb2


def slurm_backend(info: model.BackendInfo) -> agent_pb2.SlurmBackend:
    """Return what is known of Slurm."""
    return agent_pb2.SlurmBackend(
        cluster=info.cluster,
        library_version=info.library_version,
        controller_version=info.controller_version,
        identity=info.identity,
        controllers=info.controllers,
    )


def kubernetes_backend(info: TaskBackendInfo) -> agent_pb2.KubernetesBackend:
    """Return what is known of the Kubernetes clusters."""
    return agent_pb2.KubernetesBackend(clusters=info.clusters, client_version=info.client_version)


def limits(settings: config.Server, info: model.BackendInfo | None) -> agent_pb2.Limits:
    """Return the limits of requests."""
    return agent_pb2.Limits(
        max_request_bytes=settings.max_request_bytes,
        max_script_bytes=info.max_script_bytes if info else 0,
        max_page_size=paging.MAX_SIZE,
        max_deadline_millis=round(settings.max_deadline * 1000),
    )
