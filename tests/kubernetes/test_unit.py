"""A task's objects on a real API server: all of them are made, or none is left; and never two."""

import time

import pytest
from fix_kubernetes import Agent
from kubernetes_proxy import Fault, Proxy, hang_up, lose_the_answer, refused
from kubernetes_tasks import Object, batch, manifests, named, soon, task, until, with_all

from hpcagent.jobs.errors import (
    AgentError,
    BackendUnavailable,
    Forbidden,
    Kind,
    NotFound,
    OutcomeUnknown,
    Refused,
)
from hpcagent.jobs.model import Job, JobState
from hpcagent.jobs.task import TaskSpec
from hpcagent.jobs.task_backend import Ending
from hpcagent.k8s import changes, unit
from hpcagent.k8s.client import ApiServer
from hpcagent.k8s.marks import DIGEST, REQUEST_ID


def create(server: ApiServer, agent: Agent, spec: TaskSpec) -> unit.Created:
    """Make a task's objects."""
    return unit.create(server, manifests(spec, agent.namespace), soon())


def objects(agent: Agent, *kinds: str) -> dict[str, list[Object]]:
    """What there is of the agent's in its namespace, by kind."""
    found = {}
    for kind in kinds or ("deployments", "jobs", "secrets", "services"):
        api = {"deployments": "apis/apps/v1", "jobs": "apis/batch/v1"}.get(kind, "api/v1")
        path = f"/{api}/namespaces/{agent.namespace}/{kind}"
        listed = agent.cluster.call("GET", path, labelSelector="app.kubernetes.io/managed-by")
        found[kind] = listed["items"]
    return found


def counts(agent: Agent) -> tuple[int, ...]:
    """How many Deployments, Jobs, Secrets and Services there are."""
    return tuple(len(one) for one in objects(agent).values())


def cleared(agent: Agent) -> bool:
    """Whether nothing is left, now or soon."""
    deadline = time.monotonic() + 30
    while any(counts(agent)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not any(counts(agent))


def test_a_job_and_a_deployment_cannot_have_the_same_name(server: ApiServer, agent: Agent) -> None:
    create(server, agent, task("t"))
    for spec in (batch("t", "true"), batch("t", "true", request_id="r1")):
        for make in (unit.create, unit.check):
            with pytest.raises(Refused) as refused:
                make(server, manifests(spec, agent.namespace), soon())
            assert (refused.value.kind, refused.value.reason) == (Kind.ALREADY_EXISTS, "NAME_TAKEN")
    assert counts(agent) == (1, 0, 0, 0)


def test_the_workload_owns_its_secret_and_service(server: ApiServer, agent: Agent) -> None:
    made = create(server, agent, with_all("t", request_id="r1"))
    assert not made.replayed
    assert counts(agent) == (1, 0, 1, 1)
    for kind in ("secrets", "services"):
        (part,) = objects(agent)[kind]
        (owner,) = part["metadata"]["ownerReferences"]
        assert owner["uid"] == made.workload["metadata"]["uid"]
        assert part["metadata"]["annotations"][REQUEST_ID] == "r1"


def test_a_task_with_all_its_objects_runs(server: ApiServer, agent: Agent) -> None:
    spec = with_all("t")
    create(server, agent, spec)
    found = until(server, named(spec, agent.namespace), lambda one: one.state is JobState.RUNNING)
    assert found.kubernetes is not None
    assert found.kubernetes.endpoints == {"web": f"t.{agent.namespace}.svc:8888"}


def test_the_same_task_again_is_the_same_job(server: ApiServer, agent: Agent) -> None:
    first = create(server, agent, with_all("t", request_id="r1"))
    again = create(server, agent, with_all("t", request_id="r1"))
    assert again.replayed
    assert again.workload["metadata"]["uid"] == first.workload["metadata"]["uid"]
    assert counts(agent) == (1, 0, 1, 1)


def test_another_task_of_the_same_name_is_refused(server: ApiServer, agent: Agent) -> None:
    create(server, agent, task("t", request_id="r1"))
    with pytest.raises(Refused) as refusal:
        create(server, agent, task("t", "sleep 1", request_id="r2"))
    assert refusal.value.kind is Kind.ALREADY_EXISTS
    assert refusal.value.reason == "NAME_TAKEN"


def test_the_same_request_id_with_other_content_is_refused(server: ApiServer, agent: Agent) -> None:
    create(server, agent, task("t", request_id="r1"))
    with pytest.raises(Refused) as refusal:
        create(server, agent, task("t", "sleep 1", request_id="r1"))
    assert refusal.value.reason == "REQUEST_ID_REUSED"


def test_a_request_id_makes_no_second_task_of_another_name(server: ApiServer, agent: Agent) -> None:
    create(server, agent, task("t", request_id="r1"))
    other = manifests(task("other", request_id="r1"), agent.namespace)
    with pytest.raises(Refused) as refusal:
        unit.check_request(server, other[0], soon())
    assert refusal.value.reason == "REQUEST_ID_REUSED"


def test_somebody_elses_service_of_the_name_leaves_nothing_behind(
    server: ApiServer, agent: Agent
) -> None:
    ports = [{"name": "web", "port": 80}]
    theirs = {"metadata": {"name": "t"}, "spec": {"ports": ports}}
    agent.cluster.call("POST", f"/api/v1/namespaces/{agent.namespace}/services", theirs)
    with pytest.raises(Refused) as refusal:
        create(server, agent, with_all("t"))
    assert refusal.value.kind is Kind.ALREADY_EXISTS
    assert cleared(agent)


def test_a_quota_on_services_leaves_nothing_behind(server: ApiServer, agent: Agent) -> None:
    agent.quota({"services": "0"})
    with pytest.raises(Refused) as refusal:
        create(server, agent, with_all("t"))
    assert refusal.value.kind is Kind.RESOURCE_EXHAUSTED
    assert refusal.value.domain == "kubernetes.hpcagent"
    assert refusal.value.reason == "FORBIDDEN"
    assert "exceeded quota: test" in refusal.value.metadata["said"]
    assert cleared(agent)


def test_a_missing_right_is_told_with_rbacs_words(server: ApiServer, agent: Agent) -> None:
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    agent.cluster.call("DELETE", f"{rbac}/namespaces/{agent.namespace}/rolebindings/hpcagent")
    with pytest.raises(Forbidden) as refusal:
        create(server, agent, task("t"))
    assert "cannot create resource" in refusal.value.message
    assert refusal.value.metadata["code"] == "403"


def test_a_namespace_with_a_security_standard_refuses_with_its_words(
    server: ApiServer, agent: Agent
) -> None:
    path = f"/api/v1/namespaces/{agent.namespace}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    agent.cluster.call("PATCH", path, {"metadata": {"labels": labels}})
    spec = batch("t", "true")
    create(server, agent, spec)  # the standard judges pods, so a workload is only warned about

    def is_told(found: Job) -> bool:
        reason = found.reason
        return reason is not None and (reason.name, "PodSecurity" in reason.text) == (
            "FailedCreate",
            True,
        )

    until(server, named(spec, agent.namespace), is_told)


def test_an_admission_policy_refuses_with_its_words(server: ApiServer, agent: Agent) -> None:
    with agent.admission_policy("object.spec.replicas < 5", "no more than four replicas here"):
        with pytest.raises(AgentError) as refusal:
            create(server, agent, task("t", replicas=5))
        assert "no more than four replicas here" in refusal.value.message
        assert refusal.value.kind in {Kind.PERMISSION_DENIED, Kind.INVALID_ARGUMENT}
    assert not any(counts(agent))


def test_what_no_api_server_takes_is_refused_by_field(server: ApiServer, agent: Agent) -> None:
    (manifest,) = manifests(task("t"), agent.namespace)
    manifest["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Sometimes"
    with pytest.raises(AgentError) as refusal:
        unit.create(server, [manifest], soon())
    assert refusal.value.kind is Kind.INVALID_ARGUMENT
    (violation,) = refusal.value.violations
    assert violation.field == "manifest.spec.template.spec.containers[0].imagePullPolicy"
    assert violation.reason == "NOT_SUPPORTED"


def test_an_unknown_field_is_refused_not_dropped(server: ApiServer, agent: Agent) -> None:
    (manifest,) = manifests(task("t"), agent.namespace)
    manifest["spec"]["replica"] = 3
    with pytest.raises(AgentError) as refusal:
        unit.create(server, [manifest], soon())
    assert refusal.value.kind is Kind.INVALID_ARGUMENT
    assert 'unknown field "spec.replica"' in refusal.value.message


def test_a_namespace_that_is_not_there_is_named(server: ApiServer, agent: Agent) -> None:
    admin = ApiServer("test", agent.admin_access, pool=1, longest=30)
    with pytest.raises(NotFound, match="none-such"):
        unit.create(admin, manifests(task("t"), "none-such"), soon())
    admin.close()


def test_a_check_creates_nothing(server: ApiServer, agent: Agent) -> None:
    assert unit.check(server, manifests(with_all("t"), agent.namespace), soon()) is None
    assert not any(counts(agent))


def test_a_check_is_refused_as_the_creation_would_be(server: ApiServer, agent: Agent) -> None:
    agent.quota({"count/deployments.apps": "0"})
    with pytest.raises(Refused) as refusal:
        unit.check(server, manifests(task("t"), agent.namespace), soon())
    assert refusal.value.kind is Kind.RESOURCE_EXHAUSTED


def test_a_task_that_is_being_deleted_is_to_be_tried_later(server: ApiServer, agent: Agent) -> None:
    spec = task("t", "trap '' TERM; while :; do sleep 0.1; done", termination_grace_period=5)
    create(server, agent, spec)
    job_id = named(spec, agent.namespace)
    until(server, job_id, lambda one: one.state is JobState.RUNNING)
    changes.cancel(server, job_id, Ending(foreground=True), soon())
    with pytest.raises(BackendUnavailable) as refusal:
        create(server, agent, spec)
    assert refusal.value.reason == "BEING_DELETED"
    assert refusal.value.retry_after


# ------------------------------------------------------------------------------- lost answers


def test_a_lost_answer_is_found_by_name_and_digest(
    faulty: ApiServer, faults: Proxy, agent: Agent
) -> None:
    faults.plan.faults = [Fault("POST", lose_the_answer, "deployments")]
    made = create(faulty, agent, with_all("t"))
    assert made.replayed
    assert counts(agent) == (1, 0, 1, 1)


def test_a_lost_request_is_sent_again(faulty: ApiServer, faults: Proxy, agent: Agent) -> None:
    faults.plan.faults = [Fault("POST", hang_up, "deployments")]
    assert not create(faulty, agent, task("t")).replayed
    assert counts(agent) == (1, 0, 0, 0)


def test_an_outcome_that_stays_unknown_is_told_and_the_same_request_finds_it_out(
    faulty: ApiServer, faults: Proxy, agent: Agent
) -> None:
    faults.plan.faults = [Fault("POST", lose_the_answer, "deployments", times=2)]
    with pytest.raises(OutcomeUnknown) as unknown:
        create(faulty, agent, task("t"))
    assert unknown.value.reason == "SUBMIT_OUTCOME_UNKNOWN"
    assert create(faulty, agent, task("t")).replayed
    assert counts(agent) == (1, 0, 0, 0)


def test_a_secret_whose_answer_is_lost_is_taken_for_made(
    faulty: ApiServer, faults: Proxy, agent: Agent
) -> None:
    faults.plan.faults = [Fault("POST", lose_the_answer, "secrets")]
    create(faulty, agent, with_all("t"))
    assert counts(agent) == (1, 0, 1, 1)


def test_what_a_broken_off_creation_lacks_is_made_up_for(
    faulty: ApiServer, faults: Proxy, agent: Agent
) -> None:
    spec = with_all("t")
    unit.create(faulty, manifests(spec, agent.namespace)[:1], soon())
    assert counts(agent) == (1, 0, 0, 0)
    assert create(faulty, agent, spec).replayed
    assert counts(agent) == (1, 0, 1, 1)


def test_what_cannot_be_removed_is_told_as_unknown(
    faulty: ApiServer, faults: Proxy, agent: Agent
) -> None:
    faults.plan.faults = [
        Fault("POST", refused(403, "Forbidden", "no services here"), "services"),
        Fault("DELETE", refused(403, "Forbidden", "nothing is deleted here")),
    ]
    with pytest.raises(OutcomeUnknown) as unknown:
        create(faulty, agent, with_all("t"))
    assert "no services here" in unknown.value.message
    assert "nothing is deleted here" in unknown.value.message


@pytest.mark.parametrize("status", [429, 503])
def test_an_api_server_that_is_too_busy_says_when_to_try_again(
    faulty: ApiServer, faults: Proxy, agent: Agent, status: int
) -> None:
    reason = {429: "TooManyRequests", 503: "ServiceUnavailable"}[status]
    faults.plan.faults = [Fault("POST", refused(status, reason, "busy", Retry_After="7"))]
    with pytest.raises(AgentError) as refusal:
        create(faulty, agent, task("t"))
    kinds = {429: Kind.RESOURCE_EXHAUSTED, 503: Kind.UNAVAILABLE}
    assert refusal.value.kind is kinds[status]
    assert refusal.value.retry_after == 7
    assert not any(counts(agent))
    assert faults.plan.count("POST") == 1


@pytest.mark.parametrize("status", [500, 502, 504])
def test_an_internal_error_leaves_the_outcome_open(
    faulty: ApiServer, faults: Proxy, agent: Agent, status: int
) -> None:
    faults.plan.faults = [
        Fault("POST", refused(status, "InternalError", "etcdserver: request timed out"), times=2)
    ]
    with pytest.raises(OutcomeUnknown, match="etcdserver"):
        create(faulty, agent, task("t"))


def test_all_marks_are_on_every_object(server: ApiServer, agent: Agent) -> None:
    spec = with_all("t", request_id="r1")
    create(server, agent, spec)
    found = [one for kind in objects(agent).values() for one in kind]
    assert {one["metadata"]["annotations"][DIGEST] for one in found} == {spec.digest()}
