/*
 * A task plugin that plays the kernel's part where jobs run out of memory.
 *
 * Slurm learns that from a memory cgroup (task/cgroup), and those are not everybody's to make: not
 * in a container, nor for an ordinary user. So a task that has ever been larger than BYTES is
 * reported to have run out of memory, with the word by which task/cgroup reports it. All that
 * follows is Slurm's own doing: slurmstepd's message, slurmctld's state, slurmdbd's record.
 */

#include <errno.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <slurm/slurm.h>
#include <slurm/slurm_errno.h>

const char plugin_name[] = "tells of tasks that were too large";
const char plugin_type[] = "task/short_of_memory";
const uint32_t plugin_version = SLURM_VERSION_NUMBER;

int init(void) { return SLURM_SUCCESS; }
int fini(void) { return SLURM_SUCCESS; }

/* Of a slurmstepd all children are of one task, but for a prolog or so, which are small. */
int task_p_post_term(void *step, void *task)
{
	struct rusage used;

	getrusage(RUSAGE_CHILDREN, &used);
	return (used.ru_maxrss > BYTES >> 10) ? ENOMEM : SLURM_SUCCESS;
}

#define NOTHING(name) int name() { return SLURM_SUCCESS; }
NOTHING(task_p_slurmd_batch_request)
NOTHING(task_p_slurmd_launch_request)
NOTHING(task_p_slurmd_suspend_job)
NOTHING(task_p_slurmd_resume_job)
NOTHING(task_p_pre_setuid)
NOTHING(task_p_pre_set_affinity)
NOTHING(task_p_set_affinity)
NOTHING(task_p_post_set_affinity)
NOTHING(task_p_pre_launch_priv)
NOTHING(task_p_pre_launch)
NOTHING(task_p_post_step)
NOTHING(task_p_add_pid)
NOTHING(task_p_update_mem_limit)
