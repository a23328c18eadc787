"""Doing something with jobs that exist: the orders of a job's user, carried out and answered."""
