"""Who may call a sandbox's API server: static tokens, and a kubeconfig for each.

Source: Kubernetes, "Authenticating", static token file: lines of ``token,user,uid,"groups"``.
"""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

MASTERS = "system:masters"


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the API server."""

    name: str
    user: str
    group: str = ""


ADMIN = Account("admin", "admin", MASTERS)
CONTROLLERS = Account("controller-manager", "system:kube-controller-manager", MASTERS)
SCHEDULER = Account("scheduler", "system:kube-scheduler", MASTERS)
NODES = Account("nodes", "system:nodes", MASTERS)

ACCOUNTS = (ADMIN, CONTROLLERS, SCHEDULER, NODES)


def new_tokens() -> dict[str, str]:
    """A fresh token for each account, by its name."""
    return {account.name: secrets.token_urlsafe(24) for account in ACCOUNTS}


def token_file(tokens: dict[str, str]) -> str:
    """What ``--token-auth-file`` reads."""
    return "".join(
        f'{tokens[account.name]},{account.user},{account.user},"{account.group}"\n'
        for account in ACCOUNTS
    )


def kubeconfig(account: Account, token: str, server: str, authority: Path) -> str:
    """A kubeconfig; it is JSON, which is YAML."""
    name = "sandbox"
    cluster = {"server": server, "certificate-authority": str(authority)}
    context = {"cluster": name, "user": account.name, "namespace": "default"}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": account.name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": context}],
        "current-context": name,
    }
    return json.dumps(document, indent=1)
