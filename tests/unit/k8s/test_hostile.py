"""Nothing dangerous or malformed comes through, and every refusal names the field and why."""

import copy
from collections.abc import Mapping
from typing import Any

import pytest
import task_requests
from unit.k8s.hostile import FORBIDDEN, MALFORMED
from unit.k8s.tasks import SITE

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import AgentError, Forbidden, InvalidRequest
from hpcagent.jobs.identity import IdentityPolicy
from hpcagent.k8s.preparation import Preparer
from hpcagent.k8s.users import RequestUsers
from hpcagent.server.decode.task import task_spec

PREPARER = Preparer(SITE.kubernetes, RequestUsers(IdentityPolicy()))


def changed(changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """The original's request with other values at some paths."""
    request: Any = copy.deepcopy(task_requests.ORIGIN)
    for path, value in changes.items():
        *way, last = path.split(".")
        place = request
        for step in way:
            place = place.setdefault(step, {})
        place[last] = value
    return dict(request)


def prepare(changes: Mapping[str, Any]) -> None:
    spec = task_spec(task_requests.request(changed(changes)))
    PREPARER.prepare(spec, Deadline.after(5))


def refusals(changes: Mapping[str, Any], kind: type[AgentError]) -> dict[str, str]:
    with pytest.raises(kind) as refused:
        prepare(changes)
    assert all(fault.description for fault in refused.value.violations)
    return {fault.field: fault.reason for fault in refused.value.violations}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_malformed_is_refused_by_field_and_reason(name: str) -> None:
    changes, wanted = MALFORMED[name]
    assert refusals(changes, InvalidRequest) == wanted


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_nobody_may_ask_for_is_refused_by_field_and_reason(name: str) -> None:
    changes, wanted = FORBIDDEN[name]
    assert refusals(changes, Forbidden) == wanted


def test_the_originals_own_request_is_not_refused() -> None:
    prepare({})
