"""What an operator can choose for Kubernetes: clusters, profiles, and the policy of tasks.

A profile is what a site adds to each task, so that no site's paths or names are in the code. The
documentation is generated from here, as it is from ``model``.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from hpcagent.config.kinds import Path, Seconds

Count = Annotated[int, Meta(ge=0, le=2147483647)]
Amount = Annotated[int, Meta(ge=0, le=9223372036854775807)]
ENVIRONMENT = {
    "CWD": "{work_dir}",
    "HOME": "{home}",
    "USER": "{user}",
    "HOSTNAME": "{host_name}",
}
"""Environment of tasks whose profile has none."""
Effect = Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"]


class ClusterAccess(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A cluster and how its API server is reached: by kubeconfig, in_cluster or server.

    The table's own name is the name of the cluster in requests.
    """

    kubeconfig: Path = ""
    """Path of a kubeconfig file."""
    context: str = ""
    """Context of the kubeconfig. Empty: its current one."""
    in_cluster: bool = False
    """The agent runs in a pod of the cluster: use that pod's service account."""
    server: str = ""
    """URL of the API server, https only."""
    ca_file: Path = ""
    """PEM file of the authorities that vouch for server. Empty: the system's."""
    token_file: Path = ""
    """File of the bearer token for server; read again when it changes."""
    profile: str = "default"
    """Name of the profile for its tasks."""


class ProfileVolume(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A directory of the nodes that every task sees."""

    name: str = ""
    """Its name, a DNS label."""
    host_path: Path = ""
    """Its path on the nodes."""
    mount_path: Path = ""
    """Its path in the container."""
    read_only: bool = False
    """It cannot be written to."""


class ProfileToleration(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A taint that every task puts up with."""

    key: str = ""
    """Key of the taint."""
    operator: Literal["Equal", "Exists"] = "Equal"
    """How its value is compared."""
    value: str = ""
    """Its value, for Equal."""
    effect: Effect = ""
    """Its effect. Empty: any."""


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a site adds to each task. The table's own name is what clusters refer to."""

    namespace: str = "default"
    """Namespace of tasks that name none."""
    partition: str = ""
    """Partition of tasks that name none."""
    partition_node_label: str = "partition"
    """Label by which nodes of the partition are selected. Empty: it selects no nodes."""
    node_selector: Mapping[str, str] = {}
    """Further labels that nodes must bear."""
    tolerations: tuple[ProfileToleration, ...] = ()
    """Taints that every task puts up with."""
    name_label: str = "name"
    """Label of the task's id, by which a Deployment selects its pods."""
    app_label: str = "app"
    """Label of the application. Empty: none."""
    job_name_label: str = "jobname"
    """Label of the job's name. Empty: none."""
    partition_label: str = "partition"
    """Label of the partition. Empty: none."""
    labels: Mapping[str, str] = {}
    """Further labels of all objects and pods."""
    volumes: tuple[ProfileVolume, ...] = ()
    """Directories of the nodes that every task sees."""
    home_volume: str = "home"
    """Name of the volume of the user's home directory. Empty: it is not mounted."""
    work_dir_volume: str = "workdir"
    """Name of the volume of the task's directory."""
    shm_volume: str = "shm"
    """Name of the volume at /dev/shm."""
    shm_size_bytes: Amount = 0
    """Size of /dev/shm. 0: the container runtime's own, normally 64 MiB."""
    environment: Mapping[str, str] = msgspec.field(default_factory=ENVIRONMENT.copy)
    """Environment of every task. {user}, {group}, {home}, {work_dir}, {app}, {partition}, {task_id}
    and {host_name} (app and the first part of the id) are replaced; a variable is left out where
    what it needs is not there."""
    environment_order: tuple[str, ...] = ()
    """Variables that come first, in this order; all others follow by name. Whatever the order, a
    variable follows those that its value names as $(NAME)."""
    plain_secrets: bool = False
    """Write secret variables into the pod template, as plain text, and not into a Secret."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    """When images are pulled."""
    image_pull_secrets: tuple[str, ...] = ()
    """Names of Secrets with which images are pulled."""
    cpu_millis: Amount = 0
    """CPU of tasks that name none, in thousandths of a processor. 0: none is requested."""
    memory_bytes: Amount = 0
    """Memory of tasks that name none. 0: none is requested."""
    ephemeral_storage_bytes: Amount = 0
    """Space for files and logs of tasks that name none. 0: none is requested."""
    devices: Mapping[str, Amount] = {}
    """Devices of tasks that do not name them, as "nvidia.com/gpu" = 0."""
    security: Literal["restricted", "plain"] = "restricted"
    """restricted: what the Pod Security Standard of that name demands of a container (no privilege
    escalation, the runtime's seccomp profile, no capabilities but those asked for), and no token of
    a service account. plain: only what is asked for."""
    run_as_user: bool = True
    """Run the processes with the uid and gids of the user, not as the image says."""
    add_capabilities: tuple[str, ...] = ()
    """Capabilities of tasks that do not choose theirs, without CAP_."""
    drop_capabilities: tuple[str, ...] = ()
    """Capabilities that such tasks lose; ALL for all. restricted: ALL in any case."""
    ttl_after_finished: Count = 86400
    """Seconds after its end at which a Job that does not say it is deleted."""
    service_type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """From where the Services of endpoints can be reached."""
    stage_work_dir: bool = False
    """This host mounts the nodes' file system: make the directories of tasks here, as the user, and
    remove those that were made when their tasks are gone. Needs CAP_SETUID and CAP_SETGID."""


class TaskPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What callers may ask for; the same for all of them.

    What a profile itself adds is allowed. policy.min_uid holds here too.
    """

    namespaces: frozenset[str] = frozenset()
    """Namespaces that tasks may be in. Empty: those of the profiles."""
    images: tuple[str, ...] = ("*",)
    """Images that may run: *, a registry, or one with the beginning of a repository, as
    registry.example/team. A name without registry is docker.io's."""
    homes: tuple[Path, ...] = ()
    """Home directories that a request may name beside the one that NSS knows; {user} stands for
    the user's name."""
    host_path_roots: tuple[Path, ...] = ()
    """Directories of the nodes below which anything may be mounted, beside the user's home. {user}
    stands for the user's name."""
    capabilities: frozenset[str] = frozenset()
    """Capabilities that a task may add, without CAP_."""
    allow_image_user: bool = False
    """Allow a task to run as its image says, not as its user."""
    node_selectors: tuple[str, ...] = ("*",)
    """Keys that a task may select nodes by; * stands for any characters."""
    tolerations: tuple[str, ...] = ()
    """Keys of taints that a task may put up with; * stands for any characters."""
    devices: tuple[str, ...] = ("*",)
    """Devices that a task may ask for; * stands for any characters."""
    max_replicas: Count = 100
    """Most replicas of a task."""


class Kubernetes(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the daemon drives Kubernetes."""

    enabled: bool = False
    """Serve K8sAgent."""
    default_cluster: str = ""
    """Cluster of requests that name none. Empty: the only one."""
    users: Literal["nss", "request"] = "nss"
    """nss: users, groups and homes are as the host's name services have them. request: the host
    knows none of them, and every request gives all of user_id, group_id, user, group and home."""
    timeout: Seconds = 30.0
    """Longest wait for an answer of an API server, in seconds."""
    work_dir_roots: tuple[Path, ...] = ()
    """Directories below which a task's directory may be made with its parents. A root may be a
    symbolic link; what is below it may not contain one."""
    clusters: Mapping[str, ClusterAccess] = msgspec.field(
        default_factory=lambda: {"default": ClusterAccess()}
    )
    """The clusters by name."""
    profiles: Mapping[str, Profile] = msgspec.field(default_factory=lambda: {"default": Profile()})
    """The profiles by name."""
    policy: TaskPolicy = TaskPolicy()
    """What callers may ask for."""
