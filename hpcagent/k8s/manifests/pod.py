"""The pod of a task: one container, its volumes, and where and as whom it runs."""

from collections.abc import Mapping
from typing import Any

from hpcagent.config import Profile
from hpcagent.jobs.identity import Identity
from hpcagent.jobs.task import Capabilities, TaskSpec, Toleration
from hpcagent.k8s import quantities
from hpcagent.k8s.manifests.environment import variables
from hpcagent.k8s.manifests.mounts import mounts
from hpcagent.k8s.manifests.probes import probe
from hpcagent.k8s.marks import name_of
from hpcagent.k8s.paths import clean

PULL_POLICIES = {"ALWAYS": "Always", "IF_NOT_PRESENT": "IfNotPresent", "NEVER": "Never"}
EFFECTS = {
    "NO_SCHEDULE": "NoSchedule",
    "PREFER_NO_SCHEDULE": "PreferNoSchedule",
    "NO_EXECUTE": "NoExecute",
}
OPERATORS = {"EQUAL": "Equal", "EXISTS": "Exists"}
"""Kubernetes' words for the contract's."""
PROBES = {
    "livenessProbe": "liveness_probe",
    "readinessProbe": "readiness_probe",
    "startupProbe": "startup_probe",
}


def labels(spec: TaskSpec, profile: Profile) -> dict[str, str]:
    """Return the labels of a task's objects and pods; those without a value are left out."""
    return {**profile.labels, **spec.labels, **own_labels(spec, profile)}


def own_labels(spec: TaskSpec, profile: Profile) -> dict[str, str]:
    """Return the labels that fields of a task become, by the profile's keys for them."""
    given = {
        profile.app_label: spec.app,
        profile.job_name_label: spec.job_name,
        profile.name_label: name_of(spec),
        profile.partition_label: spec.partition or profile.partition,
    }
    return {key: value for key, value in given.items() if key and value}


def node_selector(spec: TaskSpec, profile: Profile) -> dict[str, str]:
    """Return the labels that nodes must bear."""
    partition = spec.partition or profile.partition
    chosen = {profile.partition_node_label: partition} if partition else {}
    chosen.pop("", None)
    return {**profile.node_selector, **spec.node_selector, **chosen}


def capabilities(spec: TaskSpec, profile: Profile) -> Capabilities:
    """Return the capabilities in force."""
    chosen = spec.capabilities or Capabilities(profile.add_capabilities, profile.drop_capabilities)
    return Capabilities(chosen.add, ("ALL",)) if profile.security == "restricted" else chosen


def runs_as_user(spec: TaskSpec, profile: Profile) -> bool:
    """Tell whether the processes have the user's identity."""
    return profile.run_as_user if spec.run_as_user is None else spec.run_as_user


def pod_spec(spec: TaskSpec, identity: Identity, profile: Profile) -> dict[str, Any]:
    """Return the pod of a task."""
    seen = mounts(spec, profile, spec.home or identity.home)
    container = _container(spec, identity, profile)
    container["volumeMounts"] = [one.mount() for one in seen]
    pull_secrets = spec.image_pull_secrets or profile.image_pull_secrets
    pod = {
        "containers": [_set(container)],
        "imagePullSecrets": [{"name": name} for name in pull_secrets],
        "nodeSelector": node_selector(spec, profile),
        "securityContext": _pod_security(spec, identity, profile),
        "terminationGracePeriodSeconds": spec.termination_grace_period,
        "tolerations": _tolerations(spec, profile),
        "volumes": [one.volume() for one in seen],
    }
    if profile.security == "restricted":
        pod["automountServiceAccountToken"] = False
    return _set(pod)


def _container(spec: TaskSpec, identity: Identity, profile: Profile) -> dict[str, Any]:
    plan, stage = spec.task.plan, spec.task.stage
    workdir = plan.workdir or (stage.mount_path if stage else "")
    ports = {(one.target_port, one.protocol): None for one in spec.endpoints}
    container = {
        "name": name_of(spec),
        "image": plan.container_image,
        "imagePullPolicy": PULL_POLICIES.get(spec.image_pull_policy, profile.image_pull_policy),
        "command": list(plan.command),
        "env": variables(spec, identity, profile),
        "ports": [{"containerPort": port, "protocol": protocol} for port, protocol in ports],
        "resources": _resources(spec, profile),
        "securityContext": _container_security(spec, profile),
        "workingDir": clean(workdir) if workdir else None,
    }
    for name, field in PROBES.items():
        wanted = getattr(spec, field)
        container[name] = wanted and probe(wanted)
    return container


def _resources(spec: TaskSpec, profile: Profile) -> dict[str, Any]:
    """Return what is requested, which is the limit too."""
    asked = spec.resources
    cpu = profile.cpu_millis if asked.cpu_millis is None else asked.cpu_millis
    memory = profile.memory_bytes if asked.memory_bytes is None else asked.memory_bytes
    space = asked.ephemeral_storage_bytes
    space = profile.ephemeral_storage_bytes if space is None else space
    amounts = {
        "cpu": cpu and quantities.cpu(cpu),
        "memory": memory and quantities.memory(memory),
        "ephemeral-storage": space and quantities.memory(space),
    }
    devices = {**profile.devices, **{one.name: one.count for one in asked.devices}}
    needed = {name: amount for name, amount in amounts.items() if amount}
    needed |= {name: str(count) for name, count in devices.items()}
    return {"limits": needed, "requests": dict(needed)} if needed else {}


def _container_security(spec: TaskSpec, profile: Profile) -> dict[str, Any]:
    chosen = capabilities(spec, profile)
    security: dict[str, Any] = {}
    if chosen.add or chosen.drop:
        security["capabilities"] = _set({"add": list(chosen.add), "drop": list(chosen.drop)})
    if profile.security == "restricted" and "SYS_ADMIN" not in chosen.add:
        # With SYS_ADMIN it is always true (v1.SecurityContext).
        security["allowPrivilegeEscalation"] = False
    return security


def _pod_security(spec: TaskSpec, identity: Identity, profile: Profile) -> dict[str, Any]:
    security: dict[str, Any] = {}
    if profile.security == "restricted":
        security["seccompProfile"] = {"type": "RuntimeDefault"}
    if runs_as_user(spec, profile):
        others = sorted({gid for gid in identity.groups if gid != identity.gid})
        security |= {
            "runAsUser": identity.uid,
            "runAsGroup": identity.gid,
            "runAsNonRoot": True,
            "supplementalGroups": others,
        }
    return _set(security)


def _tolerations(spec: TaskSpec, profile: Profile) -> list[dict[str, Any]]:
    site = [
        _set({"key": t.key, "operator": t.operator, "value": t.value, "effect": t.effect})
        for t in profile.tolerations
    ]
    return site + [_toleration(one) for one in spec.tolerations]


def _toleration(one: Toleration) -> dict[str, Any]:
    return _set(
        {
            "key": one.key,
            "operator": OPERATORS[one.operator],
            "value": one.value,
            "effect": EFFECTS.get(one.effect, ""),
            "tolerationSeconds": one.seconds,
        }
    )


def _set(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts that say something: not None, and no empty list, table or text."""
    return {name: part for name, part in parts.items() if part not in (None, "", [], {})}
