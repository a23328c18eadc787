"""What Kubernetes would refuse of a task, or take for something else: every fault, by its path.

The API server judges manifests, so its words name fields that no caller has written. Here the
request is judged, before anything is made of it. What a caller *may* ask for is ``policy``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass

from hpcagent.config import Profile
from hpcagent.config import kubernetes_names as names
from hpcagent.jobs.errors import Violation
from hpcagent.jobs.task import (
    ExecAction,
    GrpcAction,
    HttpGetAction,
    TaskSpec,
    TcpAction,
    Workload,
)
from hpcagent.k8s import quantities
from hpcagent.k8s.manifests.pod import node_selector, own_labels
from hpcagent.k8s.marks import OWN_KEYS
from hpcagent.k8s.rules import images
from hpcagent.k8s.rules.faults import Found, formed, once, ranged, required

_NOT_TEXTS = frozenset({"faults", "claim"})
"""Parts of a task that are no texts of its own; NSS judges the claim."""
_HANDLERS = {
    ExecAction: "exec",
    HttpGetAction: "http_get",
    TcpAction: "tcp_port",
    GrpcAction: "grpc",
}
"""Fields of a Probe in the contract."""
MAX_INT32 = (1 << 31) - 1
MAX_ENVIRONMENT_BYTES = 1 << 20
MAX_TEXT_BYTES = (128 << 10) - 1
"""Longest argument, and longest NAME=VALUE, that Linux takes (MAX_ARG_STRLEN, execve(2))."""
MAX_SECONDS = 10 * 365 * 86400
"""Longest length of time; Kubernetes' own limits overflow in odd places."""

_NAMES: Mapping[str, names.Form] = {
    "namespace": names.dns_label,
    "partition": names.label_value,
    "job_name": names.label_value,
    "app": names.label_value,
}


def check(spec: TaskSpec, profile: Profile) -> Found:
    """Find everything of a task that has no acceptable form; the volumes are ``volumes``' part."""
    yield from _controls(spec)
    yield from _identifiers(spec)
    yield from _plan(spec)
    yield from _environment(spec)
    yield from _secret_keys(spec, profile)
    yield from _amounts(spec)
    yield from _batch(spec)
    yield from _labels(spec, profile)
    yield from _capabilities(spec)
    yield from _tolerations(spec)


# ------------------------------------------------------------------------------ names and texts


def _controls(spec: TaskSpec) -> Found:
    """Find texts with a NUL: no process can be given one, and some readers end there."""
    for path, text in _texts(spec, ""):
        if "\0" in text:
            yield Violation(path, "has a NUL character", "NUL_CHARACTER")


def _texts(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Yield every text of a task with its path in the request: the names are the contract's."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _texts(item, f"{path}[{index}]")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield path, key
            yield from _texts(item, f'{path}["{key}"]')
    elif is_dataclass(value):
        for part in fields(value):
            if part.name not in _NOT_TEXTS:
                inner = getattr(value, part.name)
                name = _HANDLERS[type(inner)] if part.name == "handler" else part.name
                yield from _texts(inner, f"{path}.{name}" if path else name)


def _identifiers(spec: TaskSpec) -> Found:
    for field, form in _NAMES.items():
        yield from formed(field, getattr(spec, field), form)
    plan = spec.task.plan
    form = names.dns_1035_label if spec.endpoints else names.dns_label
    yield from formed("task.plan.id", plan.id, form)
    if not plan.id and not spec.request_id:
        said = "is required where the request has no request_id: it names the objects"
        yield Violation("task.plan.id", said, "REQUIRED")
    for index, name in enumerate(spec.image_pull_secrets):
        where = f"image_pull_secrets[{index}]"
        yield from required(where, name)
        yield from formed(where, name, names.dns_subdomain)


def _plan(spec: TaskSpec) -> Found:
    plan = spec.task.plan
    yield from required("task.plan.container_image", plan.container_image)
    yield from formed(
        "task.plan.container_image", plan.container_image, images.trouble, "IMAGE_FORM"
    )
    for index, argument in enumerate(plan.command):
        yield from _short(f"task.plan.command[{index}]", argument)
    path, stdin = spec.task.stream("stdin")
    if stdin not in {"", "/dev/null"}:
        said = "cannot be given: a container of Kubernetes has no standard input"
        yield Violation(path, said, "STDIN_NOT_SUPPORTED")


def _short(path: str, text: str) -> Found:
    if (size := len(text.encode())) > MAX_TEXT_BYTES:
        said = f"has {size} bytes; Linux takes {MAX_TEXT_BYTES} at most"
        yield Violation(path, said, "TOO_LONG")


def _environment(spec: TaskSpec) -> Found:
    plain = spec.task.plan.env
    total = 0
    for place, variables in (("task.plan.env", plain), ("secret_env", spec.secret_env)):
        for name, value in variables.items():
            path = f'{place}["{name[:64]}"]'
            if why := names.environment_name(name):
                yield Violation(path, f"its name {why}", "NAME_FORM")
            yield from _short(path, f"{name}={value}")
            total += len(name.encode()) + len(value.encode())
    for name in plain.keys() & spec.secret_env.keys():
        said = "is in task.plan.env too: give it in one place"
        yield Violation(f'secret_env["{name}"]', said, "CONFLICT")
    if total > MAX_ENVIRONMENT_BYTES:
        said = f"has {total} bytes with secret_env; {MAX_ENVIRONMENT_BYTES} is the most"
        yield Violation("task.plan.env", said, "TOO_LONG")


def _secret_keys(spec: TaskSpec, profile: Profile) -> Found:
    """Find names that a variable may have and the key of a Secret may not."""
    for name in () if profile.plain_secrets else spec.secret_env:
        if not names.environment_name(name) and (why := names.secret_key(name)):
            yield Violation(f'secret_env["{name[:64]}"]', f"its name {why}", "NAME_FORM")


# --------------------------------------------------------------------------------------- numbers


def _amounts(spec: TaskSpec) -> Found:
    asked = spec.resources
    for name, least in (
        ("cpu_millis", 1),
        ("memory_bytes", 1),
        ("shm_size_bytes", 0),
        ("ephemeral_storage_bytes", 0),
    ):
        yield from ranged(f"resources.{name}", getattr(asked, name), least, quantities.MAX)
    for index, one in enumerate(asked.devices):
        path = f"resources.devices[{index}]"
        yield from required(f"{path}.name", one.name)
        yield from formed(f"{path}.name", one.name, names.device)
        yield from ranged(f"{path}.count", one.count, 0, quantities.MAX)
    yield from once(
        (f"resources.devices[{index}].name", one.name) for index, one in enumerate(asked.devices)
    )
    least = 1 if spec.workload is Workload.JOB else 0
    yield from ranged("replicas", spec.replicas, least, MAX_INT32)
    yield from ranged("termination_grace_period", spec.termination_grace_period, 0, MAX_SECONDS)


def _batch(spec: TaskSpec) -> Found:
    if spec.batch is None:
        return
    if spec.workload is not Workload.JOB:
        yield Violation("batch", "is for WORKLOAD_JOB only", "CONFLICT")
    yield from ranged("batch.time", spec.batch.seconds, 1, MAX_SECONDS)
    yield from ranged("batch.backoff_limit", spec.batch.backoff_limit, 0, MAX_INT32)
    yield from ranged("batch.ttl_after_finished", spec.batch.ttl_after_finished, 0, MAX_SECONDS)


# -------------------------------------------------------------------------- labels and placement


def _labels(spec: TaskSpec, profile: Profile) -> Found:
    own = OWN_KEYS | own_labels(spec, profile).keys() | profile.labels.keys()
    for key, value in spec.labels.items():
        path = f'labels["{key[:64]}"]'
        yield from _label(path, key, value)
        if key in own or key == profile.name_label:
            yield Violation(path, "is set by the agent itself", "CONFLICT")
    chosen = node_selector(spec, profile)
    for key, value in spec.node_selector.items():
        path = f'node_selector["{key[:64]}"]'
        yield from _label(path, key, value)
        fixed = chosen[key] if chosen[key] != value else profile.node_selector.get(key, value)
        if fixed != value:
            said = f"must be {fixed!r}, as the profile or the partition has it"
            yield Violation(path, said, "CONFLICT")


def _label(path: str, key: str, value: str) -> Found:
    if why := names.qualified_name(key):
        yield Violation(path, f"its key {why}", "NAME_FORM")
    yield from formed(path, value, names.label_value)


def _capabilities(spec: TaskSpec) -> Found:
    if spec.capabilities is None:
        return
    for kind in ("add", "drop"):
        for index, name in enumerate(getattr(spec.capabilities, kind)):
            path = f"capabilities.{kind}[{index}]"
            yield from required(path, name)
            yield from formed(path, name, names.capability)


def _tolerations(spec: TaskSpec) -> Found:
    for index, one in enumerate(spec.tolerations):
        path = f"tolerations[{index}]"
        yield from formed(f"{path}.key", one.key, names.qualified_name)
        yield from formed(f"{path}.value", one.value, names.label_value)
        if one.operator == "EXISTS" and one.value:
            yield Violation(f"{path}.value", "is for OPERATOR_EQUAL only", "CONFLICT")
        if one.operator == "EQUAL" and not one.key:
            yield Violation(f"{path}.key", "is required for OPERATOR_EQUAL", "REQUIRED")
        if one.seconds is not None and one.effect != "NO_EXECUTE":
            said = "is for TAINT_EFFECT_NO_EXECUTE only"
            yield Violation(f"{path}.period", said, "CONFLICT")
        yield from ranged(f"{path}.period", one.seconds, 0, MAX_SECONDS)
