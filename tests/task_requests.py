"""Requests of tasks that several tests send."""

import json
from collections.abc import Mapping
from typing import Any

import tree
from google.protobuf import json_format

from hpcagent.v1 import k8s_agent_pb2

ORIGIN: Mapping[str, Any] = json.loads(tree.text("examples/origin_task.json"))
"""What the original was asked for when it rendered the Deployment of its documentation."""
TASK_ID: str = ORIGIN["task"]["plan"]["id"]
HOME: str = ORIGIN["home"]


def request(fields: Mapping[str, object]) -> k8s_agent_pb2.SubmitTaskRequest:
    """Return a request written as protobuf's JSON, with the names of the contract."""
    return json_format.ParseDict(dict(fields), k8s_agent_pb2.SubmitTaskRequest())
