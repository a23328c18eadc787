"""What every call to libslurm shares, see call.pyx."""

cdef int start(const char *conf) except -1
cdef int stop() except -1
cdef int begin() except -1
cdef str heard()
cdef object words(const char *text)
cdef object refusal(int code)
cdef int settle(int code, const void *reply) except -1
