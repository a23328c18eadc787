"""The very Deployment of the original system, from the values that it was asked for."""

from pathlib import Path
from typing import Any

import yaml
from unit.k8s.tasks import ORIGIN, ORIGIN_PROFILE, ORIGIN_USER

from hpcagent.k8s.manifests.manifest import render

# Go's client, which wrote it, leaves out of an object what kind it is.
KIND = {"apiVersion": "apps/v1", "kind": "Deployment"}


def without_nulls(value: Any) -> Any:  # noqa: ANN401 - YAML
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def test_the_originals_deployment_is_rendered_from_its_values() -> None:
    golden = yaml.safe_load((Path(__file__).parent / "origin_deployment.yaml").read_text())
    manifests = render(ORIGIN, ORIGIN_USER, ORIGIN_PROFILE)
    assert manifests.workload == KIND | without_nulls(golden)
    assert list(manifests) == [manifests.workload]
