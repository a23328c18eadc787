"""Reading associations and QOS as slurmctld holds them: their limits, and how much is used.

They come from the accounting database, but are told by slurmctld itself, which counts the use. What
is limited by trackable resource are arrays as long as there are resources, in the order of their
names.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memset

from _slurm.call cimport begin, settle, words
from _slurm.lists cimport as_text, each
from _slurm.members cimport ASSOC_REC, QOS_REC, amount, record
from _slurm.slurm cimport (
    ASSOC_MGR_INFO_FLAG_ASSOC,
    ASSOC_MGR_INFO_FLAG_QOS,
    assoc_mgr_info_msg_t,
    assoc_mgr_info_request_msg_t,
    bitstr_t,
    outcome,
    slurm_bit_size,
    slurm_bit_test,
    slurm_free_assoc_mgr_info_msg,
    slurm_load_assoc_mgr_info,
    slurmdb_assoc_rec_t,
    slurmdb_assoc_usage_t,
    slurmdb_qos_rec_t,
    slurmdb_qos_usage_t,
)

from _slurm.records import AssocMgr


def load_assoc_mgr(*, members=None, qos_members=None):
    """Associations and QOS, slurm_load_assoc_mgr_info(3); see the stub for the contract."""
    cdef assoc_mgr_info_request_msg_t request = empty_request()
    cdef assoc_mgr_info_msg_t *reply = NULL
    cdef int code
    rows, qos_rows = ASSOC_REC.choose(members), QOS_REC.choose(qos_members)
    begin()
    with nogil:
        code = outcome(slurm_load_assoc_mgr_info(&request, &reply))
    settle(code, reply)
    try:
        count = reply.tres_cnt
        return AssocMgr(
            tres_names=[words(reply.tres_names[index]) for index in range(count)],
            associations=each(reply.assoc_list, association, (rows, count)),
            qos=each(reply.qos_list, quality, (qos_rows, count)),
        )
    finally:
        with nogil:
            slurm_free_assoc_mgr_info_msg(reply)


cdef assoc_mgr_info_request_msg_t empty_request() noexcept:
    """A request for everything; its lists, which would narrow it, are NULL."""
    cdef assoc_mgr_info_request_msg_t request
    memset(&request, 0, sizeof(request))
    request.flags = ASSOC_MGR_INFO_FLAG_ASSOC | ASSOC_MGR_INFO_FLAG_QOS
    return request


cdef object association(void *element, object context):
    """An association with its limits and its use."""
    cdef slurmdb_assoc_rec_t *one = <slurmdb_assoc_rec_t *>element
    cdef list rows = context[0]
    cdef uint32_t count = context[1]
    cdef dict values = record(one, rows)
    values["grp_tres"] = limits(one.grp_tres_ctld, count)
    values["grp_tres_mins"] = limits(one.grp_tres_mins_ctld, count)
    values["grp_tres_run_mins"] = limits(one.grp_tres_run_mins_ctld, count)
    values["max_tres_pj"] = limits(one.max_tres_ctld, count)
    values["max_tres_pn"] = limits(one.max_tres_pn_ctld, count)
    values["max_tres_mins_pj"] = limits(one.max_tres_mins_ctld, count)
    values["qos_ids"] = each(one.qos_list, as_text, None)
    values["usage"] = None if one.usage is NULL else association_use(one.usage, count)
    return values


cdef dict association_use(slurmdb_assoc_usage_t *use, uint32_t count):
    """How much of an association's limits is used, in seconds where time counts."""
    return {
        "jobs": use.used_jobs,
        "submit_jobs": use.used_submit_jobs,
        "tres": limits(use.grp_used_tres, count),
        "tres_run_secs": limits(use.grp_used_tres_run_secs, count),
        "tres_secs": measures(use.usage_tres_raw, count),
        "wall_secs": use.grp_used_wall,
        "fs_factor": use.fs_factor,
    }


cdef object quality(void *element, object context):
    """A QOS with its limits and its use."""
    cdef slurmdb_qos_rec_t *one = <slurmdb_qos_rec_t *>element
    cdef list rows = context[0]
    cdef uint32_t count = context[1]
    cdef dict values = record(one, rows)
    values["grp_tres"] = limits(one.grp_tres_ctld, count)
    values["grp_tres_mins"] = limits(one.grp_tres_mins_ctld, count)
    values["grp_tres_run_mins"] = limits(one.grp_tres_run_mins_ctld, count)
    values["max_tres_pj"] = limits(one.max_tres_pj_ctld, count)
    values["max_tres_pn"] = limits(one.max_tres_pn_ctld, count)
    values["max_tres_mins_pj"] = limits(one.max_tres_mins_pj_ctld, count)
    values["max_tres_pu"] = limits(one.max_tres_pu_ctld, count)
    values["max_tres_pa"] = limits(one.max_tres_pa_ctld, count)
    values["min_tres_pj"] = limits(one.min_tres_pj_ctld, count)
    values["preempts"] = ones(one.preempt_bitstr)
    values["usage"] = None if one.usage is NULL else quality_use(one.usage, count)
    return values


cdef dict quality_use(slurmdb_qos_usage_t *use, uint32_t count):
    """How much of a QOS's limits is used, in seconds where time counts."""
    return {
        "jobs": use.grp_used_jobs,
        "submit_jobs": use.grp_used_submit_jobs,
        "tres": limits(use.grp_used_tres, count),
        "tres_run_secs": limits(use.grp_used_tres_run_secs, count),
        "tres_secs": measures(use.usage_tres_raw, count),
        "wall_secs": use.grp_used_wall,
    }


cdef list limits(const uint64_t *first, uint32_t count):
    """An array of amounts, one for each trackable resource."""
    if first is NULL:
        return []
    return [amount(first[index], <uint64_t>-1) for index in range(count)]


cdef list measures(const long double *first, uint32_t count):
    """An array of measures, one for each trackable resource."""
    if first is NULL:
        return []
    return [<double>first[index] for index in range(count)]


cdef list ones(bitstr_t *bits):
    """The places of the bits that are set."""
    cdef int64_t place
    if bits is NULL:
        return []
    return [place for place in range(slurm_bit_size(bits)) if slurm_bit_test(bits, place)]
