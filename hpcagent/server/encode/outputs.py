"""Pieces of a job's output."""

from hpcagent.jobs.outputs import Chunk
from hpcagent.server.encode import values
from hpcagent.v1 import job_requests_pb2


def chunk(value: Chunk) -> job_requests_pb2.OutputChunk:
    """Return a piece."""
    notice = job_requests_pb2.OutputChunk.Notice.Value(f"NOTICE_{value.notice.name}")
    return job_requests_pb2.OutputChunk(
        data=value.data, offset=value.offset, notice=notice, path=values.text(value.path)
    )
