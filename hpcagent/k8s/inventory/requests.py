"""What pods request, and may use at most, as the scheduler counts it.

Source: component-helpers, resource/helpers.go (PodRequests, PodLimits); Kubernetes, "Sidecar
Containers", resource sharing: init containers run one after another, those that are restarted
always (sidecars) beside all that comes after them.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any, TypeAlias

from hpcagent.k8s import quantities

Object: TypeAlias = Mapping[str, Any]
Amounts: TypeAlias = Mapping[str, Fraction]

_ENDED = ("Succeeded", "Failed")
UNENDED = ",".join(f"status.phase!={phase}" for phase in _ENDED)
"""The field selector of pods that hold what they request."""


def requested(pods: Iterable[Object]) -> dict[str, Fraction]:
    """Return what pods request together."""
    return _sum(_of_pod(pod, "requests") for pod in pods)


def limits(pods: Iterable[Object]) -> dict[str, Fraction]:
    """Return what pods may use together; without the resources that one has no limit of."""
    listed = list(pods)
    found = _sum(_of_pod(pod, "limits") for pod in listed)
    return {name: amount for name, amount in found.items() if all(_ends(p, name) for p in listed)}


def amounts(quantity_of: Mapping[str, str] | None) -> dict[str, Fraction]:
    """Read a list of resources, as v1.ResourceList has it."""
    return {name: quantities.read(text) for name, text in (quantity_of or {}).items()}


def _of_pod(pod: Object, part: str) -> Amounts:
    spec = pod["spec"]
    beside: Amounts = {}
    peak: Amounts = {}
    for one in spec.get("initContainers") or ():
        asked = _of_container(one, part)
        if one.get("restartPolicy") == "Always":
            beside, asked = _sum([beside, asked]), {}
        peak = _most(peak, _sum([beside, asked]))
    running = _sum([beside, *(_of_container(one, part) for one in spec["containers"])])
    # What the pod itself says is in place of what its containers say.
    whole = _most(running, peak) | _of_container(spec, part)
    return _sum([whole, amounts(spec.get("overhead"))])


def _of_container(container: Object, part: str) -> dict[str, Fraction]:
    return amounts((container.get("resources") or {}).get(part))


def _sum(parts: Iterable[Amounts]) -> dict[str, Fraction]:
    total: dict[str, Fraction] = {}
    for part in parts:
        for name, amount in part.items():
            total[name] = total.get(name, Fraction()) + amount
    return total


def _most(one: Amounts, other: Amounts) -> dict[str, Fraction]:
    none = Fraction()
    names = one.keys() | other.keys()
    return {name: max(one.get(name, none), other.get(name, none)) for name in names}


def _ends(pod: Object, name: str) -> bool:
    """Whether a pod has a limit of a resource."""
    spec = pod["spec"]
    containers = (*(spec.get("initContainers") or ()), *spec["containers"])
    return name in _of_container(spec, "limits") or all(
        name in _of_container(one, "limits") for one in containers
    )
