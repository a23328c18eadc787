"""Requests of tasks that several tests send."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

import tree
from google.protobuf import json_format
from google.protobuf.message import Message

from hpcagent.v1 import k8s_agent_pb2

Written = TypeVar("Written", bound=Message)

ORIGIN: Mapping[str, Any] = json.loads(tree.text("examples/origin_task.json"))
"""What the original was asked for when it rendered the Deployment of its documentation."""
TASK_ID: str = ORIGIN["task"]["plan"]["id"]
HOME: str = ORIGIN["home"]


def request(fields: Mapping[str, object]) -> k8s_agent_pb2.SubmitTaskRequest:
    """Return a request written as protobuf's JSON, with the names of the contract."""
    return message(k8s_agent_pb2.SubmitTaskRequest, **fields)


def message(kind: type[Written], **fields: object) -> Written:
    """Return a message written so."""
    return json_format.ParseDict(fields, kind())
