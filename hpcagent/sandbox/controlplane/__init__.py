"""A private Kubernetes: a real control plane, and nodes that only pretend to have containers.

kube-apiserver, kube-controller-manager and kube-scheduler are Kubernetes' own, built from their
published module as ``go.mod`` pins it; etcd is Debian's. So admission, quotas, RBAC, scheduling,
rollouts, watches and garbage collection are what a client meets on any cluster. Only the nodes are
ours (``nodes``): they run a container's command as a plain process, without image or isolation,
which is enough for exit statuses, restarts, signals and logs to be real.
"""

from hpcagent.sandbox.controlplane.plane import ControlPlane

__all__ = ["ControlPlane"]
