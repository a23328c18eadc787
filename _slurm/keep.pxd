"""A JobFilter compiled to C, see keep.pyx."""

from libc.stdint cimport uint32_t
from posix.time cimport time_t

from _slurm.slurm cimport slurm_job_info_t


cdef struct Numbers:
    bint wanted  # whether there is a criterion at all
    size_t count
    const uint32_t *first  # in ascending order


cdef struct Texts:
    bint wanted
    size_t count
    const char **first


cdef class Keep:
    cdef list kept
    cdef Numbers job_ids
    cdef Numbers users
    cdef Numbers states
    cdef uint32_t state_flags
    cdef Texts accounts
    cdef Texts partitions
    cdef Texts names
    cdef const char *admin_comment
    cdef const char *admin_comment_prefix
    cdef bint from_wanted
    cdef bint until_wanted
    cdef time_t submit_from
    cdef time_t submit_until

    cdef bint passes(self, const slurm_job_info_t *job) noexcept nogil
    cdef bint right_time(self, time_t submitted) noexcept nogil
    cdef bint right_state(self, uint32_t state) noexcept nogil
    cdef bint right_id(self, const slurm_job_info_t *job) noexcept nogil
    cdef bint right_comment(self, const char *comment) noexcept nogil
