"""A job_desc_msg_t that owns what it points to, see job_desc.pyx."""

from _slurm.slurm cimport job_desc_msg_t


cdef class JobDesc:
    cdef job_desc_msg_t raw
    cdef list kept
