"""Reading partitions."""

from libc.stdint cimport uint16_t

from _slurm.call cimport begin, settle
from _slurm.members cimport PARTITION_INFO, record
from _slurm.slurm cimport (
    outcome,
    partition_info_msg_t,
    slurm_free_partition_info_msg,
    slurm_load_partitions,
)


def load_partitions(*, members=None, uint16_t flags=0):
    """All partitions, slurm_load_partitions(3); see the stub for the contract."""
    cdef list rows = PARTITION_INFO.choose(members)
    cdef partition_info_msg_t *reply = NULL
    cdef int code
    begin()
    with nogil:
        code = outcome(slurm_load_partitions(0, &reply, flags))
    settle(code, reply)
    try:
        return [record(&reply.partition_array[index], rows) for index in range(reply.record_count)]
    finally:
        with nogil:
            slurm_free_partition_info_msg(reply)
