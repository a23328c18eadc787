"""What is in Slurm's lists, whose type differs from release to release."""

from _slurm.call cimport words
from _slurm.slurm cimport (
    slurm_iterator_t,
    slurm_list_iterator_create,
    slurm_list_iterator_destroy,
    slurm_list_next,
    slurm_list_t,
)


cdef list each(slurm_list_t elements, reader_t reader, object context):
    """What `reader` makes of each element, in order; nothing for NULL, which is no list."""
    cdef slurm_iterator_t iterator
    cdef void *element
    cdef list made = []
    if elements is NULL:
        return made
    iterator = slurm_list_iterator_create(elements)
    try:
        element = slurm_list_next(iterator)
        while element is not NULL:
            made.append(reader(element, context))
            element = slurm_list_next(iterator)
    finally:
        slurm_list_iterator_destroy(iterator)
    return made


cdef object as_text(void *element, object context):
    """An element that is a C string."""
    return words(<const char *>element)
