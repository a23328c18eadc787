"""Where a job submitted through hpcagent differs from the one that sbatch would make, and why.

Everything else is equal: a test sends each option, alone and with others, through both. It heeds
these tables, and ``docs/options.md`` tells them.
"""

from collections.abc import Mapping

STRICTER: Mapping[str, str] = {
    "array": "an empty string: sbatch takes it for none",
    "clusters": "clusters without the agent's own: sbatch would go there",
    "comment": "an empty string, here and for every text: leave it unset",
    "cpus_per_gpu": "beside `cpus_per_task`, as sbatch; slurmctld alone would take both",
    "cpus_per_task": "65534 beside `overcommit`, which Slurm takes for no number (NO_VAL16)",
    "gpu_bind": "words that sbatch takes for another by their first letter: `nearest` for `none`",
    "hint": "beside sizes that the hint replaces: sbatch drops one of both silently",
    "mem_bind": "a list that is written out more than 1024 times",
    "mem_per_cpu_bytes": "0, which sbatch takes for all the memory of the node: use `mem_bytes`",
    "mem_per_gpu_bytes": "0, which sbatch takes for none",
    "nodelist": "an empty name: sbatch skips it",
    "nodes": "0, of which sbatch makes something beside a `nodelist`",
    "power": "any word but `level`: sbatch takes it for none",
    "priority": "0, which sbatch takes for held: use `hold`",
    "propagate": "an unknown limit beside `get_user_env`, with which sbatch does not look",
    "requeue": "false beside `requeue_expedite`: the last one wins with sbatch",
    "time": "0, which sbatch takes for unlimited: say `unlimited`",
}
"""Values that sbatch takes for something else than they say; hpcagent refuses them, by option."""

MEMBERS: Mapping[str, str] = {
    "admin_comment": "the agent's mark, where the request has a `request_id`",
    "argv": "begins with the job's name: there is no file of the script",
    "submit_line": "sbatch's command line: there is none",
}
"""Members of job_desc_msg_t that are sent otherwise."""

VARIABLES: Mapping[str, str] = {
    "SLURM_CPU_FREQ_REQ": "of a component with `cpu_freq` alone: sbatch gives it to all behind",
    "SLURM_HINT": "of a component with `hint` alone: sbatch gives it to all behind",
    "SLURM_EXPORT_ENV": "left out: srun in the job would keep the given variables from its tasks",
    "SLURM_PRIO_PROCESS": "always 0: sbatch hands on how nice it is itself",
    "SLURM_RLIMIT_*": "also set beside `get_user_env`, where sbatch leaves them to slurmd; a "
    "`propagate` holds for its own component alone",
}
"""Variables of the job's environment that differ."""

IN_SCRIPTS: Mapping[str, str] = {
    "--cpu-freq": "`2GHz`, which is 2 kHz to sbatch: write kHz, or a level",
    "--distribution": "`block::cyclic`, whose empty level sbatch passes over",
    "--gres": "`none`, which is for the steps of a job",
    "--mail-type": "an unknown word beside a known one, which sbatch passes over",
    "--nice": "`high`, which is 0 to sbatch, and `5x`, which is 5",
    "--nodes": "0, which asks for nothing, and `2-0`, which has no most",
    "--priority": "`high`, which is 0 to sbatch, and so a hold",
    "--profile": "`tasks`, in which sbatch finds `task`",
    "--signal": "`USR1@`, which is `USR1@0` to sbatch",
    "--switches": "a time that is none, which sbatch takes for a number",
    "--time": "a length below zero",
    '""': "an empty word, behind which sbatch does not read on",
    "hetjob": "with more behind it on its line, which sbatch does not read",
    "#PBS": "and `#BSUB` lines, which sbatch translates, unless there is an `--ignore-pbs`",
}
"""Of `#SBATCH` lines: refused by line and name, though sbatch takes it for something else."""
