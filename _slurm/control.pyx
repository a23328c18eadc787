"""Calls that change a job that exists."""

from libc.stdint cimport uint16_t

from _slurm.call cimport begin, refusal
from _slurm.members cimport text
from _slurm.slurm cimport kill_job, outcome


def kill_job2(str job_id not None, uint16_t signal, uint16_t flags=0):
    """Send a signal to a job, slurm_kill_job2(3); see the stub for the contract."""
    cdef list kept = []
    cdef const char *target = text("job_id", job_id, kept)
    cdef int code
    begin()
    with nogil:
        code = outcome(kill_job(target, signal, flags))
    if code:
        raise refusal(code)
