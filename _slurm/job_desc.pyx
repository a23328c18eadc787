"""A job_desc_msg_t that owns what it points to.

libslurm never takes a pointer of the descriptor over, it only packs what is there, so everything it
points to must live as long as the call: it lives as long as the JobDesc.
"""

from _slurm.members cimport JOB_DESC, record
from _slurm.slurm cimport slurm_init_job_desc_msg


cdef class JobDesc:
    """Slurm's initial descriptor with the given members set, in the order given.

    MemberError (one of its kinds) names the first member that cannot be set as asked.
    """

    def __init__(self, members):
        self.kept = []
        slurm_init_job_desc_msg(&self.raw)
        for name, value in members.items():
            JOB_DESC.row(name).put(<char *>&self.raw, value, self.kept)


def describe(members, /):
    """Set the members in a job_desc_msg_t and read back all it then holds; no call is made."""
    desc = JobDesc(members)
    return record(&desc.raw, JOB_DESC.choose(None))
