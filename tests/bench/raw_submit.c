/*
 * The yardstick: what libslurm itself can submit, with nothing around it.
 *
 * raw_submit THREADS COUNT UID GID WORK_DIR: each thread submits COUNT held jobs; prints the seconds
 * that all took together. SLURM_CONF names the cluster.
 */
#include <pthread.h>
#include <slurm/slurm.h>
#include <slurm/slurm_errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int count;
static uid_t uid;
static gid_t gid;
static char *work_dir;

static void submit(void)
{
	char *environment[] = {"HOME=/nowhere", "SLURM_SUBMIT_DIR=/tmp", NULL};
	submit_response_msg_t *reply = NULL;
	job_desc_msg_t job;

	slurm_init_job_desc_msg(&job);
	job.user_id = uid;
	job.group_id = gid;
	job.partition = "power";
	job.name = "bench";
	job.work_dir = work_dir;
	job.script = "#!/bin/bash\nhostname\n";
	job.environment = environment;
	job.env_size = 2;
	job.min_nodes = job.max_nodes = 1;
	job.min_cpus = 1;
	job.priority = 0;
	if (slurm_submit_batch_job(&job, &reply) || !reply) {
		slurm_perror("submit");
		exit(1);
	}
	slurm_free_submit_response_response_msg(reply);
}

static void *work(void *unused)
{
	for (int i = 0; i < count; i++)
		submit();
	return unused;
}

int main(int argc, char **argv)
{
	struct timespec begin, end;
	int threads = atoi(argv[1]);
	pthread_t ids[threads];

	if (argc != 6)
		return 2;
	count = atoi(argv[2]);
	uid = atoi(argv[3]);
	gid = atoi(argv[4]);
	work_dir = argv[5];
	slurm_init(NULL);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (int i = 0; i < threads; i++)
		pthread_create(&ids[i], NULL, work, NULL);
	for (int i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%.6f\n", (end.tv_sec - begin.tv_sec) + (end.tv_nsec - begin.tv_nsec) / 1e9);
	return 0;
}
