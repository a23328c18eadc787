"""Reading how slurmctld fares: what sdiag(1) prints."""

from _slurm.call cimport begin, settle
from _slurm.members cimport STATISTICS, record
from _slurm.slurm cimport (
    STAT_COMMAND_GET,
    outcome,
    slurm_free_stats_response_msg,
    slurm_get_statistics,
    stats_info_request_msg_t,
    stats_info_response_msg_t,
)


def get_statistics(*, members=None):
    """The scheduler's statistics, slurm_get_statistics(3); see the stub for the contract."""
    cdef list rows = STATISTICS.choose(members)
    cdef stats_info_request_msg_t request
    cdef stats_info_response_msg_t *reply = NULL
    cdef int code
    request.command_id = STAT_COMMAND_GET
    begin()
    with nogil:
        code = outcome(slurm_get_statistics(&reply, &request))
    settle(code, reply)
    try:
        return record(reply, rows)
    finally:
        with nogil:
            slurm_free_stats_response_msg(reply)
