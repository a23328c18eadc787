/*
 * Preloaded into a process that submits jobs, it writes down what is submitted.
 *
 * What slurmctld tells of a job is less than what it was sent: job_info_t has neither the script, nor
 * the environment, nor --no-kill. So this stands before slurm_submit_batch_job() and
 * slurm_submit_batch_het_job(), in sbatch and in hpcagent's workers alike, and writes every member of
 * job_desc_msg_t into the file that JOB_DESC_RECORD names: "name=value" with a NUL behind each; once
 * more for each element of an array; nothing for what is NULL; a bare "=" between two components.
 * MEMBERS is the list of them all, made from the installed header.
 */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <slurm/slurm.h>

static void put_string(FILE *record, const char *name, const char *value)
{
	if (value)
		fprintf(record, "%s=%s%c", name, value, '\0');
}

static void put_number(FILE *record, const char *name, uint64_t value)
{
	fprintf(record, "%s=%ju%c", name, (uintmax_t) value, '\0');
}

static void put_time(FILE *record, const char *name, time_t value)
{
	fprintf(record, "%s=%jd%c", name, (intmax_t) value, '\0');
}

static void put_array(FILE *record, const char *name, char **values, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		put_string(record, name, values[i]);
}

/* Arrays, which need their length, and what only Slurm itself can read. */
static void put_nothing(FILE *record, const char *name, ...)
{
	(void) record;
	(void) name;
}

#define PUT(name)                                                                                  \
	_Generic(job->name,                                                                        \
		char *: put_string,                                                                \
		uint8_t: put_number,                                                               \
		uint16_t: put_number,                                                              \
		uint32_t: put_number,                                                              \
		uint64_t: put_number,                                                              \
		time_t: put_time,                                                                  \
		default: put_nothing)(record, #name, job->name);

static void write_members(FILE *record, const job_desc_msg_t *job)
{
	MEMBERS(PUT)
	put_array(record, "argv", job->argv, job->argc);
	put_array(record, "environment", job->environment, job->env_size);
	put_array(record, "spank_job_env", job->spank_job_env, job->spank_job_env_size);
}

static FILE *opened(const char *path)
{
	FILE *record = fopen(path, "r+"); /* never made here: its reader made it for all users */

	if (!record || ftruncate(fileno(record), 0)) {
		perror(path);
		abort();
	}
	return record;
}

static void closed(FILE *record)
{
	if (fclose(record)) {
		perror("JOB_DESC_RECORD");
		abort();
	}
}

int slurm_submit_batch_job(job_desc_msg_t *job, submit_response_msg_t **reply)
{
	int (*submit)(job_desc_msg_t *, submit_response_msg_t **) =
		dlsym(RTLD_NEXT, "slurm_submit_batch_job");
	FILE *record = opened(getenv("JOB_DESC_RECORD"));

	write_members(record, job);
	closed(record);
	return submit(job, reply);
}

typedef __typeof__(slurm_list_create(NULL)) list_handle_t;

int slurm_submit_batch_het_job(list_handle_t jobs, submit_response_msg_t **reply)
{
	int (*submit)(list_handle_t, submit_response_msg_t **) =
		dlsym(RTLD_NEXT, "slurm_submit_batch_het_job");
	FILE *record = opened(getenv("JOB_DESC_RECORD"));
	__typeof__(slurm_list_iterator_create(jobs)) each = slurm_list_iterator_create(jobs);
	const job_desc_msg_t *job = slurm_list_next(each);

	while (job) {
		write_members(record, job);
		if ((job = slurm_list_next(each)))
			put_string(record, "", "");
	}
	slurm_list_iterator_destroy(each);
	closed(record);
	return submit(jobs, reply);
}
