"""What is wrong with a change of a job, and what of it callers may not have.

The same rules hold as for a submission, or a submission's refusal could be walked around.
"""

from hpcagent.config import Kubernetes, Profile
from hpcagent.config import kubernetes_names as names
from hpcagent.jobs.errors import InvalidRequest
from hpcagent.jobs.task import TaskUpdate
from hpcagent.k8s import quantities
from hpcagent.k8s.rules import images, policy
from hpcagent.k8s.rules.faults import Found, formed, once, ranged, required
from hpcagent.k8s.rules.forms import MAX_INT32


def check(change: TaskUpdate, profile: Profile, settings: Kubernetes) -> None:
    """Raise InvalidRequest with every violation, or Forbidden."""
    if faults := list(_forms(change)):
        raise InvalidRequest(faults)
    policy.refuse(_policy(change, profile, settings))


def _forms(change: TaskUpdate) -> Found:
    if change.image is not None:
        yield from required("job.image", change.image)
        yield from formed("job.image", change.image, images.trouble, "IMAGE_FORM")
    yield from ranged("job.replicas", change.replicas, 0, MAX_INT32)
    yield from ranged("job.cpu_millis", change.cpu_millis, 1, quantities.MAX)
    yield from ranged("job.memory_bytes", change.memory_bytes, 1, quantities.MAX)
    devices = list(enumerate(change.devices or ()))
    for index, one in devices:
        path = f"job.devices[{index}]"
        yield from required(f"{path}.name", one.name)
        yield from formed(f"{path}.name", one.name, names.device)
        yield from ranged(f"{path}.count", one.count, 0, quantities.MAX)
    yield from once((f"job.devices[{index}].name", one.name) for index, one in devices)


def _policy(change: TaskUpdate, profile: Profile, settings: Kubernetes) -> Found:
    if change.image is not None:
        yield from policy.image("job.image", change.image, settings.policy)
    yield from policy.devices("job.devices", change.devices or (), profile, settings.policy)
    yield from policy.replicas("job.replicas", change.replicas, settings.policy)
