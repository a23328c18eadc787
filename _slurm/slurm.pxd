"""The part of slurm.h that is used, and shim.h: declarations only.

Structures show here only what the code walks in C; every other member is reached through the tables
of members.pyx, whose rows the C compiler works out from the installed header.
"""

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t
from posix.time cimport time_t
from posix.types cimport gid_t, uid_t


cdef extern from "shim.h" nogil:
    ctypedef void *slurm_list_t
    ctypedef void *slurm_iterator_t


cdef extern from "slurm/slurm.h" nogil:
    int SLURM_VERSION_NUMBER
    int SLURM_VERSION_MAJOR(int version)
    int SLURM_VERSION_MINOR(int version)
    int SLURM_VERSION_MICRO(int version)

    uint32_t JOB_STATE_BASE
    uint32_t JOB_REQUEUE_HOLD
    uint32_t ALLOC_SID_USER_HOLD
    uint16_t KILL_JOB_BATCH
    uint16_t KILL_FULL_JOB
    uint16_t SHOW_ALL
    uint16_t SHOW_DETAIL
    uint16_t SHOW_LOCAL

    int SLURM_NO_CHANGE_IN_DATA

    uint16_t NO_VAL16
    uint32_t NO_VAL
    uint64_t NO_VAL64
    uint16_t INFINITE16
    uint32_t INFINITE
    uint64_t INFINITE64

    ctypedef struct job_desc_msg_t:
        pass

    ctypedef struct submit_response_msg_t:
        uint32_t error_code
        char *job_submit_user_msg

    ctypedef struct will_run_response_msg_t:
        char *job_submit_user_msg
        char *node_list
        char *part_name
        uint32_t proc_cnt
        time_t start_time

    ctypedef struct job_array_resp_msg_t:
        uint32_t job_array_count
        char **job_array_id
        uint32_t *error_code

    ctypedef struct slurm_job_info_t:
        char *account
        char *admin_comment
        uint32_t array_job_id
        uint32_t het_job_id
        uint32_t job_id
        uint32_t job_state
        char *name
        char *partition
        time_t submit_time
        uint32_t user_id

    ctypedef struct job_info_msg_t:
        time_t last_update
        uint32_t record_count
        slurm_job_info_t *job_array

    ctypedef struct job_defaults_t:
        uint16_t type
        uint64_t value

    ctypedef struct partition_info_t:
        slurm_list_t job_defaults_list

    ctypedef struct partition_info_msg_t:
        uint32_t record_count
        partition_info_t *partition_array

    ctypedef struct node_info_t:
        char *name

    ctypedef struct node_info_msg_t:
        uint32_t record_count
        node_info_t *node_array

    ctypedef struct reserve_info_t:
        pass

    ctypedef struct reserve_info_msg_t:
        uint32_t record_count
        reserve_info_t *reservation_array

    ctypedef struct slurm_license_info_t:
        pass

    ctypedef struct license_info_msg_t:
        uint32_t num_lic
        slurm_license_info_t *lic_array

    uint16_t STAT_COMMAND_GET

    ctypedef struct stats_info_request_msg_t:
        uint16_t command_id

    ctypedef struct stats_info_response_msg_t:
        pass

    uint32_t ASSOC_MGR_INFO_FLAG_ASSOC
    uint32_t ASSOC_MGR_INFO_FLAG_QOS

    ctypedef struct assoc_mgr_info_request_msg_t:
        uint32_t flags

    ctypedef struct assoc_mgr_info_msg_t:
        slurm_list_t assoc_list
        slurm_list_t qos_list
        uint32_t tres_cnt
        char **tres_names

    ctypedef struct slurm_conf_t:
        uint32_t control_cnt
        char **control_machine

    void slurm_init(const char *conf)
    void slurm_fini()
    long slurm_api_version()
    char *slurm_strerror(int code)

    void slurm_init_job_desc_msg(job_desc_msg_t *desc)
    int slurm_submit_batch_job(job_desc_msg_t *desc, submit_response_msg_t **reply)
    void slurm_free_submit_response_response_msg(submit_response_msg_t *reply)
    int slurm_job_will_run2(job_desc_msg_t *desc, will_run_response_msg_t **reply)

    int slurm_suspend2(char *job_id, job_array_resp_msg_t **reply)
    int slurm_resume2(char *job_id, job_array_resp_msg_t **reply)
    int slurm_requeue2(char *job_id, uint32_t flags, job_array_resp_msg_t **reply)
    int slurm_update_job2(job_desc_msg_t *desc, job_array_resp_msg_t **reply)
    void slurm_free_job_array_resp(job_array_resp_msg_t *reply)

    int slurm_load_jobs(time_t changed_since, job_info_msg_t **reply, uint16_t flags)
    int slurm_load_job_user(job_info_msg_t **reply, uint32_t uid, uint16_t flags)
    void slurm_free_job_info_msg(job_info_msg_t *reply)

    int slurm_load_partitions(
        time_t changed_since, partition_info_msg_t **reply, uint16_t flags
    )
    void slurm_free_partition_info_msg(partition_info_msg_t *reply)

    int slurm_load_node(time_t changed_since, node_info_msg_t **reply, uint16_t flags)
    void slurm_free_node_info_msg(node_info_msg_t *reply)
    void slurm_populate_node_partitions(
        node_info_msg_t *nodes, partition_info_msg_t *partitions
    )

    int slurm_load_reservations(time_t changed_since, reserve_info_msg_t **reply)
    void slurm_free_reservation_info_msg(reserve_info_msg_t *reply)

    int slurm_load_licenses(time_t changed_since, license_info_msg_t **reply, uint16_t flags)
    void slurm_free_license_info_msg(license_info_msg_t *reply)

    int slurm_get_statistics(
        stats_info_response_msg_t **reply, stats_info_request_msg_t *request
    )

    int slurm_load_assoc_mgr_info(
        assoc_mgr_info_request_msg_t *request, assoc_mgr_info_msg_t **reply
    )
    void slurm_free_assoc_mgr_info_msg(assoc_mgr_info_msg_t *reply)

    slurm_iterator_t slurm_list_iterator_create(slurm_list_t elements)
    void slurm_list_iterator_destroy(slurm_iterator_t iterator)
    void *slurm_list_next(slurm_iterator_t iterator)
    void slurm_list_append(slurm_list_t elements, void *element)
    int slurm_list_count(slurm_list_t elements)
    void slurm_list_destroy(slurm_list_t elements)

    int slurm_load_ctl_conf(time_t changed_since, slurm_conf_t **reply)
    int slurm_ping(int controller)


cdef extern from "shim.h" nogil:
    int outcome(int rc)

    cdef enum member_kind:
        KIND_OPAQUE
        KIND_STRING
        KIND_STRINGS
        KIND_U8
        KIND_U16
        KIND_U32
        KIND_U64
        KIND_TIME
        KIND_DOUBLE
        KIND_I32
        KIND_U16S
        KIND_U32S
        KIND_U64S

    ctypedef struct member_t:
        const char *name
        int kind
        size_t offset

    bint EXTRA_IS_SAFE

    uint32_t submitted_job_id(const submit_response_msg_t *reply)
    int submit_het_job(job_desc_msg_t **descs, size_t count, submit_response_msg_t **reply)
    void slurm_free_will_run_response_msg(will_run_response_msg_t *reply)
    bint system_usage(const will_run_response_msg_t *reply, double *percent)
    size_t preempted_count(const will_run_response_msg_t *reply)
    void preempted_jobs(const will_run_response_msg_t *reply, uint32_t *numbers)
    int load_job(job_info_msg_t **reply, uint32_t job_id, uint16_t flags)
    int kill_job(const char *job_id, uint16_t signal, uint16_t flags)
    ctypedef struct node_use_t:
        uint16_t cpus
        uint64_t memory
        char *tres

    node_use_t node_use(const node_info_t *node)
    void free_node_use(node_use_t *use)
    void slurm_free_stats_response_msg(stats_info_response_msg_t *reply)
    char *slurm_reservation_flags_string(reserve_info_t *reservation)
    void slurm_xfree(void **memory)

    int outcome_by_task(int rc, const job_array_resp_msg_t *reply)
    const char *words_to_task(const job_array_resp_msg_t *reply, uint32_t index)
    const char *reason_word(uint32_t reason)
    void free_conf(slurm_conf_t *conf)
    slurm_conf_t slurm_conf

    ctypedef struct said_t:
        size_t length
        char *text

    said_t *said()
    int capture_log()

    int thread_set_uid(uid_t uid)
    int thread_set_gid(gid_t gid)
    int thread_set_groups(size_t count, const gid_t *groups)


cdef extern from "slurm/slurmdb.h" nogil:
    ctypedef struct bitstr_t:
        pass

    ctypedef struct slurmdb_assoc_usage_t:
        double fs_factor
        double grp_used_wall
        uint64_t *grp_used_tres
        uint64_t *grp_used_tres_run_secs
        uint32_t tres_cnt
        long double *usage_tres_raw
        uint32_t used_jobs
        uint32_t used_submit_jobs

    ctypedef struct slurmdb_assoc_rec_t:
        uint64_t *grp_tres_ctld
        uint64_t *grp_tres_mins_ctld
        uint64_t *grp_tres_run_mins_ctld
        uint64_t *max_tres_ctld
        uint64_t *max_tres_mins_ctld
        uint64_t *max_tres_pn_ctld
        slurm_list_t qos_list
        slurmdb_assoc_usage_t *usage

    ctypedef struct slurmdb_qos_usage_t:
        uint32_t grp_used_jobs
        uint32_t grp_used_submit_jobs
        uint64_t *grp_used_tres
        uint64_t *grp_used_tres_run_secs
        double grp_used_wall
        uint32_t tres_cnt
        long double *usage_tres_raw

    ctypedef struct slurmdb_qos_rec_t:
        uint64_t *grp_tres_ctld
        uint64_t *grp_tres_mins_ctld
        uint64_t *grp_tres_run_mins_ctld
        uint64_t *max_tres_mins_pj_ctld
        uint64_t *max_tres_pa_ctld
        uint64_t *max_tres_pj_ctld
        uint64_t *max_tres_pn_ctld
        uint64_t *max_tres_pu_ctld
        uint64_t *min_tres_pj_ctld
        bitstr_t *preempt_bitstr
        slurmdb_qos_usage_t *usage

    uint32_t JOBCOND_FLAG_NO_STEP
    uint32_t JOBCOND_FLAG_NO_TRUNC
    uint32_t JOBCOND_FLAG_NO_DEFAULT_USAGE
    uint32_t SLURMDB_JOB_FLAG_NOTSET

    ctypedef struct slurm_step_id_t:
        uint32_t job_id
        uint32_t step_id
        uint32_t step_het_comp

    ctypedef struct slurm_selected_step_t:
        uint32_t array_task_id
        uint32_t het_job_offset
        slurm_step_id_t step_id

    ctypedef struct slurmdb_job_cond_t:
        slurm_list_t acct_list
        slurm_list_t cluster_list
        uint32_t db_flags
        uint32_t flags
        slurm_list_t step_list
        time_t usage_end
        time_t usage_start
        slurm_list_t userid_list

    ctypedef struct slurmdb_job_rec_t:
        char *account
        char *admin_comment
        char *jobname
        char *partition
        uint32_t state
        slurm_list_t steps
        time_t submit

    ctypedef struct slurmdb_stats_t:
        pass

    ctypedef struct slurmdb_step_rec_t:
        slurmdb_stats_t stats

    ctypedef struct slurmdb_tres_cond_t:
        pass

    void *slurmdb_connection_get(uint16_t *flags)
    int slurmdb_connection_close(void **connection)
    slurm_list_t slurmdb_jobs_get(void *connection, slurmdb_job_cond_t *condition)
    void slurmdb_init_tres_cond(slurmdb_tres_cond_t *condition, bint free_it)
    slurm_list_t slurmdb_tres_get(void *connection, slurmdb_tres_cond_t *condition)


cdef extern from "shim.h" nogil:
    slurm_list_t borrowing_list()
    uint32_t accounted_job_id(const slurmdb_job_rec_t *job)
    int slurm_bit_test(bitstr_t *bits, int64_t bit)
    int64_t slurm_bit_size(bitstr_t *bits)
