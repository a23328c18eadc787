"""What K8sAgent says of jobs as they go on: events, and what their containers write.

As ``following`` does it for SlurmAgent; see ``streams`` for where such calls run.
"""

from collections.abc import Iterator

import grpc

from hpcagent.jobs.task_backend import TaskFollower
from hpcagent.server.deadlines import deadline_of
from hpcagent.server.decode import task_jobs as asked
from hpcagent.server.encode import events, outputs
from hpcagent.server.streams import Streams
from hpcagent.v1 import job_requests_pb2 as messages


class TaskFollowMethods:
    """The methods of a servicer that follow tasks."""

    _follower: TaskFollower
    _clusters: tuple[str, ...]
    _max_deadline: float
    _streams: Streams

    def WatchJobs(
        self, request: messages.WatchJobsRequest, context: grpc.ServicerContext
    ) -> Iterator[messages.JobEvent]:
        """Follow jobs."""
        deadline = deadline_of(context, self._max_deadline)
        order = asked.watch_order(request, self._clusters)
        with (
            self._streams.admitted(),
            self._follower.watch(order.wanted, order.resume_token, deadline) as watch,
            self._streams.running(context, watch.close, watch.stop),
        ):
            yield from (events.event(event, order.mask) for event in watch.events())

    def ReadOutput(
        self, request: messages.ReadOutputRequest, context: grpc.ServicerContext
    ) -> Iterator[messages.OutputChunk]:
        """Read what a job's container has written."""
        deadline = deadline_of(context, self._max_deadline)
        query = asked.log_query(request, self._clusters)
        with (
            self._streams.admitted(),
            self._follower.read_output(query, deadline) as output,
            self._streams.running(context, output.close, output.stop),
        ):
            yield from map(outputs.chunk, output.chunks())
