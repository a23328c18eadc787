"""Reading reservations."""

from _slurm.call cimport begin, settle, words
from _slurm.members cimport RESERVE_INFO, record
from _slurm.slurm cimport (
    outcome,
    reserve_info_msg_t,
    reserve_info_t,
    slurm_free_reservation_info_msg,
    slurm_load_reservations,
    slurm_reservation_flags_string,
    slurm_xfree,
)


def load_reservations(*, members=None):
    """All reservations, slurm_load_reservations(3); see the stub for the contract."""
    cdef list rows = RESERVE_INFO.choose(members)
    cdef reserve_info_msg_t *reply = NULL
    cdef int code
    begin()
    with nogil:
        code = outcome(slurm_load_reservations(0, &reply))
    settle(code, reply)
    try:
        return [
            reservation_record(&reply.reservation_array[index], rows)
            for index in range(reply.record_count)
        ]
    finally:
        with nogil:
            slurm_free_reservation_info_msg(reply)


cdef dict reservation_record(reserve_info_t *reservation, list rows):
    """The members of a reservation, and Slurm's words for its flags."""
    cdef char *flags = slurm_reservation_flags_string(reservation)
    cdef dict values = record(reservation, rows)
    try:
        values["flag_words"] = words(flags)
        return values
    finally:
        slurm_xfree(<void **>&flags)
