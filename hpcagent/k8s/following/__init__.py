"""Watching the objects of jobs, once for all who watch jobs."""
