/*
 * A SPANK plugin that sets the job's control environment in sbatch, as those of sites do.
 *
 * What it shall set stands in the variable SPANK_JOB_ENV: "NAME=value", each but the last with a unit
 * separator behind it. The variable itself is taken away, so that the job does not get it.
 */
#include <stdlib.h>
#include <string.h>

#include <slurm/spank.h>

SPANK_PLUGIN(job_env, 1)

int slurm_spank_init_post_opt(spank_t spank, int argc, char *argv[])
{
	char *left = getenv("SPANK_JOB_ENV"), *entry, *value;
	spank_err_t error = ESPANK_SUCCESS;

	(void) argc;
	(void) argv;
	if (spank_context() != S_CTX_ALLOCATOR || !left)
		return 0;
	while (!error && (entry = strsep(&left, "\x1f"))) {
		value = strchr(entry, '=');
		*value++ = '\0';
		error = spank_job_control_setenv(spank, entry, value, 1);
	}
	unsetenv("SPANK_JOB_ENV");
	return error ? -1 : 0;
}
