"""How long a call may take: the caller's deadline, within the agent's own limit."""

import grpc

from hpcagent.jobs.deadline import Deadline

LEAST_MARGIN = 0.02
MOST_MARGIN = 0.1
SHARE = 0.05
"""What is kept of the time for the way back, so that an honest answer still reaches the caller
rather than its own library's DEADLINE_EXCEEDED: 5 %, between 20 and 100 ms."""


def deadline_of(context: grpc.ServicerContext, longest: float) -> Deadline:
    """Return until when the work for a call may go on; ``longest`` seconds if nobody says."""
    left = min(context.time_remaining(), longest)
    margin = max(LEAST_MARGIN, min(MOST_MARGIN, left * SHARE))
    return Deadline.after(left - margin)
