"""Watching slurmctld's queue, once for all who watch jobs."""
