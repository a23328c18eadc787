"""From a JobSpec to a job_desc_msg_t: the option table, and sbatch's own derivations."""
