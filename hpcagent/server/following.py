"""What all services say of jobs as they go on: events, and what they write.

Both kinds of streams last as long as their callers want; see ``streams`` for where they run.
"""

from collections.abc import Iterator

import grpc

from hpcagent.jobs.backend import Backend
from hpcagent.server.deadlines import deadline_of
from hpcagent.server.decode.outputs import output_query
from hpcagent.server.decode.watches import watch_order
from hpcagent.server.encode import events, outputs
from hpcagent.server.streams import Streams
from hpcagent.v1 import job_requests_pb2


class FollowMethods:
    """The methods of a servicer that follow jobs."""

    _backend: Backend
    _max_deadline: float
    _streams: Streams

    @property
    def _cluster(self) -> str:
        raise NotImplementedError

    def WatchJobs(
        self, request: job_requests_pb2.WatchJobsRequest, context: grpc.ServicerContext
    ) -> Iterator[job_requests_pb2.JobEvent]:
        """Follow jobs."""
        deadline = deadline_of(context, self._max_deadline)
        order = watch_order(request, self._cluster)
        with (
            self._streams.admitted(),
            self._backend.watch(order.wanted, order.resume_token, deadline) as watch,
            self._streams.running(context, watch.close, watch.stop),
        ):
            yield from (events.event(event, order.mask) for event in watch.events())

    def ReadOutput(
        self, request: job_requests_pb2.ReadOutputRequest, context: grpc.ServicerContext
    ) -> Iterator[job_requests_pb2.OutputChunk]:
        """Read what a job has written."""
        deadline = deadline_of(context, self._max_deadline)
        query = output_query(request, self._cluster)
        with (
            self._streams.admitted(),
            self._backend.read_output(query, deadline) as output,
            self._streams.running(context, output.close, output.stop),
        ):
            yield from map(outputs.chunk, output.chunks())
