"""What callers may ask for: namespaces, images, paths of the nodes, rights, nodes and devices.

The agent makes pods that mount directories of the nodes and may run as root there: this is where
"may" ends. What a profile itself adds is the operator's choice, and allowed.
"""

import fnmatch
from collections.abc import Collection, Iterable, Iterator

from hpcagent.config import Kubernetes, Profile, TaskPolicy
from hpcagent.jobs.errors import Forbidden, Violation
from hpcagent.jobs.identity import Identity
from hpcagent.jobs.task import Device, TaskSpec
from hpcagent.k8s import paths
from hpcagent.k8s.manifests.mounts import mounts
from hpcagent.k8s.rules import images
from hpcagent.k8s.rules.faults import Found, shown

ANY = "*"


def check(spec: TaskSpec, identity: Identity, profile: Profile, settings: Kubernetes) -> None:
    """Raise Forbidden, with every violation, if the request asks for more than callers may have."""
    policy = settings.policy
    faults = [
        *_namespace(spec, policy, settings),
        *image("task.plan.container_image", spec.task.plan.container_image, policy),
        *_home(spec, identity, profile, policy),
        *_host_paths(spec, identity, profile, policy),
        *_rights(spec, profile, policy),
        *_nodes(spec, profile, policy),
        *devices("resources.devices", spec.resources.devices, profile, policy),
        *replicas("replicas", spec.replicas, policy),
    ]
    refuse(faults)


def refuse(found: Iterable[Violation]) -> None:
    """Raise Forbidden if anything was found."""
    if faults := list(found):
        said = "; ".join(f"{fault.field}: {fault.description}" for fault in faults)
        raise Forbidden(said, reason=faults[0].reason, violations=faults)


def _refused(path: str, what: str, setting: str, reason: str) -> Violation:
    return Violation(path, f"{what} is refused by the agent's policy ({setting})", reason)


def _namespace(spec: TaskSpec, policy: TaskPolicy, settings: Kubernetes) -> Found:
    allowed = policy.namespaces or {one.namespace for one in settings.profiles.values()}
    if spec.namespace and spec.namespace not in allowed:
        what = f"namespace {shown(spec.namespace)}"
        yield _refused("namespace", what, "namespaces", "NAMESPACE_NOT_ALLOWED")


def image(path: str, name: str, policy: TaskPolicy) -> Found:
    """Find that an image is of no allowed registry or repository."""
    if not images.allowed(name, policy.images):
        what = f"an image of {images.repository(name)}"
        yield _refused(path, what, "images", "IMAGE_NOT_ALLOWED")


# ----------------------------------------------------------------------------- paths of the nodes


def _home(spec: TaskSpec, identity: Identity, profile: Profile, policy: TaskPolicy) -> Found:
    """A caller must not give away another's home, or all the node's, as the user's own.

    Accounts of services often have ``/`` for a home: NSS does not make that one harmless.
    """
    home = paths.clean(spec.home or identity.home)
    is_unknown = spec.home and home not in _homes(identity, policy)
    is_everything = home == "/" and (spec.home or (identity.home and profile.home_volume))
    if is_unknown or is_everything:
        what = f"{shown(home)} as the home of {identity.user}"
        yield _refused("home", what, "homes", "HOME_NOT_ALLOWED")


def _homes(identity: Identity, policy: TaskPolicy) -> Iterator[str]:
    if identity.home:
        yield paths.clean(identity.home)
    yield from _for_user(policy.homes, identity)


def _for_user(templates: Collection[str], identity: Identity) -> Iterator[str]:
    """Return paths with the user's name in them; one that would lead elsewhere is passed over."""
    safe = "/" not in identity.user and identity.user not in {"", ".", ".."}
    for template in templates:
        if safe or "{user}" not in template:
            yield paths.clean(template.replace("{user}", identity.user))


def _host_paths(spec: TaskSpec, identity: Identity, profile: Profile, policy: TaskPolicy) -> Found:
    roots = [*_homes(identity, policy), *_for_user(policy.host_path_roots, identity)]
    for one in mounts(spec, profile, ""):
        if one.field and not any(paths.below(one.host_path, root) for root in roots):
            what = f"{shown(one.host_path)}, which is neither below the user's home nor a root,"
            yield _refused(one.field, what, "host_path_roots", "HOST_PATH_NOT_ALLOWED")


# --------------------------------------------------------------------------------- rights, nodes


def _rights(spec: TaskSpec, profile: Profile, policy: TaskPolicy) -> Found:
    added = spec.capabilities.add if spec.capabilities else ()
    for index, name in enumerate(added):
        if name not in policy.capabilities and name not in profile.add_capabilities:
            path, what = f"capabilities.add[{index}]", f"capability {name}"
            yield _refused(path, what, "capabilities", "CAPABILITY_NOT_ALLOWED")
    if spec.run_as_user is False and profile.run_as_user and not policy.allow_image_user:
        what = "running as the image says"
        yield _refused("run_as_user", what, "allow_image_user", "IMAGE_USER_NOT_ALLOWED")


def _nodes(spec: TaskSpec, profile: Profile, policy: TaskPolicy) -> Found:
    for key in spec.node_selector:
        if key not in profile.node_selector and not _matches(key, policy.node_selectors):
            path, what = f'node_selector["{key}"]', f"selecting nodes by {key}"
            yield _refused(path, what, "node_selectors", "NODE_SELECTOR_NOT_ALLOWED")
    for index, one in enumerate(spec.tolerations):
        # Without a key it is every taint.
        if not _matches(one.key, policy.tolerations if one.key else _anything(policy.tolerations)):
            path = f"tolerations[{index}].key"
            what = f"a toleration of {one.key or 'every taint'}"
            yield _refused(path, what, "tolerations", "TOLERATION_NOT_ALLOWED")


def _anything(patterns: Collection[str]) -> tuple[str, ...]:
    return (ANY,) if ANY in patterns else ()


def devices(path: str, asked: Iterable[Device], profile: Profile, policy: TaskPolicy) -> Found:
    """Find devices that tasks may not have."""
    for index, one in enumerate(asked):
        if one.name not in profile.devices and not _matches(one.name, policy.devices):
            what = f"device {one.name}"
            yield _refused(f"{path}[{index}].name", what, "devices", "DEVICE_NOT_ALLOWED")


def replicas(path: str, count: int | None, policy: TaskPolicy) -> Found:
    """Find that there would be too many replicas."""
    if count is not None and count > policy.max_replicas:
        what = f"a number of {count}, above {policy.max_replicas},"
        yield _refused(path, what, "max_replicas", "TOO_MANY_REPLICAS")


def _matches(text: str, patterns: Collection[str]) -> bool:
    return any(fnmatch.fnmatchcase(text, pattern) for pattern in patterns)
