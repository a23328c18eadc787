"""The objects of one task as one unit: all of them are made, or none is left.

The workload is made first and owns the others, so that Kubernetes itself removes these when it
goes, whoever deletes it. Names are given, not generated: what is made a second time, because an
answer was lost or a caller asks again, meets itself, and is told apart from others by its digest.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import (
    AgentError,
    BackendUnavailable,
    Forbidden,
    Kind,
    NotFound,
    OutcomeUnknown,
    Refused,
)
from hpcagent.k8s.client import ApiServer, Object, Request
from hpcagent.k8s.errors import RETRY_SECONDS, lost
from hpcagent.k8s.marks import DIGEST, REQUEST_ID
from hpcagent.k8s.resources import WORKLOADS, path, path_of
from hpcagent.k8s.states.observation import is_own, made_by
from hpcagent.k8s.states.pods import is_ending

SUBMIT = "SUBMIT"

_CLEARING_SECONDS = 5.0
"""What removing a half-made unit may take beyond the caller's deadline."""


@dataclass(frozen=True, slots=True)
class Created:
    """A unit that is there."""

    workload: Object
    replayed: bool
    """It was there before."""


def create(server: ApiServer, manifests: "list[Object]", deadline: Deadline) -> Created:
    """Make the objects of a task, the workload first. Raises what the API server refuses with.

    A workload that is there already with the same digest is the answer; what its unit lacks is
    made up for.
    """
    workload, *rest = manifests
    _refuse_twin(server, workload, deadline)
    created = _create_workload(server, workload, deadline)
    try:
        for part in rest:
            _create_part(server, _owned(part, created.workload), created, deadline)
    except AgentError as error:
        if not created.replayed:
            _clear(server, created.workload, error)
        raise
    return created


def check(server: ApiServer, manifests: "list[Object]", deadline: Deadline) -> Created | None:
    """Have the API server judge the objects as if they were made; None if all would be.

    Raises what it refuses with. A unit that is there with the same digest is returned.
    """
    _refuse_twin(server, manifests[0], deadline)
    for manifest in manifests:
        try:
            _post(server, manifest, deadline, dry_run=True)
        except Refused as error:
            if error.kind is not Kind.ALREADY_EXISTS or manifest is not manifests[0]:
                raise
            return Created(_same(server, manifest, deadline), replayed=True)
    return None


def check_request(server: ApiServer, manifest: Object, deadline: Deadline) -> None:
    """Raise Refused if the request_id has made another task in the namespace, of another name."""
    metadata = manifest["metadata"]
    found = made_by(server, _mark(manifest, REQUEST_ID), [metadata["namespace"]], deadline)
    if found is not None and found["metadata"]["name"] != metadata["name"]:
        raise _taken(found, manifest)


# ----------------------------------------------------------------------------------- the workload


def _refuse_twin(server: ApiServer, manifest: Object, deadline: Deadline) -> None:
    """Raise Refused if a workload of the agent's of another kind has the name.

    To Kubernetes these are two; as jobs both would have the same id. An agent that may not read the
    other kind has made none.
    """
    metadata = manifest["metadata"]
    for kind in WORKLOADS:
        if kind == manifest["kind"]:
            continue
        question = Request(method="GET", path=path(kind, metadata["namespace"], metadata["name"]))
        with contextlib.suppress(NotFound, Forbidden):
            found = server.ask(question, deadline)
            if is_own(found):
                raise _taken({"kind": kind, **found}, manifest)


def _create_workload(server: ApiServer, manifest: Object, deadline: Deadline) -> Created:
    """Make it; an attempt whose answer is lost is repeated, which cannot make two."""
    for again in (False, True):
        try:
            return Created(_post(server, manifest, deadline), replayed=False)
        except OutcomeUnknown:
            if again or deadline.passed:
                raise
        except Refused as error:
            if error.kind is not Kind.ALREADY_EXISTS:
                raise
            return Created(_same(server, manifest, deadline), replayed=True)
    raise AssertionError("the second attempt returns or raises")


def _same(server: ApiServer, manifest: Object, deadline: Deadline) -> Object:
    """Return the object that has the name already, if it is what the manifest describes."""
    try:
        found = server.ask(Request(method="GET", path=path_of(manifest)), deadline)
    except NotFound as gone:
        raise _being_deleted(manifest) from gone
    if is_ending(found):
        raise _being_deleted(manifest)
    if _mark(found, DIGEST) != _mark(manifest, DIGEST):
        raise _taken(found, manifest)
    return found


# ------------------------------------------------------------------------------- what it owns


def _create_part(server: ApiServer, manifest: Object, created: Created, deadline: Deadline) -> None:
    for again in (False, True):
        try:
            _post(server, manifest, deadline)
        except OutcomeUnknown:
            if again or deadline.passed:
                raise
        except Refused as error:
            if error.kind is not Kind.ALREADY_EXISTS:
                raise
            _check_part(server, manifest, deadline, expected=again or created.replayed)
            return
        else:
            return


def _check_part(server: ApiServer, manifest: Object, deadline: Deadline, *, expected: bool) -> None:
    """Raise if what has the name is not the workload's.

    Then it belongs to an earlier task that is being cleared away, or to somebody else. The agent
    has no right to read Secrets: one that is expected to be there is taken for its own.
    """
    if manifest["kind"] == "Secret":
        if expected:
            return
        raise _being_deleted(manifest)
    found = _same(server, manifest, deadline)
    (wanted,) = manifest["metadata"]["ownerReferences"]
    owners = found["metadata"].get("ownerReferences") or ()
    if wanted["uid"] not in {owner["uid"] for owner in owners}:
        raise _being_deleted(manifest)


def _owned(part: Object, owner: Object) -> Object:
    """Return a manifest that says who owns it."""
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": False,
        "blockOwnerDeletion": False,
    }
    return {**part, "metadata": {**part["metadata"], "ownerReferences": [reference]}}


def _clear(server: ApiServer, workload: Object, cause: AgentError) -> None:
    """Remove what was made of a unit that could not be completed.

    Raises OutcomeUnknown if that fails, too: then part of it is there.
    """
    request = Request(
        method="DELETE",
        path=path_of(workload),
        body={
            "propagationPolicy": "Background",
            "preconditions": {"uid": workload["metadata"]["uid"]},
        },
        verb=SUBMIT,
    )
    try:
        with server.deletions.of(workload["metadata"]["uid"]):
            server.ask(request, Deadline.after(_CLEARING_SECONDS))
    except NotFound:
        return
    except AgentError as error:
        said = f"{cause.message}; what was made before could not be removed: {error.message}"
        raise lost(said, SUBMIT, metadata=cause.metadata) from error


# --------------------------------------------------------------------------------------- requests


def _post(
    server: ApiServer, manifest: Object, deadline: Deadline, *, dry_run: bool = False
) -> Object:
    request = Request(
        method="POST",
        path=path(manifest["kind"], manifest["metadata"]["namespace"]),
        query={"fieldValidation": "Strict", **({"dryRun": "All"} if dry_run else {})},
        body=manifest,
        verb="" if dry_run else SUBMIT,
    )
    return server.ask(request, deadline)


def _mark(thing: Mapping[str, Any], key: str) -> str:
    return str((thing["metadata"].get("annotations") or {}).get(key, ""))


def _being_deleted(manifest: Object) -> AgentError:
    name = manifest["metadata"]["name"]
    said = f"an earlier {manifest['kind']} {name} is still being deleted"
    return BackendUnavailable(said, reason="BEING_DELETED", retry_after=RETRY_SECONDS)


def _taken(found: Object, manifest: Object) -> AgentError:
    name, request_id = manifest["metadata"]["name"], _mark(manifest, REQUEST_ID)
    if request_id and request_id == _mark(found, REQUEST_ID):
        said = f"request_id {request_id!r} was used for another task, {name}"
        return Refused(said, kind=Kind.ALREADY_EXISTS, reason="REQUEST_ID_REUSED")
    said = f"there is another task, {found['kind']} {name}"
    return Refused(said, kind=Kind.ALREADY_EXISTS, reason="NAME_TAKEN")
