"""The members of Slurm's structures as rows that can be set and read, see members.pyx."""

from libc.stdint cimport uint64_t


cdef class Member:
    cdef readonly str name
    cdef int kind
    cdef size_t offset
    cdef Member count

    cdef int put(self, char *struct, object value, list kept) except -1
    cdef object get(self, const char *struct)


cdef class Members:
    cdef readonly str struct
    cdef readonly object kinds
    cdef readonly object opaque
    cdef dict rows

    cdef Member row(self, str name)
    cdef list choose(self, object names)


cdef const char *text(str name, object value, list kept) except? NULL
cdef dict record(const void *struct, list rows)
cdef object amount(uint64_t value, uint64_t infinite)

cdef Members JOB_DESC
cdef Members JOB_INFO
cdef Members CONF
cdef Members PARTITION_INFO
cdef Members NODE_INFO
cdef Members RESERVE_INFO
cdef Members LICENSE_INFO
cdef Members STATISTICS
cdef Members ASSOC_REC
cdef Members QOS_REC
cdef Members JOB_REC
cdef Members STEP_REC
cdef Members STEP_STATS
cdef Members TRES_REC
