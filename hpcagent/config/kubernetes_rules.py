"""What the settings of Kubernetes must be like beyond what their types say."""

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from hpcagent.config import kubernetes_names as names
from hpcagent.config.errors import Fault
from hpcagent.config.kubernetes import ClusterAccess, Kubernetes, Profile, TaskPolicy
from hpcagent.config.words import shown

Found = Iterator[Fault]

FILES = ("kubeconfig", "ca_file", "token_file")
"""Settings of a cluster that are paths of this host."""
TEXTS: Mapping[str, names.Form] = {
    "namespace": names.dns_label,
    "partition": names.label_value,
    "partition_node_label": names.qualified_name,
    "name_label": names.qualified_name,
    "app_label": names.qualified_name,
    "job_name_label": names.qualified_name,
    "partition_label": names.qualified_name,
    "home_volume": names.dns_label,
    "work_dir_volume": names.dns_label,
    "shm_volume": names.dns_label,
}
"""Settings of a profile that are single texts; those that may be empty are in OPTIONAL."""
OPTIONAL = frozenset(
    {"partition_node_label", "app_label", "job_name_label", "partition_label", "home_volume"}
)
LISTS: Mapping[str, names.Form] = {
    "environment_order": names.environment_name,
    "image_pull_secrets": names.dns_subdomain,
    "add_capabilities": names.capability,
    "drop_capabilities": names.capability,
}
"""Settings of a profile that are lists of texts."""
LABELS = ("name_label", "app_label", "job_name_label", "partition_label")
VOLUMES = ("home_volume", "work_dir_volume", "shm_volume")


def judge(settings: Kubernetes) -> Found:
    """Yield what is wrong with settings whose types are right."""
    yield from _clusters(settings)
    for index, root in enumerate(settings.work_dir_roots):
        yield from _form(f"kubernetes.work_dir_roots[{index}]", root, names.absolute_path)
    for name, cluster in settings.clusters.items():
        yield from _cluster(f"kubernetes.clusters.{name}", cluster, settings)
    for name, profile in settings.profiles.items():
        yield from _profile(f"kubernetes.profiles.{name}", profile)
    yield from _policy("kubernetes.policy", settings.policy)
    yield from _default_namespaces(settings)


def _clusters(settings: Kubernetes) -> Found:
    known = ", ".join(settings.clusters)
    if not settings.clusters:
        yield Fault("kubernetes.clusters", "expected at least one cluster")
    elif settings.default_cluster and settings.default_cluster not in settings.clusters:
        said = f"expected one of the clusters ({known}), got {shown(settings.default_cluster)}"
        yield Fault("kubernetes.default_cluster", said)
    elif not settings.default_cluster and len(settings.clusters) > 1:
        said = f"expected one of the clusters ({known}), for there are several"
        yield Fault("kubernetes.default_cluster", said)


def _cluster(path: str, cluster: ClusterAccess, settings: Kubernetes) -> Found:
    ways = [bool(cluster.kubeconfig), cluster.in_cluster, bool(cluster.server)]
    if sum(ways) > 1 or (settings.enabled and not any(ways)):
        yield Fault(path, "expected one of kubeconfig, in_cluster and server, and only one")
    if cluster.context and not cluster.kubeconfig:
        yield Fault(f"{path}.context", "is for kubeconfig only")
    for name in ("ca_file", "token_file"):
        if getattr(cluster, name) and not cluster.server:
            yield Fault(f"{path}.{name}", "is for server only")
    for name in FILES:
        yield from _form(f"{path}.{name}", getattr(cluster, name), names.absolute_path, empty=True)
    url = urlsplit(cluster.server)
    if cluster.server and (url.scheme != "https" or not url.hostname):
        yield Fault(f"{path}.server", f"expected an https URL, got {shown(cluster.server)}")
    if cluster.profile not in settings.profiles:
        known = ", ".join(settings.profiles)
        said = f"expected one of the profiles ({known}), got {shown(cluster.profile)}"
        yield Fault(f"{path}.profile", said)


def _profile(path: str, profile: Profile) -> Found:
    for name, form in TEXTS.items():
        yield from _form(f"{path}.{name}", getattr(profile, name), form, empty=name in OPTIONAL)
    for name, form in LISTS.items():
        for index, text in enumerate(getattr(profile, name)):
            yield from _form(f"{path}.{name}[{index}]", text, form)
    for name in ("labels", "node_selector"):
        for key, value in getattr(profile, name).items():
            yield from _form(f"{path}.{name}.{key}", key, names.qualified_name)
            yield from _form(f"{path}.{name}.{key}", value, names.label_value)
    for name in profile.environment:
        yield from _form(f"{path}.environment.{name}", name, names.environment_name)
    for name in profile.devices:
        yield from _form(f"{path}.devices.{name}", name, names.device)
    yield from _volumes(path, profile)
    yield from _once([(f"{path}.{name}", getattr(profile, name)) for name in LABELS])


def _volumes(path: str, profile: Profile) -> Found:
    for index, volume in enumerate(profile.volumes):
        where = f"{path}.volumes[{index}]"
        yield from _form(f"{where}.name", volume.name, names.dns_label)
        yield from _form(f"{where}.host_path", volume.host_path, names.absolute_path)
        yield from _form(f"{where}.mount_path", volume.mount_path, names.absolute_path)
    many = [(f"{path}.volumes[{i}].name", one.name) for i, one in enumerate(profile.volumes)]
    yield from _once([*many, *((f"{path}.{name}", getattr(profile, name)) for name in VOLUMES)])
    yield from _once(
        [
            (f"{path}.volumes[{i}].mount_path", one.mount_path)
            for i, one in enumerate(profile.volumes)
        ]
    )


def _policy(path: str, policy: TaskPolicy) -> Found:
    for name in ("homes", "host_path_roots"):
        for index, text in enumerate(getattr(policy, name)):
            yield from _form(f"{path}.{name}[{index}]", text, names.directory)
    for index, text in enumerate(policy.images):
        yield from _form(f"{path}.images[{index}]", text, names.images)
    for index, text in enumerate(sorted(policy.namespaces)):
        yield from _form(f"{path}.namespaces[{index}]", text, names.dns_label)
    for index, text in enumerate(sorted(policy.capabilities)):
        yield from _form(f"{path}.capabilities[{index}]", text, names.capability)


def _default_namespaces(settings: Kubernetes) -> Found:
    """Find a namespace of tasks that name none, in which the policy allows none."""
    allowed = settings.policy.namespaces
    if any(map(names.dns_label, allowed)):
        return  # one mistake would be told twice
    for name in dict.fromkeys(cluster.profile for cluster in settings.clusters.values()):
        profile = settings.profiles.get(name)
        if allowed and profile and profile.namespace not in allowed:
            said = f"expected {profile.namespace} too, which profile {name} puts its tasks into"
            yield Fault("kubernetes.policy.namespaces", said)


def _form(path: str, text: str, form: names.Form, *, empty: bool = False) -> Found:
    if text or not empty:
        why = form(text)
        if why:
            yield Fault(path, f"{why}; got {shown(text)}")


def _once(given: Sequence[tuple[str, str]]) -> Found:
    """Find what stands in more than one place."""
    seen: set[str] = set()
    for path, text in given:
        if text and text in seen:
            yield Fault(path, f"expected another value than elsewhere, got {shown(text)}")
        seen.add(text)
