"""The environment of a task's container, in an order in which it means what was asked for.

The contract's maps have no order, but Kubernetes' list has: a value's ``$(NAME)`` is replaced only
if NAME comes earlier (v1.EnvVar).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hpcagent.config import Profile
from hpcagent.jobs.identity import Identity
from hpcagent.jobs.task import TaskSpec
from hpcagent.k8s.marks import name_of
from hpcagent.k8s.paths import clean

_PLACE = re.compile(r"\{([a-z_]+)\}")
# `$$` is a dollar sign (v1.EnvVar), so `$$(NAME)` names nothing.
_REFERENCE = re.compile(r"\$\$|\$\(([-._a-zA-Z][-._a-zA-Z0-9]*)\)")


def variables(spec: TaskSpec, identity: Identity, profile: Profile) -> list[dict[str, Any]]:
    """Return the container's environment; secrets by reference, unless the profile says plain."""
    plain = {**site(spec, identity, profile), **spec.task.plan.env}
    secret = spec.secret_env
    values = plain | {name: _literal(value) for name, value in secret.items()}
    return [
        {"name": name, "value": values[name]}
        if name not in secret or profile.plain_secrets
        else {"name": name, "valueFrom": {"secretKeyRef": {"name": secret_name(spec), "key": name}}}
        for name in ordered(values, profile.environment_order)
    ]


def secret_name(spec: TaskSpec) -> str:
    """Return the name of the Secret of a task's secret variables."""
    return f"{name_of(spec)}-env"


def site(spec: TaskSpec, identity: Identity, profile: Profile) -> dict[str, str]:
    """Return the profile's variables, those left out of which a part is not known."""
    known = places(spec, identity, profile)
    return {
        name: _PLACE.sub(lambda place: _literal(known.get(place[1], place[0])), template)
        for name, template in profile.environment.items()
        if all(known.get(place, "?") for place in _PLACE.findall(template))
    }


def places(spec: TaskSpec, identity: Identity, profile: Profile) -> dict[str, str]:
    """Return what a profile's variables may name in braces."""
    task_id, stage = name_of(spec), spec.task.stage
    home = spec.home or identity.home
    return {
        "user": identity.user,
        "group": identity.group,
        "home": clean(home) if home else "",
        "work_dir": clean(stage.mount_path) if stage else "",
        "app": spec.app,
        "partition": spec.partition or profile.partition,
        "task_id": task_id,
        "host_name": "-".join(filter(None, [spec.app, task_id.partition("-")[0]])),
    }


def ordered(values: Mapping[str, str], first: Iterable[str]) -> list[str]:
    """Return names, ``first`` first and others by name, but none before what its value names.

    Of a circle, one has to go without. It is a stack of its own: a caller must not be able to
    make Python's overflow.
    """
    done: dict[str, None] = {}
    entered: set[str] = set()
    stack = [*sorted(values, reverse=True), *reversed([name for name in first if name in values])]
    while stack:
        name = stack.pop()
        if name in done:
            continue
        if name in entered:
            done[name] = None
            continue
        entered.add(name)
        needed = [one for one in _references(values[name]) if one in values and one not in entered]
        stack += [name, *reversed(needed)]
    return list(done)


def _references(value: str) -> Iterator[str]:
    return (form[1] for form in _REFERENCE.finditer(value) if form[1])


def _literal(value: str) -> str:
    """Return a value of which nothing is replaced: what comes from a Secret is not, either."""
    return value.replace("$", "$$")
