"""What is in Slurm's lists, see lists.pyx."""

from _slurm.slurm cimport slurm_list_t

ctypedef object (*reader_t)(void *element, object context)

cdef list each(slurm_list_t elements, reader_t reader, object context)
cdef object as_text(void *element, object context)
