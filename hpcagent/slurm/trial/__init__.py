"""Whether slurmctld would take a job, and when it would start."""
