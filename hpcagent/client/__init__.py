"""A caller of the agent, for the command line: requests and answers as plain mappings.

What is asked and answered are the contract's messages in JSON's form, with the contract's own field
names. So neither gRPC nor protobuf is known above this package.
"""

from hpcagent.client.agent import Agent, Connection
from hpcagent.client.failures import AgentFailure, CannotConnectError

__all__ = ["Agent", "AgentFailure", "CannotConnectError", "Connection"]
