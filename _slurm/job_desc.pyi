"""A job_desc_msg_t without a call, to see what would be sent."""

from collections.abc import Mapping

from _slurm.records import Given, Record

def describe(members: Mapping[str, Given], /) -> Record:
    """Set the members in a job_desc_msg_t as `submit_batch_job` does and read back all it holds.

    MemberError (one of its kinds) names the first member that cannot be set as asked.
    """
