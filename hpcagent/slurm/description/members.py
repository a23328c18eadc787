"""The members of job_desc_msg_t that no option fills: what does, or why nothing may.

With the rows of ``hpcagent.slurm.options`` these are all of them, in every release from 20.11 to
26.05; a test reads the installed slurm.h and fails for one that is nowhere.
"""

from collections.abc import Mapping

BASE_MEMBERS: Mapping[str, int | None] = {
    "task_dist": 0x2000,  # SLURM_DIST_UNKNOWN; left alone slurmctld takes NO_VAL for cyclic
    "mem_bind_type": 0,
    "contiguous": 0,
    "mail_type": 0,
}
"""Where sbatch's default is not slurm_init_job_desc_msg's (sbatch opt.c, init_msg.c)."""

BASE_MEMBERS_SINCE: Mapping[tuple[int, int, int], Mapping[str, int | None]] = {
    (24, 5, 0): {"resv_port_cnt": None},  # init leaves 0, which turns the automatic count off
    (24, 11, 0): {"oom_kill_step": None},  # init leaves 0, which overrides the site's setting
}
"""The same for members that came with a release."""

FIELDS: Mapping[str, str] = {
    "admin_comment": "request_id",
    "argc": "argv",
    "argv": "argv",
    "env_size": "environment",
    "environment": "environment",
    "group_id": "group_id",
    "max_cpus": "max_cpus",
    "name": "name",
    "partition": "partition",
    "script": "script",
    "user_id": "user_id",
    "work_dir": "work_dir",
}
"""Filled from a field of SubmitJobRequest."""

DERIVED: Mapping[str, str] = {
    "job_size_str": "`nodes`, where it has `sizes` (Slurm 23.02 and later)",
    "bitflags": "says which sizes were given, beside the bits of options",
    "spank_job_env_size": "how many `spank_job_env` has",
    "min_cpus": "tasks times processors of each, or nodes, unless `min_cpus` says it",
}
"""Derived from options, as sbatch derives it (``hpcagent.slurm.description.derive``)."""

_ALLOCATIONS = "for salloc and srun only"
_FEDERATION = "slurmctlds of a federation tell it each other"
_INTERNAL = "slurmctld keeps it for itself"
_UPDATES = "for updates of a job only"
_X11 = "slurmctld refuses it for batch jobs (ESLURM_X11_NOT_AVAIL)"
_NO_OPTION = "sbatch has no option for it"

SKIPPED: Mapping[str, str] = {
    "alloc_node": "slurmctld takes the submitter's address",
    "alloc_resp_port": _ALLOCATIONS,
    "alloc_sid": "libslurm fills it with the process's session",
    "alloc_tls_cert": _ALLOCATIONS,
    "array_bitmap": _INTERNAL,
    "boards_per_node": _NO_OPTION,
    "cpu_bind": "for srun only",
    "cpu_bind_type": "for srun only",
    "crontab_entry": "for scrontab only",
    "end_time": _UPDATES,
    "env_hash": _INTERNAL,
    "fed_siblings_active": _FEDERATION,
    "fed_siblings_viable": _FEDERATION,
    "het_job_offset": "slurmctld numbers the components itself",
    "id": _INTERNAL,
    "immediate": _ALLOCATIONS,
    "job_id": "slurmctld chooses it: ids that are reused would let two jobs be taken for one",
    "job_id_str": _UPDATES,
    "licenses_tot": _INTERNAL,
    "ntasks_per_board": _NO_OPTION,
    "origin_cluster": _FEDERATION,
    "other_port": "a port of the submitter's for slurmctld to call: the agent watches the queue",
    "resp_host": "as other_port",
    "restart_cnt": _INTERNAL,
    "script_buf": _INTERNAL,
    "script_hash": _INTERNAL,
    "select_jobinfo": _INTERNAL,
    "selinux_context": "slurmctld sets it from `context`",
    "site_factor": "for job_submit plugins only",
    "sockets_per_board": _NO_OPTION,
    "step_id": "as job_id, since 25.11",
    "submit_line": "the command line of sbatch: there is none",
    "tres_req_cnt": _INTERNAL,
    "x11": _X11,
    "x11_magic_cookie": _X11,
    "x11_target": _X11,
    "x11_target_port": _X11,
}
"""Left alone, and why."""
