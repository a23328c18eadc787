/*
 * The one place where Slurm releases differ, and what Cython cannot say about libslurm.
 *
 * Everything above sees one interface: a job id is a number, a call's outcome is a code, a member of
 * a structure is a row of a table. Versions named here are those of slurm.h, 20.11 to 26.05; each
 * difference is dated by the first release that has it.
 */
#ifndef HPCAGENT_SHIM_H
#define HPCAGENT_SHIM_H

#ifndef _GNU_SOURCE
#error "fopencookie(3) needs _GNU_SOURCE before the first system header"
#endif

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <slurm/slurm.h>
#include <slurm/slurm_errno.h>
#include <slurm/slurmdb.h>

#if SLURM_VERSION_NUMBER < SLURM_VERSION_NUM(20, 11, 1)
#error "slurm_init(), which every call needs, came with Slurm 20.11.1"
#endif

/* ---------------------------------------------------------------------------------- outcomes -- */

/*
 * Calls differ in how they fail: slurm_submit_batch_job() returns -1 and sets errno, slurm_load_jobs()
 * returns the code itself. Must be called before anything else can touch errno. Never 0 on failure.
 */
static inline int outcome(int rc)
{
	if (rc >= 0)
		return rc;
	return errno ? errno : rc;
}

/* ----------------------------------------------------------------------------------- members -- */

enum member_kind {
	KIND_OPAQUE,
	KIND_STRING,
	KIND_STRINGS,
	KIND_U8,
	KIND_U16,
	KIND_U32,
	KIND_U64,
	KIND_TIME,
	KIND_DOUBLE,
	KIND_I32,
	KIND_U16S,
	KIND_U32S,
	KIND_U64S,
};

typedef struct {
	const char *name; /* NULL ends a table */
	int kind;
	size_t offset;
} member_t;

/* Of the member's address, because the value of an array member would pass for a pointer. */
#define MEMBER_KIND(type, path)                                                                    \
	_Generic(&((type *) NULL)->path,                                                           \
		char **: KIND_STRING,                                                              \
		char ***: KIND_STRINGS,                                                            \
		uint8_t *: KIND_U8,                                                                \
		uint16_t *: KIND_U16,                                                              \
		uint32_t *: KIND_U32,                                                              \
		uint64_t *: KIND_U64,                                                              \
		time_t *: KIND_TIME,                                                               \
		double *: KIND_DOUBLE,                                                             \
		int32_t *: KIND_I32,                                                               \
		uint16_t **: KIND_U16S,                                                            \
		uint32_t **: KIND_U32S,                                                            \
		uint64_t **: KIND_U64S,                                                            \
		default: KIND_OPAQUE)

/* One row; `path` differs from `name` where a release moved a member into a nested structure. */
#define MEMBER_AT(type, name, path) {#name, MEMBER_KIND(type, path), offsetof(type, path)},
#define MEMBER(type, name) MEMBER_AT(type, name, name)

/*
 * slurmctld older than 23.02 keeps the request's own `extra` string in the job record and frees it
 * twice: it aborts when the job is purged. So the member is not there for us (slurmctld/job_mgr.c).
 */
#define EXTRA_IS_SAFE (SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(23, 2, 0))

/* ------------------------------------------------------------------------------------- calls -- */

#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(25, 11, 0)
#define SUBMITTED_JOB_ID(reply) ((reply)->step_id.job_id)
#else
#define SUBMITTED_JOB_ID(reply) ((reply)->job_id)
#endif

static inline uint32_t submitted_job_id(const submit_response_msg_t *reply)
{
	return SUBMITTED_JOB_ID(reply);
}

/* `List` up to 22.05, `list_t *` since 23.02. */
typedef __typeof__(slurm_list_create(NULL)) list_handle_t;

/*
 * The list is made by libslurm, whose lists these are, and is only walked: what is in it stays ours.
 * Unlike the other calls here this one returns its outcome, for freeing the list may touch errno.
 */
static inline int submit_het_job(job_desc_msg_t **descs, size_t count, submit_response_msg_t **reply)
{
	list_handle_t components = slurm_list_create(NULL);
	int code;

	for (size_t index = 0; index < count; index++)
		slurm_list_append(components, descs[index]);
	code = outcome(slurm_submit_batch_het_job(components, reply));
	slurm_list_destroy(components);
	return code;
}

/* Exported by libslurm in all releases, and named in slurm.h in comments only. */
extern void slurm_free_will_run_response_msg(will_run_response_msg_t *reply);

/* The share of all CPUs that are allocated, in percent; not told since 25.05. */
static inline bool system_usage(const will_run_response_msg_t *reply, double *percent)
{
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(25, 5, 0)
	return false;
#else
	*percent = reply->sys_usage_per;
	return true;
#endif
}

static inline size_t preempted_count(const will_run_response_msg_t *reply)
{
	return reply->preemptee_job_id ? (size_t) slurm_list_count(reply->preemptee_job_id) : 0;
}

/* Writes preempted_count() numbers. */
static inline void preempted_jobs(const will_run_response_msg_t *reply, uint32_t *numbers)
{
	__typeof__(slurm_list_iterator_create(reply->preemptee_job_id)) each;
	uint32_t *number;

	if (!reply->preemptee_job_id)
		return;
	each = slurm_list_iterator_create(reply->preemptee_job_id);
	while ((number = slurm_list_next(each)))
		*numbers++ = *number;
	slurm_list_iterator_destroy(each);
}

static inline int load_job(job_info_msg_t **reply, uint32_t job_id, uint16_t flags)
{
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(26, 5, 0)
	slurm_step_id_t job = SLURM_STEP_ID_INITIALIZER;

	job.job_id = job_id;
	return slurm_load_job(reply, job, flags);
#else
	return slurm_load_job(reply, job_id, flags);
#endif
}

static inline int kill_job(const char *job_id, uint16_t signal, uint16_t flags)
{
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(21, 8, 0)
	return slurm_kill_job2(job_id, signal, flags, NULL);
#else
	return slurm_kill_job2(job_id, signal, flags);
#endif
}

/*
 * The calls that answer for an array task by task: slurm_suspend2(), slurm_resume2(), slurm_requeue2(),
 * slurm_update_job2(). When no answer came, or one that is neither of the two they know, they leave
 * SLURM_UNEXPECTED_MSG_ERROR in errno, over whatever was there, and in the second case return success.
 */
static inline int outcome_by_task(int rc, const job_array_resp_msg_t *reply)
{
	if (!rc && !reply && errno == SLURM_UNEXPECTED_MSG_ERROR)
		return errno;
	return outcome(rc);
}

/* What slurmctld says to one task's code, where it says more than the code; NULL if nothing. */
static inline const char *words_to_task(const job_array_resp_msg_t *reply, uint32_t index)
{
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(23, 2, 0)
	return reply->err_msg ? reply->err_msg[index] : NULL;
#else
	(void) reply;
	(void) index;
	return NULL;
#endif
}

static inline void free_conf(slurm_conf_t *conf)
{
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(26, 5, 0)
	slurm_free_conf(conf);
#else
	slurm_free_ctl_conf(conf);
#endif
}

/* Lists and their iterators: `List` and `ListIterator` at first, pointers since 23.11. */
typedef __typeof__(slurm_list_create(NULL)) slurm_list_t;
typedef __typeof__(slurm_list_iterator_create(NULL)) slurm_iterator_t;

/* A list whose elements are not its own. */
static inline slurm_list_t borrowing_list(void)
{
	return slurm_list_create(NULL);
}

/* Slurm's own number for a job in the accounting database. */
static inline uint32_t accounted_job_id(const slurmdb_job_rec_t *job)
{
	return job->jobid;
}

/* What jobs have of a node: in its record since 25.05, before that in the select plugin's. */
typedef struct {
	uint16_t cpus;
	uint64_t memory; /* MiB */
	char *tres; /* to be freed with free_node_use() */
} node_use_t;

extern char *slurm_xstrdup(const char *text);
extern void slurm_xfree(void **memory);

static inline node_use_t node_use(const node_info_t *node)
{
	node_use_t use = {0};

#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(25, 5, 0)
	use.cpus = node->alloc_cpus;
	use.memory = node->alloc_memory;
	use.tres = slurm_xstrdup(node->alloc_tres_fmt_str);
#else
	slurm_get_select_nodeinfo(node->select_nodeinfo, SELECT_NODEDATA_SUBCNT,
				  NODE_STATE_ALLOCATED, &use.cpus);
	slurm_get_select_nodeinfo(node->select_nodeinfo, SELECT_NODEDATA_MEM_ALLOC,
				  NODE_STATE_ALLOCATED, &use.memory);
	slurm_get_select_nodeinfo(node->select_nodeinfo, SELECT_NODEDATA_TRES_ALLOC_FMT_STR,
				  NODE_STATE_ALLOCATED, &use.tres);
#endif
	return use;
}

static inline void free_node_use(node_use_t *use)
{
	slurm_xfree((void **) &use->tres);
}

/* Exported by libslurm in all releases (sdiag and scontrol use them), and declared in none. */
extern void slurm_free_stats_response_msg(stats_info_response_msg_t *reply);
extern char *slurm_reservation_flags_string(reserve_info_t *reservation);
extern int slurm_bit_test(bitstr_t *bits, int64_t bit);
extern int64_t slurm_bit_size(bitstr_t *bits);

/* squeue's word for a reason. Exported by libslurm in all releases, and declared in none. */
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(24, 5, 0)
#define REASON_STRING slurm_job_state_reason_string
#else
#define REASON_STRING slurm_job_reason_string
#endif
extern const char *REASON_STRING(enum job_state_reason reason);

static inline const char *reason_word(uint32_t reason)
{
	return REASON_STRING((enum job_state_reason) reason);
}

/*
 * What slurm_init() read. Exported by libslurm (its plugins use it) though not declared in slurm.h,
 * and the only way to know the controllers while none of them answers.
 */
extern slurm_conf_t slurm_conf;

/* ------------------------------------------------------------------------- what libslurm says -- */

/*
 * Why slurmctld refuses a request is not returned by libslurm, only logged by it (error level, one
 * call a line). So the log is a stream of ours, which keeps each thread's words apart. libslurm calls
 * it on the thread that made the request, holding its own lock.
 */
typedef struct {
	size_t length;
	char text[8192]; /* what does not fit is dropped: eight times the longest comment */
} said_t;

static inline said_t *said(void)
{
	static __thread said_t mine;
	return &mine;
}

/* Lines look like "[time] error: text"; libslurm writes each with one call. */
static inline bool is_fatal(const char *line, size_t size)
{
	static const char mark[] = "] fatal: ";
	const char *end_of_time = memchr(line, ']', size);
	size_t length = sizeof(mark) - 1;

	return end_of_time && (size_t) (line + size - end_of_time) >= length &&
	       !memcmp(end_of_time, mark, length);
}

static inline ssize_t hear(void *cookie, const char *line, size_t size)
{
	said_t *mine = said();
	size_t room = sizeof(mine->text) - mine->length;
	size_t taken = size < room ? size : room;

	(void) cookie;
	if (is_fatal(line, size)) { /* the process ends now: nobody will ask what was said */
		if (write(STDERR_FILENO, mine->text, mine->length) >= 0)
			return write(STDERR_FILENO, line, size);
		return -1;
	}
	memcpy(mine->text + mine->length, line, taken);
	mine->length += taken;
	return (ssize_t) size;
}

enum { LOG_QUIET = 0, LOG_ERRORS = 2 }; /* log_level_t, the same in all releases */

/* log_options_t of src/common/log.h, which is passed by value and is not in an installed header. */
typedef struct {
	int stderr_level;
	int syslog_level;
	int logfile_level;
	bool prefix_level;
	bool buffered;
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(21, 8, 0)
	bool raw;
#endif
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(23, 2, 0)
	int logfile_format;
#endif
} log_options_t;

extern int slurm_log_alter_with_fp(log_options_t options, int facility, FILE *stream);

/*
 * Turns libslurm's log into said(). libslurm writes only to a stream whose descriptor polls as
 * writable, so the stream is given one of /dev/null (glibc's field; fopencookie() leaves it at -1).
 * Returns 0, else errno.
 */
static inline int capture_log(void)
{
	log_options_t errors_to_stream = {
		.stderr_level = LOG_QUIET,
		.syslog_level = LOG_QUIET,
		.logfile_level = LOG_ERRORS,
		.prefix_level = true,
	};
	FILE *stream = fopencookie(NULL, "w", (cookie_io_functions_t){.write = hear});
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (!stream || fd < 0)
		return errno;
	setvbuf(stream, NULL, _IONBF, 0);
	stream->_fileno = fd;
	slurm_log_alter_with_fp(errors_to_stream, 0, stream);
	return 0;
}

#include "credentials.h"

#endif
