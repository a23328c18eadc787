"""Reading licenses."""

from libc.stdint cimport uint16_t

from _slurm.call cimport begin, settle
from _slurm.members cimport LICENSE_INFO, record
from _slurm.slurm cimport (
    license_info_msg_t,
    outcome,
    slurm_free_license_info_msg,
    slurm_load_licenses,
)


def load_licenses(*, members=None, uint16_t flags=0):
    """All licenses, slurm_load_licenses(3); see the stub for the contract."""
    cdef list rows = LICENSE_INFO.choose(members)
    cdef license_info_msg_t *reply = NULL
    cdef int code
    begin()
    with nogil:
        code = outcome(slurm_load_licenses(0, &reply, flags))
    settle(code, reply)
    try:
        return [record(&reply.lic_array[index], rows) for index in range(reply.num_lic)]
    finally:
        with nogil:
            slurm_free_license_info_msg(reply)
