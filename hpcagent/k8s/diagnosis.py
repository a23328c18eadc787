"""Why a cluster cannot be used from this host, for ``hpcagent check``.

Everything between the agent and a cluster is looked at in the order in which it is needed: the
files of its settings, the API server and the agent's credentials, and the agent's rights in each
namespace that tasks may be in.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from hpcagent import config
from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import AgentError
from hpcagent.jobs.findings import Finding, State
from hpcagent.k8s import credentials
from hpcagent.k8s.client import ApiServer, Request

PATIENCE = 10.0
"""Seconds for each answer."""
_POOL = 1

RIGHTS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("apps", "deployments"): ("create", "get", "list", "watch", "patch", "delete"),
    ("batch", "jobs"): ("create", "get", "list", "watch", "patch", "delete"),
    ("", "services"): ("create", "get", "list", "watch"),
    ("", "secrets"): ("create",),
    ("", "pods"): ("list", "watch", "delete"),
    ("", "pods/log"): ("get",),
    ("", "events"): ("list", "watch"),
    ("", "resourcequotas"): ("list",),
}
"""What the agent does in a namespace, by API group and resource: docs/kubernetes/role.yaml."""


def diagnose(settings: config.Kubernetes) -> Iterator[Finding]:
    """Yield what is found of each cluster, as far as one can get."""
    profiles = settings.profiles.values()
    namespaces = settings.policy.namespaces or {one.namespace for one in profiles}
    for name, access in settings.clusters.items():
        try:
            credentials.load(access, _POOL)
        except credentials.AccessError as error:
            advice = f"mend kubernetes.clusters.{name}, or the files that it names"
            yield Finding(name, State.FAIL, str(error), advice, misconfigured=True)
            continue
        server = ApiServer(name, access, pool=_POOL, longest=PATIENCE)
        try:
            yield from _server(server, sorted(namespaces))
        finally:
            server.close()


def _server(server: ApiServer, namespaces: list[str]) -> Iterator[Finding]:
    try:
        version = server.ask(Request(method="GET", path="/version"), Deadline.after(PATIENCE))
    except AgentError as error:
        advice = "see that the API server runs, can be reached from here, and knows the credentials"
        yield Finding(server.cluster, State.FAIL, f"{server.host}: {error.message}", advice)
        return
    said = f"Kubernetes {version['gitVersion']} at {server.host}"
    yield Finding(server.cluster, State.OK, said)
    for namespace in namespaces:
        yield _rights(server, namespace)


def _rights(server: ApiServer, namespace: str) -> Finding:
    """Ask what the agent may do in a namespace."""
    question = Request(
        method="POST",
        path="/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
        body={
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectRulesReview",
            "spec": {"namespace": namespace},
        },
    )
    try:
        answer = server.ask(question, Deadline.after(PATIENCE))
    except AgentError as error:
        said = f"rights in {namespace} cannot be asked for: {error.message}"
        return Finding(server.cluster, State.WARN, said)
    missing = list(_missing(answer["status"]))
    if not missing:
        return Finding(server.cluster, State.OK, f"has its rights in {namespace}")
    said = f"lacks rights in {namespace}: {', '.join(missing)}"
    if answer["status"].get("incomplete"):
        return Finding(server.cluster, State.WARN, f"perhaps {said}; the API server is not sure")
    advice = "bind the role of docs/kubernetes/role.yaml in that namespace"
    return Finding(server.cluster, State.FAIL, said, advice)


def _missing(status: Mapping[str, Any]) -> Iterator[str]:
    for (group, resource), verbs in RIGHTS.items():
        granted = {
            verb
            for rule in status["resourceRules"]
            if {group, "*"} & set(rule.get("apiGroups", ()))
            and {resource, "*"} & set(rule.get("resources", ()))
            for verb in rule["verbs"]
        }
        if "*" not in granted:
            yield from (f"{verb} {resource}" for verb in verbs if verb not in granted)
